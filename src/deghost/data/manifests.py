"""Manifests: what a written data set consists of, with a checksum of every file."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deghost.data.layout_files import reading
from deghost.errors import ReadError
from deghost.io.atomic import atomic_write


MANIFEST = "manifest.json"
CHUNK = 2**20


def write_manifest(folder: Path, files: Iterable[Path], about: Mapping[str, Any]) -> str:
    """Write `manifest.json` with the SHA-256 of `files`, and give the SHA-256 of all of them.

    That of all is the one of the sorted lines `checksum  path`, as `sha256sum` writes them.
    Raises WriteError.
    """
    sums = {path.relative_to(folder).as_posix(): _checksum(path) for path in files}
    total = _total(sums)
    stored = {**about, "sha256": total, "files": dict(sorted(sums.items()))}
    text = json.dumps(stored, indent=1) + "\n"
    atomic_write(folder / MANIFEST, text.encode(), force=True)
    return total


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a folder. Raises ReadError."""
    path = folder / MANIFEST
    with reading(path):
        stored = json.loads(path.read_text("utf-8"))
    if not isinstance(stored, dict) or not isinstance(stored.get("files"), dict):
        raise ReadError(f"{path.name} is no manifest of a data set; write the set again")
    return stored


def check_manifest(folder: Path) -> str:
    """Compare every file with its checksum and give the one of all.

    Raises ReadError that names the first file that is missing or differs.
    """
    stored = read_manifest(folder)
    sums: dict[str, str] = {}
    for name, expected in stored["files"].items():
        path = folder / name
        if not path.is_file():
            raise ReadError(f"{name} is missing; write or copy the set in {folder.name} again")
        sums[name] = _checksum(path)
        if sums[name] != expected:
            raise ReadError(f"{name} differs from its checksum; write or copy the set again")
    if _total(sums) != stored.get("sha256"):
        raise ReadError(f"{MANIFEST} does not fit its own checksum; write or copy the set again")
    return _total(sums)


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _total(sums: Mapping[str, str]) -> str:
    lines = "".join(f"{value}  {name}\n" for name, value in sorted(sums.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
