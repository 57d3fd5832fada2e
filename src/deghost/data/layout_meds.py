"""MEDS, the motion segmentation set of Prabhakar et al. (2022): frames with drawn masks.

Its layout on disk is not known to us: UNVERIFIED. Any folder of three or five pictures with masks
is taken, masks in the same folder, in a folder in it, or in a like tree beside the frames' tree.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from deghost.data.layout_files import (
    WHITE,
    darkest_first,
    exposures_from_stops,
    read_codes,
    read_numbers,
)
from deghost.data.layout_masks import MASK_FOLDERS, MASK_NAME, masks_in, pictures, read_motion
from deghost.data.scene_set import Entry, Folder, Layout, Tree
from deghost.radiometry.response import decode
from deghost.types import Scene


STOPS = {3: (-2.0, 0.0, 2.0), 5: (-2.0, -1.0, 0.0, 1.0, 2.0)}  # of the paper
EXPOSURE_FILE = re.compile(r"(input_)?expo?(sures?|bias)?\.txt", re.IGNORECASE)
UNVERIFIED = "the layout of MEDS is unverified: check that frames, masks and exposures belong so"
ASSUMED = "the exposures are those of the paper; the frames were put in the order of brightness"


def find_scenes(tree: Tree) -> Iterator[Entry]:
    """Find folders of three or five frames that have masks."""
    for folder in tree:
        frames = [name for name in pictures(folder.files) if not MASK_NAME.search(name)]
        masks = masks_in(tree, folder) or _masks_beside(tree, folder)
        if len(frames) not in STOPS or not masks or MASK_FOLDERS.fullmatch(folder.path.name):
            continue
        texts = [name for name in folder.files if EXPOSURE_FILE.fullmatch(name)]
        files = {
            "frames": folder.paths(frames),
            "motion": masks,
            "exposures": folder.paths(texts[:1]),
        }
        yield Entry(folder.scene_name(), files)


def read_scene(entry: Entry) -> Scene:
    """Read frames, masks and exposures, these from a file of stops or as the paper has them.

    Raises ReadError.
    """
    paths = entry.files["frames"]
    count = len(paths)
    reference = count // 2
    text = entry.one("exposures")
    if text is not None:
        ordered, stops, notes = darkest_first(paths, read_numbers(text, count))
    else:
        ordered, stops, notes = _by_brightness(paths), list(STOPS[count]), (ASSUMED,)
    frames = read_codes(ordered, WHITE)
    motion, mask_notes = read_motion(
        _masks_in_order(entry.files["motion"], paths, ordered),
        count,
        reference,
        tuple(frames.shape[-2:]),
    )
    exposures = exposures_from_stops(stops)
    return Scene(
        name=entry.name,
        frames=frames,
        exposures=exposures / exposures[reference],
        reference=reference,
        response="srgb",
        motion=motion,
        notes=(UNVERIFIED, *notes, *mask_notes),
    )


def _masks_beside(tree: Tree, folder: Folder) -> tuple[Path, ...]:
    """Masks of a scene in a tree of masks beside the tree of frames: masks/001 for images/001."""
    _, _, rest = folder.name.partition("/")
    outer = tree.folders[""].folders if rest else ()
    for name in outer:
        twin = tree.folders.get(f"{name}/{rest}") if MASK_FOLDERS.fullmatch(name) else None
        if twin is not None and twin is not folder:
            return twin.paths(pictures(twin.files))
    return ()


def _by_brightness(paths: Sequence[Path]) -> list[Path]:
    """Sort frames by their mean linear level."""
    levels = {path: decode(read_codes([path], WHITE), "srgb").mean().item() for path in paths}
    return sorted(paths, key=levels.__getitem__)


def _masks_in_order(
    masks: Sequence[Path], paths: Sequence[Path], ordered: Sequence[Path]
) -> Sequence[Path]:
    """Bring one mask a frame into the order that the frames were brought into."""
    if len(masks) != len(paths):
        return masks
    return [masks[list(paths).index(path)] for path in ordered]


MEDS = Layout(
    "meds",
    "MEDS of Prabhakar et al. 2022 (motion masks; layout unverified, no truth)",
    find_scenes,
    read_scene,
    "three or five pictures and masks named so, or in a folder of masks",
)
