"""Layouts of three-frame sets in the way of Kalantari and Ramamoorthi (SIGGRAPH 2017).

16-bit TIFF codes are radiance times exposure to the power of 1/2.2. Exposure files hold stops.
The true radiance is in the scale of the darkest frame and shows the moment of the middle one.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import permutations

from deghost.data.layout_files import (
    POWER_OF_TWO,
    WHITE,
    darkest_first,
    exposures_from_stops,
    read_codes,
    read_numbers,
    read_truth,
)
from deghost.data.layout_masks import masks_in, read_motion
from deghost.data.scene_set import Entry, Folder, Layout, Tree
from deghost.types import Scene


Frames = Callable[[Folder], Sequence[str]]
MOMENTS = (1, 2, 3)


def _all_tiffs(folder: Folder) -> Sequence[str]:
    return [name for name in folder.files if name.lower().endswith(".tif")]


def _named(*names: str) -> Frames:
    return lambda _: names


def find_scenes(
    tree: Tree, frames: Frames, exposures: str, truth: str, static: Sequence[str] = ()
) -> Iterator[Entry]:
    """Find folders that hold frames, a text file of stops and a truth.

    Two of the three tell a scene, frames of fixed names among them; a missing truth leaves it
    complete, missing others do not.
    """
    for folder in tree:
        names = frames(folder)
        there = [name for name in names if name in folder.files]
        signs = (bool(there), exposures in folder.files, truth in folder.files)
        if sum(signs) < 2 or (names and not there):
            continue
        missing = [name for name in names if name not in folder.files]
        if not there:
            missing.append("the frames (*.tif)")
        if exposures not in folder.files:
            missing.append(exposures)
        files = {
            "frames": folder.paths(there),
            "exposures": folder.paths([exposures]),
            "truth": folder.paths(name for name in [truth] if name in folder.files),
            "motion": masks_in(tree, folder),
            "static": folder.paths(name for name in static if name in folder.files),
        }
        yield Entry(folder.scene_name(), files, tuple(missing))


def read_scene(entry: Entry, divisor: int) -> Scene:
    """Read frames, stops, truth and motion masks. Raises ReadError."""
    paths = entry.files["frames"]
    stops = read_numbers(entry.files["exposures"][0], len(paths))
    ordered, stops, notes = darkest_first(paths, stops)
    frames = read_codes(ordered, divisor)
    size, reference = tuple(frames.shape[-2:]), len(paths) // 2
    motion, mask_notes = read_motion(entry.files.get("motion", ()), len(paths), reference, size)
    return Scene(
        name=entry.name,
        frames=frames,
        exposures=exposures_from_stops(stops),
        reference=reference,
        response="gamma2.2",
        truth=read_truth(entry.one("truth"), size),
        motion=motion,
        details={"static": entry.files.get("static", ())},
        notes=notes + mask_notes,
    )


def find_challenge(tree: Tree, orders: Sequence[tuple[int, ...]]) -> Iterator[Entry]:
    """Find triples of folders `001_1`, `001_2`, `001_3`: three moments, each with three exposures.

    Of an order such as (1, 2, 3), the second moment is the reference and gives the truth.
    """
    for parent in tree:
        scenes = sorted({name[:-2] for name in parent.folders if name[-2:] in {"_1", "_2", "_3"}})
        for scene in scenes:
            moments = [tree.inside(parent, f"{scene}_{k}") for k in MOMENTS]
            is_challenge = any(
                moment is not None and f"ldr_img_{k}.tif" in moment.files
                for moment in moments
                for k in MOMENTS
            )
            for order in orders if is_challenge else ():
                yield _challenge_entry(parent, scene, moments, order, len(orders) > 1)


def _challenge_entry(
    parent: Folder,
    scene: str,
    moments: Sequence[Folder | None],
    order: tuple[int, ...],
    is_named: bool,
) -> Entry:
    """Take the darkest frame of the first moment, the middle of the second, and so on."""
    reference = parent.path / f"{scene}_{order[1]}"
    wanted = {
        "frames": tuple(
            parent.path / f"{scene}_{moment}" / f"ldr_img_{k}.tif"
            for k, moment in enumerate(order, start=1)
        ),
        "exposures": (reference / "exposure.txt",),
        "truth": (reference / "hdr_img.hdr",),
    }
    there = {path for moment in moments if moment for path in moment.paths(moment.files)}
    absent = [path for path in (*wanted["frames"], *wanted["exposures"]) if path not in there]
    wanted["truth"] = tuple(path for path in wanted["truth"] if path in there)
    own = "".join(map(str, order))
    name = parent.scene_name(f"{scene}_{own}" if is_named else scene)
    return Entry(name, wanted, tuple(f"{path.parent.name}/{path.name}" for path in absent))


def _layout(
    name: str, title: str, find: Callable[[Tree], Iterator[Entry]], wanted: str, divisor: int
) -> Layout:
    return Layout(name, title, find, partial(read_scene, divisor=divisor), wanted)


def _aligned(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_{k}_aligned.tif" for k in MOMENTS)


KALANTARI17 = _layout(
    "kalantari17",
    "Kalantari and Ramamoorthi 2017 (SIG17)",
    partial(find_scenes, frames=_all_tiffs, exposures="exposure.txt", truth="HDRImg.hdr"),
    "three .tif, exposure.txt (stops), HDRImg.hdr",
    POWER_OF_TWO,
)
KALANTARI17_OXFORD = _layout(
    "kalantari17-oxford",
    "Kalantari 2017, the Oxford copy of Wu et al. (aligned: other pixels than the original)",
    partial(
        find_scenes,
        frames=_named(*_aligned("input")),
        exposures="input_exp.txt",
        truth="ref_hdr_aligned.hdr",
        static=_aligned("ref"),
    ),
    "input_1_aligned.tif to input_3_aligned.tif, input_exp.txt (stops), ref_hdr_aligned.hdr",
    WHITE,
)
KALANTARI17_CROPS = _layout(
    "kalantari17-crops",
    "Kalantari 2017, training crops as HDR-Transformer caches them",
    partial(
        find_scenes,
        frames=_named("0.tif", "1.tif", "2.tif"),
        exposures="exposure.txt",
        truth="label.hdr",
    ),
    "0.tif, 1.tif, 2.tif, exposure.txt (stops), label.hdr",
    POWER_OF_TWO,
)
TEL23 = _layout(
    "tel23",
    "Tel et al. 2023 (SCTNet)",
    partial(
        find_scenes,
        frames=_named("input_1.tif", "input_2.tif", "input_3.tif"),
        exposures="exposure.txt",
        truth="HDRImg.hdr",
    ),
    "input_1.tif to input_3.tif, exposure.txt (stops), HDRImg.hdr",
    POWER_OF_TWO,
)
HU20 = _layout(
    "hu20",
    "Hu et al. 2020 (sensor-realistic, synthetic)",
    partial(
        find_scenes,
        frames=_named(*_aligned("input")),
        exposures="input_exp.txt",
        truth="ref_hdr_aligned_linear.hdr",
    ),
    "input_1_aligned.tif to input_3_aligned.tif, input_exp.txt, ref_hdr_aligned_linear.hdr",
    POWER_OF_TWO,
)
CHALLENGE123 = _layout(
    "challenge123",
    "Challenge123 of Kong et al. 2024 (SAFNet), the moments in order",
    partial(find_challenge, orders=[MOMENTS]),
    "xxx_1/ldr_img_1.tif, xxx_2/ldr_img_2.tif, xxx_3/ldr_img_3.tif, xxx_2/exposure.txt, "
    "xxx_2/hdr_img.hdr",
    POWER_OF_TWO,
)
CHALLENGE123_ALL = Layout(
    "challenge123-all",
    "Challenge123, all six orders of the moments",
    partial(find_challenge, orders=list(permutations(MOMENTS))),
    CHALLENGE123.read,
    CHALLENGE123.wanted,
    is_detected=False,
)
