"""The sets of the NTIRE 2021 and 2022 challenges on HDR imaging (Pérez-Pellitero et al.).

8-bit frames and a 16-bit truth, both encoded with gamma 2.24; `truth code / alignratio` exceeds 1
where the medium frame clips. `exposures.npy` holds stops, of which only differences matter.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from deghost.data.layout_files import WHITE, check_size, read_array, read_codes
from deghost.data.scene_set import Entry, Folder, Layout, Tree
from deghost.errors import ReadError
from deghost.io.image import read_frame
from deghost.radiometry.response import decode
from deghost.types import Scene


RESPONSE = "gamma2.24"
FRAMES = ("short.png", "medium.png", "long.png")
MEDIUM = re.compile(r"(.+)_medium\.png")
SAMPLE_FRAMES = ("0.png", "1.png", "2.png")

Place = Callable[[str], Folder | None]  # where the file of a role would be, such as "gt.png"


def find_scenes(tree: Tree) -> Iterator[Entry]:
    """Find scenes in one folder, sorted into LDR and HDR folders, or with a folder each."""
    for folder in tree:
        if {"0.png", "1.png", "exposures.npy"} <= {*folder.files}:
            yield _sample_entry(folder)
        places = _sorted_places(tree, folder)
        source = places("medium.png") if places else folder
        for name in source.files if source else ():
            match = MEDIUM.fullmatch(name)
            if match and (places or not _is_sorted(folder)):
                yield _entry(folder, match[1], places or partial(_here, folder))


def _here(folder: Folder, name: str) -> Folder:
    """The one folder that all files of a flat layout lie in."""
    return folder


def read_scene(entry: Entry) -> Scene:
    """Read frames, stops and truth. Raises ReadError."""
    path = entry.files["exposures"][0]
    stops = read_array(path).astype(np.float64).reshape(-1)
    if len(stops) != 3 or not np.isfinite(stops).all():
        raise ReadError(f"{path.name} has {len(stops)} numbers; one for each of 3 frames is wanted")
    if any(after < before for before, after in pairwise(stops)):
        raise ReadError(f"{path.name} has the stops {stops.tolist()}, which do not rise")
    frames = read_codes(entry.files["frames"], WHITE)
    return Scene(
        name=entry.name,
        frames=frames,
        exposures=torch.from_numpy(np.exp2(stops - stops[1])).float(),
        reference=1,
        response=RESPONSE,
        truth=_truth(entry, tuple(frames.shape[-2:])),
        notes=() if entry.one("truth") else ("the truth is not public",),
    )


def _truth(entry: Entry, size: tuple[int, ...]) -> Float[Tensor, "3 h w"] | None:
    """The linear truth: 16-bit codes over their alignratio, decoded."""
    path, ratio_path = entry.one("truth"), entry.one("alignratio")
    if path is None or ratio_path is None:
        return None
    ratio = read_array(ratio_path).astype(np.float32)
    if ratio.size != 1 or not ratio.reshape(-1)[0] > 0:
        raise ReadError(f"{ratio_path.name} is not one positive number; copy it from its source")
    codes = read_frame(path).pixels
    if codes.dtype != np.uint16:
        raise ReadError(f"{path.name} has 8 bits; a truth of this layout has 16")
    encoded = torch.from_numpy(np.divide(codes, ratio.reshape(-1)[0], dtype=np.float32))
    encoded = encoded.permute(2, 0, 1)
    check_size(path, encoded, size)
    return decode(encoded, RESPONSE)


def _entry(folder: Folder, number: str, place: Place) -> Entry:
    """One scene whose files begin with its number."""

    def paths(role: str) -> tuple[Folder | None, str]:
        return place(role), f"{number}_{role}"

    roles = (*FRAMES, "exposures.npy", "gt.png", "alignratio.npy")
    there = {
        role: home.path / name
        for role, (home, name) in ((role, paths(role)) for role in roles)
        if home is not None and name in home.files
    }
    missing = [f"{number}_{role}" for role in (*FRAMES, "exposures.npy") if role not in there]
    if "gt.png" in there and "alignratio.npy" not in there:
        missing.append(f"{number}_alignratio.npy")
    return _made_entry(folder.scene_name(number), there, FRAMES, missing)


def _sample_entry(folder: Folder) -> Entry:
    """One scene with a folder to itself, as ADNet cuts its training samples."""
    roles = (*SAMPLE_FRAMES, "exposures.npy", "gt.png", "alignratio.npy")
    there = {role: folder.path / role for role in roles if role in folder.files}
    missing = [role for role in SAMPLE_FRAMES if role not in there]
    if "gt.png" in there and "alignratio.npy" not in there:
        missing.append("alignratio.npy")
    return _made_entry(folder.scene_name(), there, SAMPLE_FRAMES, missing)


def _made_entry(name: str, there: dict, frames: tuple[str, ...], missing: list[str]) -> Entry:
    single = {"exposures": "exposures.npy", "truth": "gt.png", "alignratio": "alignratio.npy"}
    files = {use: (there[role],) for use, role in single.items() if role in there}
    files["frames"] = tuple(there[role] for role in frames if role in there)
    return Entry(name, files, tuple(missing))


def _is_sorted(folder: Folder) -> bool:
    """Whether a folder is the part of a sorted set that holds the medium frames."""
    return folder.path.name.lower() == "medium" and folder.path.parent.name.upper() == "LDR"


def _sorted_places(tree: Tree, folder: Folder) -> Place | None:
    """Where files lie in a set sorted as for HDR-VAM: LDR/short, LDR/medium, LDR/long, HDR."""
    frames = {name: tree.inside(folder, f"LDR/{name}") for name in ("short", "medium", "long")}
    if frames["medium"] is None:
        return None
    truths = tree.inside(folder, "HDR")
    homes = {f"{name}.png": home for name, home in frames.items()}
    homes |= {"exposures.npy": frames["short"], "gt.png": truths, "alignratio.npy": truths}
    return homes.get


NTIRE = Layout(
    "ntire",
    "NTIRE 2021 and 2022 HDR challenges: flat, in LDR and HDR folders, or a folder a sample",
    find_scenes,
    read_scene,
    "NNNN_short.png, NNNN_medium.png, NNNN_long.png, NNNN_exposures.npy (stops), NNNN_gt.png, "
    "NNNN_alignratio.npy",
)
