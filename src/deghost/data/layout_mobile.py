"""Mobile-HDR (Liu et al., CVPR 2023): three RAW frames and a truth in one .npz file a scene.

Each frame has eight channels: the packed BGGR mosaic, and the same brought to one brightness, from
which the exposures are told; the files hold no others.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from deghost.data.layout_files import reading
from deghost.data.scene_set import Entry, Layout, Tree
from deghost.errors import ReadError
from deghost.types import Scene


KEYS = ("sht", "mid", "lng")
TO_RGGB = [3, 1, 2, 0]  # from the order B, G, G, R of the files
CLEAR = (0.05, 0.9)  # values that are neither noise nor clipped
FEWEST = 16  # clear values that an exposure is told from
STEADY = 0.05  # relative spread of those ratios that a plain multiple may have


def find_scenes(tree: Tree) -> Iterator[Entry]:
    """Find .npz files with the arrays of a scene; a truth in `test_withoutGT` means nothing."""
    for folder in tree:
        for name in folder.files:
            path = folder.path / name
            keys = _keys(path) if name.endswith(".npz") else set()
            if not {*KEYS} & keys:
                continue
            has_truth = "hdr" in keys and folder.path.name.lower() != "test_withoutgt"
            missing = tuple(f"{name}: {key}" for key in KEYS if key not in keys)
            files = {"frames": (path,), "truth": (path,) if has_truth else ()}
            yield Entry(folder.scene_name(Path(name).stem), files, missing)


def read_scene(entry: Entry) -> Scene:
    """Read mosaics, truth and the exposures that the aligned mosaics imply. Raises ReadError."""
    path = entry.files["frames"][0]
    keys = (*KEYS, "hdr") if entry.files["truth"] else KEYS
    with reading(path):
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                arrays = {key: stored[key].astype(np.float32) for key in keys}
        except zipfile.BadZipFile as error:
            raise ReadError(f"{path.name} is damaged; copy it again from its source") from error
    _check_shapes(path, arrays)
    told = [_exposure(path, key, arrays[key]) for key in KEYS]
    exposures = torch.tensor([exposure for exposure, _ in told])
    if not (exposures.diff() > 0).all():
        raise ReadError(f"{path.name} has exposures {exposures.tolist()}, which do not rise")
    return Scene(
        name=entry.name,
        frames=torch.stack([_rggb(arrays[key][:4]) for key in KEYS]).clamp(0, 1),
        exposures=exposures,
        reference=1,
        response="linear",
        truth=_rggb(arrays["hdr"]) if "hdr" in arrays else None,
        details={"mosaic": "RGGB", "scale": 1},
        notes=tuple(note for _, note in told if note),
    )


def _keys(path: Path) -> set[str]:
    """The names of the arrays of an .npz file; those of a scene if it cannot be opened."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError):
        return {*KEYS, "hdr"}


def _check_shapes(path: Path, arrays: dict[str, np.ndarray]) -> None:
    size = arrays["mid"].shape[1:]
    for key, array in arrays.items():
        channels = 4 if key == "hdr" else 8
        if array.ndim != 3 or array.shape != (channels, *size):
            raise ReadError(
                f"{path.name} has {key} of shape {array.shape}; {channels} channels of the size "
                "of the others are wanted"
            )


def _exposure(path: Path, key: str, frame: np.ndarray) -> tuple[float, str]:
    """The ratio of a mosaic to the same at common brightness, and a note if it varies."""
    mosaic, aligned = frame[:4], frame[4:]
    is_clear = (mosaic > CLEAR[0]) & (mosaic < CLEAR[1]) & (aligned > 0)
    is_clear &= aligned < CLEAR[1]
    if np.count_nonzero(is_clear) < FEWEST:
        is_clear = (mosaic > 0) & (mosaic < CLEAR[1]) & (aligned > 0) & (aligned < CLEAR[1])
    if not is_clear.any():
        raise ReadError(f"{path.name} has nothing in {key} that its exposure could be told from")
    ratios = mosaic[is_clear] / aligned[is_clear]
    low, middle, high = (float(q) for q in np.percentile(ratios, (25, 50, 75)))
    varies = high - low > STEADY * middle
    note = f"the exposure of {key} was told from ratios of {low:.3g} to {high:.3g}"
    return middle, note if varies else ""


def _rggb(planes: np.ndarray) -> Float[Tensor, "4 h w"]:
    return torch.from_numpy(planes[TO_RGGB])


MOBILE_HDR = Layout(
    "mobile-hdr",
    "Mobile-HDR of Liu et al. 2023 (packed RAW)",
    find_scenes,
    read_scene,
    ".npz files with sht, mid, lng (8 channels each) and hdr (4)",
)
