"""What data and weights are, wherever they lie: a few words with a checksum.

A run stores them, and may be gone on with on another machine, where its folders lie elsewhere.
"""

import hashlib
from collections.abc import Callable, Sequence, Sized
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deghost.data.layout_files import reading
from deghost.data.scene_set import SceneSet
from deghost.data.views import Panorama
from deghost.train.beginnings import begin_from


DIGITS = 12  # of a checksum
GRID = 64  # every so many rows and columns of a panorama are looked at
LOOKED_INTO = 16  # scenes of a folder, evenly spread
PIECE = 4096  # bytes of each of their files, from its middle


def panoramas_told(panoramas: Sequence[Panorama]) -> str:
    """Tell panoramas, in their order, by their pixels as halves: packed ones are the same."""
    digest = hashlib.sha256()
    for panorama in panoramas:
        with np.errstate(over="ignore"):
            looked_at = np.ascontiguousarray(panorama.pixels[::GRID, ::GRID], "<f2")
        digest.update(f"{panorama.pixels.shape}".encode() + looked_at.tobytes())
    return f"{number_of(panoramas, 'panorama')} {digest.hexdigest()[:DIGITS]}"


def scenes_told(scenes: SceneSet) -> str:
    """Tell scenes by the names and sizes of their files, and a look into some. Raises ReadError."""
    digest = hashlib.sha256()
    step = max(1, len(scenes) // LOOKED_INTO)
    for number, entry in enumerate(scenes.entries):
        digest.update(f"scene {entry.about}".encode())
        for purpose, paths in sorted(entry.files.items()):
            digest.update(purpose.encode())
            for path in paths:
                with reading(path):
                    digest.update(_looked_at(path, number % step == 0))
    layout = scenes.layout.name
    return f"{number_of(scenes, 'scene')} in the layout {layout} {digest.hexdigest()[:DIGITS]}"


def begin_told(begin: Callable[..., Any] | None) -> str | None:
    """Tell the weights that a user starts from; None for a beginning that is the recipe's own."""
    if not isinstance(begin, partial) or begin.func is not begin_from:
        return None
    path: Path = begin.keywords["weights"]
    with reading(path), path.open("rb") as file:
        return f"weights {hashlib.file_digest(file, 'sha256').hexdigest()[:DIGITS]}"


def number_of(things: Sized, name: str) -> str:
    """Count things.

    Example:
        >>> number_of([1, 2], "scene"), number_of([1], "scene")
        ('2 scenes', '1 scene')
    """
    return f"{len(things)} {name}" + "s" * (len(things) != 1)


def _looked_at(path: Path, inside: bool) -> bytes:
    """The name and size of a file, and its middle if it is looked into."""
    size = path.stat().st_size
    told = f"{path.name} {size} ".encode()
    if not inside:
        return told
    with path.open("rb") as file:
        file.seek(max(0, (size - PIECE) // 2))
        return told + file.read(PIECE)
