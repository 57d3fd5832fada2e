"""The set of Prabhakar et al. (ICCP 2019): as published, in two namings, and as repackaged.

16-bit codes are divided by 65535; exposures are stops (ExpoBias) or seconds (ExposureTimes).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from deghost.data.layout_files import (
    WHITE,
    exposures_from_stops,
    exposures_from_times,
    read_codes,
    read_numbers,
    read_truth,
)
from deghost.data.scene_set import Entry, Folder, Layout, Tree
from deghost.types import Scene


GHOSTED = (
    tuple(f"input_ghosted_{k}.tif" for k in (1, 2, 3)),
    tuple(f"img{k}.tif" for k in (1, 2, 3)),
)
EXPOSURES = (  # by preference: folder, file
    ("", "ExpoBias.txt"),
    ("reference", "ExposureBias.txt"),
    ("", "ExposureTimes.txt"),
    ("reference", "ExposureTimes.txt"),
)
LOW_MIDDLE_HIGH = ("le.tif", "me.tif", "he.tif")


def find_published(tree: Tree) -> Iterator[Entry]:
    """Find folders with the sub-folder `ghosted`; without a truth they are left out, as by all."""
    for folder in tree:
        ghosted = tree.inside(folder, "ghosted")
        if ghosted is None:
            continue
        naming = max(GHOSTED, key=lambda names: len({*names} & {*ghosted.files}))
        exposures = _exposures(tree, folder)
        missing = [f"ghosted/{name}" for name in naming if name not in ghosted.files]
        if exposures is None:
            missing.append("ExpoBias.txt")
        if "GT_HDR.hdr" not in folder.files:
            missing.append("GT_HDR.hdr")
        files: dict[str, tuple[Path, ...]] = {
            "frames": tuple(ghosted.paths(naming)),
            "exposures": (exposures,) if exposures else (),
            "truth": tuple(folder.paths(["GT_HDR.hdr"])),
            "static": tuple(_static(tree.inside(folder, "reference"))),
        }
        yield Entry(folder.scene_name(), files, tuple(missing))


def find_repackaged(tree: Tree) -> Iterator[Entry]:
    """Find folders with `dynamic/le.tif, me.tif, he.tif`, `hdr_gt.hdr` and `input_exp.txt`."""
    for folder in tree:
        dynamic = tree.inside(folder, "dynamic")
        if dynamic is None or not {"input_exp.txt", "hdr_gt.hdr"} & {*folder.files}:
            continue
        missing = [f"dynamic/{name}" for name in LOW_MIDDLE_HIGH if name not in dynamic.files]
        wanted = ("input_exp.txt", "hdr_gt.hdr")
        missing += [name for name in wanted if name not in folder.files]
        static = tree.inside(folder, "static")
        files = {
            "frames": dynamic.paths(LOW_MIDDLE_HIGH),
            "exposures": folder.paths(["input_exp.txt"]),
            "truth": folder.paths(["hdr_gt.hdr"]),
            "static": static.paths(LOW_MIDDLE_HIGH) if static else (),
        }
        yield Entry(folder.scene_name(), files, tuple(missing))


def read_scene(entry: Entry) -> Scene:
    """Read frames, exposures and truth. Raises ReadError."""
    path = entry.files["exposures"][0]
    numbers = read_numbers(path, 3)
    are_times = path.name == "ExposureTimes.txt"
    frames = read_codes(entry.files["frames"], WHITE)
    return Scene(
        name=entry.name,
        frames=frames,
        exposures=(
            exposures_from_times(path, numbers) if are_times else exposures_from_stops(numbers)
        ),
        reference=1,
        response="gamma2.2",
        truth=read_truth(entry.one("truth"), tuple(frames.shape[-2:])),
        details={"static": entry.files["static"]},
        notes=("exposures from times, for want of ExpoBias.txt",) if are_times else (),
    )


def _exposures(tree: Tree, folder: Folder) -> Path | None:
    """The best file that tells exposures."""
    for inner, name in EXPOSURES:
        place = tree.inside(folder, inner) if inner else folder
        if place is not None and name in place.files:
            return place.path / name
    return None


def _static(folder: Folder | None) -> Sequence[Path]:
    """The frames in which nothing moved, which the truth was made from."""
    if folder is None:
        return ()
    usual = [name for name in folder.files if name.startswith(("input_reference_", "EW4A"))]
    return folder.paths(usual)


ICCP19 = Layout(
    "iccp19",
    "Prabhakar et al. 2019 (ICCP)",
    find_published,
    read_scene,
    "ghosted/input_ghosted_1..3.tif or ghosted/img1..3.tif, ExpoBias.txt (stops), GT_HDR.hdr",
)
FSHDR = Layout(
    "fshdr",
    "ICCP 2019 (1500x1125) or the Oxford copy of Kalantari 2017, as FSHDR repackages them",
    find_repackaged,
    read_scene,
    "dynamic/le.tif, me.tif, he.tif, input_exp.txt (stops), hdr_gt.hdr",
)
