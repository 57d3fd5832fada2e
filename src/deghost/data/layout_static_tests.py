"""Sets of brackets without truth: Sen et al. (2012) and Tursun et al. (2016).

Of each, three frames are taken as published evaluations take them (Zhang et al., SelfHDR 2024).
"""

from collections.abc import Iterator, Sequence

from deghost.data.layout_files import (
    POWER_OF_TWO,
    darkest_first,
    exposures_from_stops,
    exposures_from_times,
    read_codes,
    read_numbers,
)
from deghost.data.scene_set import Entry, Folder, Layout, Tree
from deghost.errors import ReadError
from deghost.types import Scene


TURSUN_FRAMES = (4, 6, 8)  # the fifth, seventh and ninth
NO_TRUTH = "the set has no truth"


def find_frames(tree: Tree, suffix: str, exposures: str) -> Iterator[Entry]:
    """Find folders of frames with a text file of exposures."""
    for folder in tree:
        names = [name for name in folder.files if name.lower().endswith(suffix)]
        if exposures in folder.files and names:
            yield _entry(folder, names, exposures)


def find_sen(tree: Tree) -> Iterator[Entry]:
    """Find folders of .tif files with `exposures.txt`."""
    return find_frames(tree, ".tif", "exposures.txt")


def find_tursun(tree: Tree) -> Iterator[Entry]:
    """Find folders of .tiff files with `exposure.txt`."""
    return find_frames(tree, ".tiff", "exposure.txt")


def read_sen(entry: Entry) -> Scene:
    """Read the middle frame and its neighbours; the exposures are stops. Raises ReadError."""
    count = len(entry.files["frames"])
    middle = (count + 2) // 2 - 1
    chosen = (middle - 1, middle, middle + 1)
    if count < 3:
        raise ReadError(f"has {count} .tif files; a scene of this layout has five to nine")
    stops = read_numbers(entry.files["exposures"][0], count)
    return _scene(entry, chosen, stops)


def read_tursun(entry: Entry) -> Scene:
    """Read the fifth, seventh and ninth frame; the exposures are times. Raises ReadError."""
    count = len(entry.files["frames"])
    if count != 9:
        raise ReadError(f"has {count} .tiff files; a scene of this layout has nine")
    path = entry.files["exposures"][0]
    times = read_numbers(path, count)
    stops = exposures_from_times(path, times).log2().tolist()
    return _scene(entry, TURSUN_FRAMES, stops)


def _entry(folder: Folder, names: Sequence[str], exposures: str) -> Entry:
    files = {"frames": folder.paths(names), "exposures": folder.paths([exposures])}
    return Entry(folder.scene_name(), files)


def _scene(entry: Entry, chosen: Sequence[int], stops: Sequence[float]) -> Scene:
    """Read the chosen frames; their darkest has the exposure 1."""
    paths = entry.files["frames"]
    ordered, own, notes = darkest_first([paths[k] for k in chosen], [stops[k] for k in chosen])
    taken = f"frames {', '.join(str(k + 1) for k in chosen)} of {len(paths)} were taken"
    return Scene(
        name=entry.name,
        frames=read_codes(ordered, POWER_OF_TWO),
        exposures=exposures_from_stops(own),
        reference=1,
        response="gamma2.2",
        notes=(taken, NO_TRUTH, *notes),
    )


SEN12 = Layout(
    "sen12",
    "Sen et al. 2012 (no truth)",
    find_sen,
    read_sen,
    "five to nine .tif, exposures.txt (stops)",
)
TURSUN16 = Layout(
    "tursun16",
    "Tursun et al. 2016 (METU; no truth)",
    find_tursun,
    read_tursun,
    "nine .tiff, exposure.txt (times)",
)
