"""Masks as files: how they are named, and how those that a user painted are read for a merge."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from deghost.errors import ReadError
from deghost.io.image import read_frame
from deghost.merge.plan import MergePlan
from deghost.types import Mask


MaskKind = Literal["exposed", "moved"]
SUFFIXES = (".png", ".exr", ".tif", ".tiff")
UNREAD = (".jpg", ".jpeg", ".JPG", ".JPEG")


def mask_name(k: int, frame: Path, kind: str, suffix: str = ".png") -> str:
    """Name the file of a mask of frame `k`.

    Example:
        >>> mask_name(0, Path("IMG_7.JPG"), "moved")
        '0_IMG_7_moved.png'
    """
    return f"{k}_{frame.stem}_{kind}{suffix}"


@dataclass(frozen=True)
class MaskFiles:
    """The masks of a bracket in a folder; nothing moves in the reference, which has none."""

    exposed: tuple[Path, ...] | None  # None: there are none of this kind
    moved: tuple[Path | None, ...] | None


def find_masks(folder: Path, plan: MergePlan) -> MaskFiles:
    """Find the masks that `deghost segment` or `deghost merge --masks` wrote, perhaps edited.

    There may be masks of what is well exposed, of what moved, or both; of a kind there must be one
    for every frame, but for the reference if it is of motion. Raises ReadError.
    """
    if not folder.is_dir():
        raise ReadError(f"{folder.name or folder} is no folder; give the one the masks are in")
    exposed, moved = (_of_kind(folder, plan, kind) for kind in ("exposed", "moved"))
    if not any((*exposed, *moved)):
        example = mask_name(0, plan.frames[0], "exposed")
        raise ReadError(
            f"{folder.name or folder} has no masks of these frames, such as {example}; write them "
            "with `deghost segment`"
        )
    return MaskFiles(
        tuple(path for path in exposed if path is not None) or None, moved if any(moved) else None
    )


def _of_kind(folder: Path, plan: MergePlan, kind: str) -> tuple[Path | None, ...]:
    """Find the mask of every frame; if there is any, there must be all."""
    names = [mask_name(k, frame, kind, "") for k, frame in enumerate(plan.frames)]
    found = tuple(first_file(folder, name) for name in names)
    for k, path in enumerate(found):
        wanted = kind == "exposed" or k != plan.reference
        if path is None and wanted:
            _refuse_jpeg(folder, names[k])
        if path is None and wanted and any(found):
            raise ReadError(
                f"{names[k]}.png is missing from {folder.name or folder}, which has others of its "
                "kind; write all of them with `deghost segment`"
            )
    return found


def _refuse_jpeg(folder: Path, name: str) -> None:
    """Say that a mask is there, but in a format that is not read."""
    for suffix in UNREAD:
        if (folder / f"{name}{suffix}").is_file():
            raise ReadError(
                f"{name}{suffix} is a JPEG, which masks are not read from: it blurs them; "
                f"save it as {name}.png"
            )


def first_file(folder: Path, *stems: str) -> Path | None:
    """Find a picture by the first of some names, without its ending, that there is.

    Raises ReadError if it is there twice, with different endings: which is meant?
    """
    for stem in stems:
        paths = [folder / f"{stem}{suffix}" for suffix in SUFFIXES]
        found = [path for path in paths if path.is_file()]
        if len(found) > 1:
            raise ReadError(
                f"{folder.name or folder} holds {found[0].name} and {found[1].name}; "
                "leave the one that is meant"
            )
        if found:
            return found[0]
    return None


def read_masks(paths: Sequence[Path | None], plan: MergePlan) -> Iterator[Mask]:
    """Read masks one after the other, each in the size of the frames; zeros where there is none.

    Raises ReadError.
    """
    for path in paths:
        yield torch.zeros(plan.size) if path is None else read_mask(path, plan)


def read_mask(path: Path, plan: MergePlan, *, labels: bool = False) -> Mask:
    """Read a mask of a whole frame, or of the merged picture, which is then filled up around it.

    In a picture of colours the brightest counts; what is transparent is not painted. With `labels`
    codes that are all 0 or 1 mean that, though 255 would be white. Raises ReadError.
    """
    frame = read_frame(path)
    y, x, height, width = plan.crop
    if frame.size not in (plan.size, (height, width)):
        sizes = dict.fromkeys(f"{w} x {h}" for h, w in ((height, width), plan.size))
        raise ReadError(
            f"{path.name} has {frame.size[1]} x {frame.size[0]} pixels, but masks of this merge "
            f"have {' or '.join(sizes)}; write them with `deghost segment` and the same options"
        )
    largest = frame.pixels.max(axis=2)
    white = 1.0 if labels and largest.max() == 1 else frame.white
    values = np.divide(largest, white, dtype=np.float32)
    values = np.clip(np.nan_to_num(values, nan=0.0), 0, 1)
    if frame.alpha is not None:
        values *= np.divide(frame.alpha, 255, dtype=np.float32)
    if frame.size != plan.size:
        below, right = plan.size[0] - y - height, plan.size[1] - x - width
        values = np.pad(values, ((y, below), (x, right)), mode="edge")
    return torch.from_numpy(values)
