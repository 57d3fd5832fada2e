"""Which prediction belongs to which truth, and what their files hold."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from deghost.data.layouts import open_scenes
from deghost.data.scene_set import SceneSet
from deghost.errors import ReadError, SettingsError
from deghost.evaluate.reading import (
    Reading,
    Truth,
    name_of,
    read_truth_file,
    read_truth_scene,
)
from deghost.evaluate.records import Failure


Parts = tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """A prediction and its truth, not yet read."""

    name: str
    group: str
    prediction: Path
    read_truth: Callable[[], Truth]


@dataclass(frozen=True)
class Pairing:
    """What belongs together, and what is left over."""

    pairs: tuple[Found, ...]
    failures: tuple[Failure, ...]  # truths without a prediction of their own
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """A truth that looks for its prediction."""

    parts: Parts  # its name
    read: Callable[[], Truth]


def find_pairs(predictions: Path, truth: Path, reading: Reading, layout: str | None) -> Pairing:
    """Match two files, or two folders by the names of files or of scenes' folders.

    The truths may be a data set of a known layout; of one with a test part that part is taken.
    Raises ReadError, SettingsError.
    """
    for path in (predictions, truth):
        if not path.exists():
            raise ReadError(f"{path.name} does not exist; check the path {path}")
    if predictions.is_file() and truth.is_file():
        read = partial(read_truth_file, truth, reading)
        return Pairing((Found(predictions.stem, "", predictions, read),), (), ())
    if predictions.is_file() or truth.is_file():
        raise SettingsError("one of the two is a file, the other a folder; give two of a kind")
    scenes = _scenes(truth, layout)
    if scenes is None:
        return _matched(_truth_files(truth, reading), predictions, reading)
    wanted, notes = _truth_scenes(scenes, reading)
    found = _matched(wanted, predictions, reading)
    return replace(found, notes=(*notes, *found.notes))


def _truth_scenes(scenes: SceneSet, reading: Reading) -> tuple[list[Wanted], tuple[str, ...]]:
    """List the scenes with truths, of the test part alone if it has some, and tell that."""
    known = [k for k, entry in enumerate(scenes.entries) if entry.files.get("truth")]
    parts = scenes.parts
    chosen = [k for k in known if parts[k] == "test"] or known
    wanted = [
        Wanted(tuple(scenes.names[k].split("/")), partial(read_truth_scene, scenes, k, reading))
        for k in chosen
    ]
    if len(chosen) == len(known):
        return wanted, ()
    note = (
        f"of {len(known)} scenes with a truth, the {len(chosen)} of the test part were taken; to "
        "measure others, give their folder as the truth"
    )
    return wanted, (note,)


def _truth_files(folder: Path, reading: Reading) -> list[Wanted]:
    """List all pictures in a folder as truths. Raises ReadError."""
    paths = _pictures(folder, reading)
    if not paths:
        known = ", ".join(reading.endings)
        raise ReadError(f"{folder.name} holds no pictures; truths are {known}")
    alone = _alone(paths)
    wanted = []
    for path in paths:
        inner = path.relative_to(folder).parent.parts
        parts = inner if inner and path in alone else (*inner, name_of(path))
        wanted.append(Wanted(parts, partial(read_truth_file, path, reading)))
    return wanted


def _scenes(folder: Path, layout: str | None) -> SceneSet | None:
    """Open a data set with truths; None if the folder is not one."""
    try:
        scenes = open_scenes(folder, layout)
    except ReadError:
        if layout is not None:
            raise
        return None
    has_truths = any(entry.files.get("truth") for entry in scenes.entries)
    return scenes if has_truths or layout is not None else None


def _matched(wanted: Sequence[Wanted], folder: Path, reading: Reading) -> Pairing:
    """Find the prediction of every truth."""
    paths = _pictures(folder, reading)
    alone = _alone(paths)
    last = Counter(truth.parts[-1] for truth in wanted)
    pairs, failures = [], []
    for truth in wanted:
        candidates = _candidates(truth.parts, paths, alone, folder, last[truth.parts[-1]] == 1)
        name = "/".join(truth.parts)
        if len(candidates) == 1:
            pairs.append(Found(name, "/".join(truth.parts[:-1]), candidates[0], truth.read))
        else:
            reason = "no prediction has its name" if not candidates else "several predictions fit"
            failures.append(Failure(name, folder.name, f"{reason} in {folder.name}"))
    used = {pair.prediction for pair in pairs}
    unused = [path.name for path in paths if path not in used]
    note = f"{len(unused)} predictions have no truth, the first is {min(unused)}" if unused else ""
    return Pairing(tuple(pairs), tuple(failures), (note,) if note else ())


def _candidates(
    parts: Parts, paths: Sequence[Path], alone: set[Path], folder: Path, is_unique: bool
) -> list[Path]:
    """The predictions that a truth's name fits, by the strictest rule that any fits."""
    rules: list[Callable[[Parts, str, bool], bool]] = [
        lambda inner, stem, only: (*inner, stem) == parts,
        lambda inner, stem, only: only and inner == parts,
    ]
    if is_unique:
        rules += [
            lambda inner, stem, only: stem == parts[-1],
            lambda inner, stem, only: only and inner[-1:] == parts[-1:],
        ]
    keys = [(path.relative_to(folder).parent.parts, name_of(path), path in alone) for path in paths]
    for rule in rules:
        fitting = [path for path, key in zip(paths, keys, strict=True) if rule(*key)]
        if fitting:
            return fitting
    return []


def _pictures(folder: Path, reading: Reading) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in reading.endings
        and not path.name.startswith(".")
        and path.is_file()
    )


def _alone(paths: Sequence[Path]) -> set[Path]:
    """The pictures that are the only ones of their folder."""
    count = Counter(path.parent for path in paths)
    return {path for path in paths if count[path.parent] == 1}
