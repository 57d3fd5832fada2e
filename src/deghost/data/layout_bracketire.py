"""BracketIRE and BracketIRE+ (Zhang et al., ICLR 2025): five RAW frames of simulated video.

Frames are packed mosaics (R, G, G, B) of 10 bits without black level, four times the exposure of
one another; the truth is in the scale of the middle exposure and shows the moment of the first.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from deghost.data.layout_files import check_size, read_array, size_of
from deghost.data.restricted_pickle import read_pickled_dictionary
from deghost.data.scene_set import Entry, Folder, Layout, Tree
from deghost.errors import ReadError
from deghost.types import Scene


FRAMES = tuple(f"raw_{4**k}.npy" for k in range(5))  # the number of video frames averaged
EXPOSURES = tuple(4.0 ** (k - 2) for k in range(5))
TEN_BITS = 1023
SCALE = 4  # of BracketIRE+: so much larger is the truth
METADATA = ("red_gain", "blue_gain", "cam2rgb")


def find_scenes(tree: Tree) -> Iterator[Entry]:
    """Find folders with frames of full size."""
    for folder in tree:
        if folder.path.name != f"x{SCALE}" and {*FRAMES} & {*folder.files}:
            yield _entry(folder, folder, "")


def find_small_scenes(tree: Tree) -> Iterator[Entry]:
    """Find folders whose frames lie, four times smaller, in a folder `x4`."""
    for folder in tree:
        small = tree.inside(folder, f"x{SCALE}")
        if small is not None and {*FRAMES} & {*small.files}:
            yield _entry(folder, small, f"x{SCALE}/")


def read_scene(entry: Entry) -> Scene:
    """Read frames, truth and metadata, frames and truth of one size. Raises ReadError."""
    return _read(entry, 1)


def read_small_scene(entry: Entry) -> Scene:
    """Read frames and a truth four times their size. Raises ReadError."""
    return _read(entry, SCALE)


def packed_frames(paths: tuple[Path, ...]) -> Float[Tensor, "n 4 h w"]:
    """Read packed 10-bit mosaics of one size. Raises ReadError."""
    frames: list[Float[Tensor, "4 h w"]] = []
    for path in paths:
        mosaic = _packed(path)
        if mosaic.dtype != np.uint16 or mosaic.max(initial=0) > TEN_BITS:
            raise ReadError(f"{path.name} does not hold 10-bit codes; copy it from its source")
        frames.append(_channels_first(np.divide(mosaic, TEN_BITS, dtype=np.float32)))
        if frames[-1].shape != frames[0].shape:
            raise ReadError(
                f"{path.name} is {size_of(frames[-1])}, but {paths[0].name} is "
                f"{size_of(frames[0])}; the frames of a scene are of one size"
            )
    return torch.stack(frames)


def _read(entry: Entry, scale: int) -> Scene:
    frames = packed_frames(entry.files["frames"])
    details = _metadata(entry.files["metadata"][0])
    path, ratio_path = entry.one("truth"), entry.one("alignratio")
    truth = None
    if path is not None:
        truth = _channels_first(_packed(path).astype(np.float32))
        check_size(path, truth, tuple(scale * side for side in frames.shape[-2:]))
    if ratio_path is not None:
        details["alignratio"] = float(read_array(ratio_path).reshape(-1)[0])
    return Scene(
        name=entry.name,
        frames=frames,
        exposures=torch.tensor(EXPOSURES),
        reference=0,
        response="linear",
        truth=truth,
        details={"mosaic": "RGGB", "scale": scale, **details},
    )


def _entry(folder: Folder, home: Folder, prefix: str) -> Entry:
    """The scene of a folder, with frames from the same folder or from one in it."""
    missing = [f"{prefix}{name}" for name in FRAMES if name not in home.files]
    if "metadata.npy" not in folder.files:
        missing.append("metadata.npy")
    single = {"truth": "raw_gt.npy", "alignratio": "alignratio.npy", "shown": "rgb_vis_gt.png"}
    files = {
        use: folder.paths(name for name in [name] if name in folder.files)
        for use, name in single.items()
    }
    files |= {"frames": home.paths(FRAMES), "metadata": folder.paths(["metadata.npy"])}
    return Entry(folder.scene_name(), files, tuple(missing))


def _packed(path: Path) -> np.ndarray:
    array = read_array(path)
    if array.ndim != 3 or array.shape[2] != 4:
        raise ReadError(f"{path.name} is an array of shape {array.shape}; packed RAW is h x w x 4")
    return array


def _channels_first(packed: np.ndarray) -> Float[Tensor, "4 h w"]:
    return torch.from_numpy(np.ascontiguousarray(packed)).permute(2, 0, 1)


def _metadata(path: Path) -> dict[str, Any]:
    """White balance gains and the matrix from camera to RGB, as tensors."""
    stored = read_pickled_dictionary(path)
    absent = [name for name in METADATA if name not in stored]
    if absent:
        raise ReadError(f"{path.name} lacks {absent[0]}; copy it again from its source")
    try:
        found = {name: torch.as_tensor(np.asarray(stored[name], np.float32)) for name in METADATA}
    except (TypeError, ValueError) as error:
        raise ReadError(f"{path.name} holds no numbers; copy it again from its source") from error
    if found["cam2rgb"].shape != (3, 3):
        raise ReadError(f"{path.name} has no 3 x 3 matrix cam2rgb; copy it again from its source")
    return found


BRACKETIRE = Layout(
    "bracketire",
    "BracketIRE, synthetic (Zhang et al. 2025)",
    find_scenes,
    read_scene,
    "raw_1.npy, raw_4.npy, raw_16.npy, raw_64.npy, raw_256.npy, metadata.npy, raw_gt.npy",
)
BRACKETIRE_PLUS = Layout(
    "bracketire-plus",
    "BracketIRE+, synthetic: frames four times smaller than the truth",
    find_small_scenes,
    read_small_scene,
    "x4/raw_1.npy to x4/raw_256.npy, metadata.npy, raw_gt.npy",
)
