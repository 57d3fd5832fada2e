"""Which scenes are for training, for validation and for testing.

The official split of a data set is told by its folders, or by the list of names in `splits/`.
Our validation scenes are carved from the training scenes, by whole groups: takes of one scene,
frames of one video, pictures of one place. The benchmarks' test scenes are never touched.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal


Part = Literal["train", "validation", "test", "unused", "unknown"]

ENDING = r"([-_ ]?(set|npz|data))?"
FOLDERS: dict[str, Part] = {
    rf"train(ing)?{ENDING}": "train",
    rf"test(ing)?{ENDING}": "test",
    rf"val(id(ation)?)?{ENDING}": "validation",
}
SPLITS = Path(__file__).parent / "splits"


@dataclass(frozen=True)
class Split:
    """How the scenes of one data set are divided."""

    group: str = r"([^/]+)$"  # what a scene's name has in common with its relatives'
    train: frozenset[str] = frozenset()  # groups, where no folder says it
    test: frozenset[str] = frozenset()
    validation: frozenset[str] = frozenset()  # groups of training scenes that we set aside
    unused: frozenset[str] = frozenset()  # too near the validation scenes to train on
    validation_share: float = 0.0  # of groups whose names no list can know
    consecutive: int = 1  # so many numbers in a row are one group, called 001, 002 ...
    folders: dict[str, Part] = field(
        default_factory=lambda: dict(FOLDERS)
    )  # patterns of their names

    def group_of(self, name: str) -> str:
        """What scenes that must stay on one side of the split have in common."""
        found = re.search(self.group, name)
        if found and self.consecutive > 1:
            return f"{int(found[1]) // self.consecutive + 1:03d}"
        return found[1] if found else name


def part_of(layout: str, name: str, root: Path) -> Part:
    """Tell what a scene is for, by its name in a set and by the folder that the set was opened at.

    Example:
        >>> part_of("kalantari17", "Training/001", Path("SIG17"))
        'train'
        >>> part_of("kalantari17", "010", Path("SIG17/Training"))
        'train'
        >>> part_of("kalantari17", "Training/033", Path("SIG17"))
        'validation'
    """
    split = read_split(layout)
    group = split.group_of(name)
    part = _official_part(split, group, f"{root.name or root.resolve().name}/{name}")
    if part != "train":
        return part
    if group in split.unused:
        return "unused"
    return "validation" if group in split.validation or _is_drawn(split, group) else "train"


@lru_cache(maxsize=64)
def read_split(layout: str) -> Split:
    """Read the split of a layout; one without a list goes by its folders."""
    path = SPLITS / f"{layout}.json"
    if not path.exists():
        return Split()
    stored: dict[str, Any] = json.loads(path.read_text("utf-8"))
    stored.pop("about")
    lists = {key: frozenset(value) for key, value in stored.items() if isinstance(value, list)}
    return Split(**{**stored, **lists})


def _official_part(split: Split, group: str, path: str) -> Part:
    """The part by the folders of a scene, innermost first, or else by the lists of names."""
    for component in reversed(path.lower().split("/")[:-1]):
        for pattern, part in split.folders.items():
            if re.fullmatch(pattern, component):
                return part
    if group in split.test:
        return "test"
    return "train" if group in split.train else "unknown"


def _is_drawn(split: Split, group: str) -> bool:
    """Whether a group falls among the share set aside, by the SHA-256 of its name."""
    drawn = int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") / 2**32
    return drawn < split.validation_share
