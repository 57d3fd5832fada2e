"""What a run has measured so far, kept in its folder so that it can be taken up again."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from torch import Tensor

from deghost.errors import WriteError
from deghost.io.atomic import atomic_write


PACKAGE = Path(__file__).parent.parent
RECORDS, PICTURES = "records", "pictures"
SUMMARIES = ("outputs", "report", "results", "tables")
PRESENTATION = (*SUMMARIES, "cautions", "plots", "published")  # change no number


@dataclass(frozen=True)
class Record:
    """One picture that was measured."""

    name: str
    method: str
    group: str
    scores: Mapping[str, float]  # by the names of the protocol's columns
    truth_range: tuple[float, float]  # in the protocol's values, before it clips
    key: str  # of all that the scores depend on
    seconds: float | None = None  # that the method took
    scaling: float = 1.0  # of a data set's light, to the protocol's scale
    size: tuple[int, int] | None = None  # width and height of the truth; None if not known


@dataclass(frozen=True)
class Failure:
    """One picture that could not be measured, and why, in one line."""

    name: str
    method: str
    reason: str


Outcome = Record | Failure


@dataclass(frozen=True)
class RunFolder:
    """A folder of `records`, and of the `pictures` that go with them."""

    path: Path

    def open(self) -> None:
        """Make the folder. Raises WriteError if it holds something else."""
        if self.path.is_dir() and any(self.path.iterdir()):
            if not (self.path / RECORDS).is_dir():
                raise WriteError(
                    f"{self.path.name} holds other files; give a new folder, or that of a run"
                )
        elif self.path.exists() and not self.path.is_dir():
            raise WriteError(f"{self.path.name} is a file; give the name of a folder")
        (self.path / RECORDS).mkdir(parents=True, exist_ok=True)

    def load(self, name: str, method: str, key: str) -> Record | None:
        """Give the record of a picture if it was measured under the same key."""
        path = self._record(name, method)
        try:
            record = _from_json(path.read_text("utf-8"))
        except (OSError, ValueError, KeyError, TypeError):
            return None  # not there, or not whole: measured again
        return record if (record.name, record.method, record.key) == (name, method, key) else None

    def save(self, record: Record) -> None:
        """Keep a record, in place of an older one of the same picture."""
        path = self._record(record.name, record.method)
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, _to_json(record).encode(), force=True)

    def picture(self, name: str, kind: str) -> Path:
        """Where a picture of a scene lies: `truth`, a method's, or `METHOD error`."""
        return self.path / PICTURES / _file_name(name) / f"{_file_name(kind)}.webp"

    def save_picture(self, name: str, kind: str, data: bytes) -> None:
        """Keep a picture."""
        path = self.picture(name, kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, data, force=True)

    def _record(self, name: str, method: str) -> Path:
        return self.path / RECORDS / _file_name(method) / f"{_file_name(name)}.json"


def checksum(*parts: Tensor | str | float | None) -> str:
    """Hash tensors, with their shapes, and plain values.

    Example:
        >>> import torch
        >>> checksum("a", torch.ones(2)) == checksum("a", torch.ones(1, 2))
        False
    """
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, Tensor):
            array = np.ascontiguousarray(part.numpy())
            found.update(f"{array.dtype}{array.shape}".encode())
            found.update(array.data)
        else:
            found.update(repr(part).encode())
        found.update(b"\0")
    return found.hexdigest()


@cache
def code_checksum(folders: Sequence[str]) -> str:
    """Hash parts of this program, whose results must not outlive a change of it."""
    found = hashlib.sha256()
    for folder in folders:
        for path in sorted((PACKAGE / folder).rglob("*")):
            place = path.relative_to(PACKAGE)
            if not path.is_file() or "__pycache__" in place.parts:
                continue
            if not place.parts[1].startswith(PRESENTATION):
                found.update(f"{place}\0".encode())
                found.update(path.read_bytes())
    return found.hexdigest()


def plain_number(value: float) -> float | str:
    """Give a number as JSON can hold it: infinity and not-a-number as words."""
    return value if np.isfinite(value) else str(value)


def _to_json(record: Record) -> str:
    data = asdict(record)
    data["scores"] = {name: plain_number(value) for name, value in record.scores.items()}
    return json.dumps(data, indent=1, allow_nan=False)


def _from_json(text: str) -> Record:
    data: dict[str, Any] = json.loads(text)
    low, high = data["truth_range"]
    scores = {name: float(value) for name, value in data["scores"].items()}
    size = None if data["size"] is None else tuple(map(int, data["size"]))
    changes = {"scores": scores, "truth_range": (float(low), float(high)), "size": size}
    return Record(**{**data, **changes})


def _file_name(name: str) -> str:
    """Turn any name into that of one file."""
    return quote(name, safe=" ") or "%"
