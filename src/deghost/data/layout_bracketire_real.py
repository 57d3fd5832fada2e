"""The real brackets of BracketIRE (Zhang et al., ICLR 2025): five DNG files, no truth."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from deghost.data.layout_files import (
    darkest_first,
    exposures_from_times,
    read_numbers,
    size_of,
)
from deghost.data.scene_set import Entry, Layout, Tree
from deghost.errors import ReadError
from deghost.types import Scene


COUNT = 5
MIDDLE = 2
BLACK, WHITE = 64, 1023  # of the phone's sensor


def find_scenes(tree: Tree) -> Iterator[Entry]:
    """Find folders of DNG files with `exposure.txt`."""
    for folder in tree:
        names = [name for name in folder.files if name.lower().endswith(".dng")]
        if not names or (len(names) != COUNT and "exposure.txt" not in folder.files):
            continue
        missing = ["exposure.txt"] if "exposure.txt" not in folder.files else []
        missing += [f"{COUNT - len(names)} of {COUNT} .dng files"] if len(names) < COUNT else []
        files = {"frames": folder.paths(names), "exposures": folder.paths(["exposure.txt"])}
        yield Entry(folder.scene_name(), files, tuple(missing))


def read_scene(entry: Entry) -> Scene:
    """Read packed mosaics and times; exposures are relative to the middle one. Raises ReadError."""
    path = entry.files["exposures"][0]
    times = read_numbers(path, len(entry.files["frames"]))
    ordered, times, notes = darkest_first(entry.files["frames"], times)
    read = [_read_dng(frame) for frame in ordered]
    frames = [mosaic for mosaic, _ in read]
    for k, mosaic in enumerate(frames):
        if mosaic.shape != frames[0].shape:
            raise ReadError(
                f"{ordered[k].name} is {size_of(mosaic)}, but {ordered[0].name} is "
                f"{size_of(frames[0])} (packed); the frames of a scene are of one size"
            )
    return Scene(
        name=entry.name,
        frames=torch.stack(frames),
        exposures=exposures_from_times(path, times, min(MIDDLE, len(times) - 1)),
        reference=0,
        response="linear",
        details={"mosaic": "RGGB", "scale": 1, **read[0][1]},
        notes=("the set has no truth", *notes),
    )


def pack(mosaic: Shaped[np.ndarray, "h w"], colours: str) -> Float[Tensor, "4 half_h half_w"]:
    """Take a Bayer mosaic apart into R, G, G, B; `colours` are those of its first 2 x 2 pixels.

    Of the two greens, the one in the upper row comes first. An odd last row or column is dropped.

    Example:
        >>> pack(np.array([[1, 2], [3, 4]]), "GRBG").flatten().tolist()
        [2.0, 1.0, 4.0, 3.0]
    """
    height, width = (side // 2 * 2 for side in mosaic.shape)
    order = [colours.index("R"), colours.index("G"), colours.rindex("G"), colours.index("B")]
    planes = [mosaic[at // 2 : height : 2, at % 2 : width : 2] for at in order]
    return torch.from_numpy(np.stack(planes).astype(np.float32))


def _read_dng(path: Path) -> tuple[Float[Tensor, "4 h w"], dict[str, Any]]:
    """Read a mosaic in [0, 1] by the levels of the published code, and the colours of the file."""
    import rawpy

    try:
        with rawpy.imread(str(path)) as raw:
            letters = raw.color_desc.decode()
            mosaic = raw.raw_image_visible.copy()
            pattern = raw.raw_pattern
            details = {
                "white_balance": torch.tensor(raw.camera_whitebalance[:3]),
                "cam2rgb": torch.from_numpy(raw.color_matrix[:, :3].astype(np.float32)),
                "levels": (min(raw.black_level_per_channel), raw.white_level),
            }
    except (rawpy.LibRawError, OSError) as error:
        raise ReadError(f"{path.name} is no DNG file or is damaged; copy it again") from error
    if pattern is None or pattern.shape != (2, 2) or mosaic.ndim != 2:
        raise ReadError(f"{path.name} holds no Bayer mosaic; give the camera's own DNG files")
    packed = pack(mosaic, "".join(letters[k] for k in pattern.reshape(-1)))
    return ((packed - BLACK) / (WHITE - BLACK)).clamp_(0, 1), details


BRACKETIRE_REAL = Layout(
    "bracketire-real",
    "BracketIRE, real brackets (no truth)",
    find_scenes,
    read_scene,
    "five .dng, exposure.txt (times)",
)
