"""Sets of scenes on disk: what a layout is, and its scenes one at a time, by number or by name."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from deghost.data.splits import Part, part_of
from deghost.errors import ReadError
from deghost.types import Scene


DEEPEST = 6  # folders below the root that are looked into


@dataclass(frozen=True)
class Folder:
    """The names in one folder, sorted; hidden ones are left out."""

    path: Path
    name: str  # under the root, with slashes; "" for the root itself
    files: tuple[str, ...]
    folders: tuple[str, ...]

    def paths(self, names: Iterable[str]) -> tuple[Path, ...]:
        """The paths of files of this folder."""
        return tuple(self.path / name for name in names)

    def scene_name(self, own: str = "") -> str:
        """The name of a scene of this folder, of its own name if it has several."""
        return "/".join(filter(None, [self.name, own])) or self.path.resolve().name


@dataclass(frozen=True)
class Tree:
    """All folders under a root, looked at once however many layouts ask."""

    root: Path
    folders: Mapping[str, Folder]  # by their names under the root

    def __iter__(self) -> Iterator[Folder]:
        return iter(self.folders.values())

    def inside(self, folder: Folder, name: str) -> Folder | None:
        """The folder of this name in a folder, None if there is none."""
        return self.folders.get(f"{folder.name}/{name}" if folder.name else name)


@dataclass(frozen=True)
class Entry:
    """Where one scene of a set lies, and which of its files are not there."""

    name: str
    files: Mapping[str, tuple[Path, ...]]  # by what they are for: "frames", "truth" ...
    missing: tuple[str, ...] = ()  # names of files without which it cannot be read
    about: str = ""  # what a reader must know besides

    def one(self, purpose: str) -> Path | None:
        """The only file for a purpose, None if there is none."""
        paths = self.files.get(purpose, ())
        return paths[0] if paths else None


@dataclass(frozen=True)
class Layout:
    """How one public data set lies on disk."""

    name: str
    title: str
    find: Callable[[Tree], Iterable[Entry]]  # complete and incomplete scenes
    read: Callable[[Entry], Scene]
    wanted: str  # what a scene consists of, in words
    is_detected: bool = True  # else it must be named


@dataclass(frozen=True)
class SceneSet:
    """The complete scenes of a folder; each is read when it is asked for."""

    layout: Layout
    root: Path
    entries: tuple[Entry, ...]
    incomplete: tuple[Entry, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the scenes, in order."""
        return tuple(entry.name for entry in self.entries)

    def __getitem__(self, index: int) -> Scene:
        """Read one scene. Raises ReadError that names the scene and the file."""
        entry = self.entries[index]
        try:
            return self.layout.read(entry)
        except ReadError as error:
            raise ReadError(f"{entry.name}: {error}") from error

    def __iter__(self) -> Iterator[Scene]:
        return (self[index] for index in range(len(self)))

    def scene(self, name: str) -> Scene:
        """Read the scene of a name. Raises KeyError that lists some names."""
        if name not in self.names:
            raise KeyError(f"no scene named {name!r}; there are: {', '.join(self.names[:9])} ...")
        return self[self.names.index(name)]

    @property
    def parts(self) -> tuple[Part, ...]:
        """What each scene is for: train, validation, test, unused or unknown."""
        return tuple(part_of(self.layout.name, name, self.root) for name in self.names)

    def select(self, part: Part) -> "SceneSet":
        """Keep the scenes of one part of the split. Raises KeyError for a part there is not."""
        if part not in get_args(Part):
            raise KeyError(f"no part named {part!r}; there are: {', '.join(get_args(Part))}")
        chosen = zip(self.entries, self.parts, strict=True)
        return replace(self, entries=tuple(entry for entry, own in chosen if own == part))


def look_into(root: Path) -> Tree:
    """List the folders under `root`, itself included, in order. Raises ReadError."""
    if not root.exists():
        raise ReadError(f"{root.name} does not exist; check the path {root}")
    if not root.is_dir():
        raise ReadError(f"{root.name} is a file; give the folder of a data set")
    folders: dict[str, Folder] = {}
    _list(root, "", folders)
    return Tree(root, folders)


def _list(path: Path, name: str, folders: dict[str, Folder]) -> None:
    try:
        with os.scandir(path) as found:
            kinds = {child.name: child.is_dir() for child in found if child.name[0] != "."}
    except OSError as error:
        raise ReadError(f"{path.name} cannot be listed; change its permissions") from error
    inner = tuple(sorted(own for own, is_folder in kinds.items() if is_folder))
    files = tuple(sorted(own for own, is_folder in kinds.items() if not is_folder))
    folders[name] = Folder(path, name, files, inner)
    if name.count("/") + 1 < DEEPEST:
        for own in inner:
            _list(path / own, f"{name}/{own}" if name else own, folders)
