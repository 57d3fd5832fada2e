"""Motion masks that people drew beside the frames of a scene.

No public set of such annotations for Kalantari's scenes states its layout, so every usual one is
taken: files named `motion_K.png` (frame K, counted from 1) as this package writes them, or any
`*mask*` or `*motion*` picture, in the folder of the frames or in a folder named for masks in it.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from deghost.data.layout_files import check_size
from deghost.data.scene_set import Folder, Tree
from deghost.errors import ReadError
from deghost.io.image import read_frame


MASK_FOLDERS = re.compile(r"(motion|seg\w*|annotations?|labels?|gt)?[-_ ]?(masks?)?", re.IGNORECASE)
MASK_NAME = re.compile(r"mask|motion", re.IGNORECASE)
PICTURES = (".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg")
OWN_NAME = re.compile(r"motion_(\d+)\.png")


def pictures(names: Iterable[str]) -> tuple[str, ...]:
    """Keep the names of pictures."""
    return tuple(name for name in names if name.lower().endswith(PICTURES))


def masks_in(tree: Tree, folder: Folder) -> tuple[Path, ...]:
    """Find the masks that lie with the frames of a scene: beside them, or in a folder of masks."""
    beside = [name for name in pictures(folder.files) if MASK_NAME.search(name)]
    if beside:
        return folder.paths(beside)
    for name in folder.folders:
        inner = tree.inside(folder, name)
        if inner is not None and MASK_FOLDERS.fullmatch(name):
            return inner.paths(pictures(inner.files))
    return ()


def read_motion(
    paths: Sequence[Path], count: int, reference: int, size: tuple[int, ...]
) -> tuple[Float[Tensor, "n h w"] | None, tuple[str, ...]]:
    """Read the motion mask of each of `count` frames, and say what was taken for granted.

    One mask serves all frames but the reference; one fewer than frames leave the reference out.
    Raises ReadError.
    """
    if not paths:
        return None, ()
    masks = torch.zeros(count, *size)
    others = [k for k in range(count) if k != reference]
    numbers = [OWN_NAME.fullmatch(path.name) for path in paths]
    notes: tuple[str, ...] = ()
    if all(numbers):
        frames = [int(match[1]) - 1 for match in numbers if match]
    else:
        frames, notes = _frames_of(paths, count, others)
    if max(frames) >= count:
        raise ReadError(f"{paths[-1].name} is the mask of a frame that is not there")
    for k, path in zip(frames, [*paths] * len(frames), strict=False):
        masks[k] = read_mask(path, size)
    return masks, notes


def read_mask(path: Path, size: tuple[int, ...]) -> Float[Tensor, "h w"]:
    """Read a mask as values from 0 to 1; in a picture of colours any channel counts.

    Labels 0 and 1 become 0 and 1 though 255 would be white. Raises ReadError.
    """
    frame = read_frame(path)
    largest = frame.pixels.max(axis=2)
    white = float(largest.max()) if largest.max() == 1 else frame.white
    mask = torch.from_numpy(np.divide(largest, white, dtype=np.float32))
    check_size(path, mask, size)
    return mask


def _frames_of(
    paths: Sequence[Path], count: int, others: Sequence[int]
) -> tuple[list[int], tuple[str, ...]]:
    """Tell by their number which frames masks belong to."""
    if len(paths) == count:
        return list(range(count)), ("masks were given to frames in the order of their names",)
    if len(paths) == len(others):
        return list(others), ("masks were given to the frames around the reference, by name",)
    if len(paths) == 1:
        return list(others), ("the one motion mask serves all frames but the reference",)
    raise ReadError(
        f"{paths[0].name} is one of {len(paths)} masks for {count} frames; give one for each frame"
    )
