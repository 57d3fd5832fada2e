"""deghost-bench: 32 simulated brackets with exact truth, rebuilt from 12 public-domain panoramas.

What each group tests is told in docs/benchmark.md.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deghost.data.panoramas import read_panorama
from deghost.data.scene_settings import SceneSettings
from deghost.data.synthetic import make_scene
from deghost.data.views import Panorama
from deghost.errors import ReadError
from deghost.types import Scene


SEED = 20240
SUMS = "SHA256SUMS"

JPEG = SceneSettings(
    size=(384, 512),
    stops=(2.0, 2.0),
    jitter=0.03,
    hold=("tripod",),
    actors=(0, 0),
    ripples=0.0,
    parallax=0.0,
    blur=0.0,
    light=0.0,
    perspective=0.0,
    iso=(100.0, 200.0),
    bits=(8,),
    jpeg=1.0,
    responses=("srgb",),
    key=(0.1, 0.2),
)
DEEP = replace(JPEG, bits=(16,), responses=("gamma2.2",))
MOVING = {"actors": (3, 5), "pace": (0.8, 1.8), "blur": 0.5, "intervals": (0.1, 0.5)}
NIGHTS = ("dikhololo_night", "peppermint_powerplant", "thatch_chapel", "vestibule")


@dataclass(frozen=True)
class Entry:
    """One scene of the benchmark: its name, its group, what it is like, and where it is set."""

    name: str
    group: str
    settings: SceneSettings
    panorama: str


# each group: changes of the settings, how many scenes, and where if not anywhere
GROUPS: dict[str, tuple[dict[str, object], int, tuple[str, ...]]] = {
    "static": ({}, 4, ()),
    "hand-held": ({"hold": ("hand",), "parallax": 0.5}, 4, ()),
    "small-motion": ({"actors": (3, 5), "pace": (0.1, 0.3)}, 4, ()),
    "large-motion": ({**MOVING, "hold": ("hand",), "actors": (4, 6), "distance": 0.6}, 5, ()),
    "clipped-motion": (
        {**MOVING, "actors": (4, 6), "distance": 0.7, "clipped": 0.25, "key": (0.2, 0.35)},
        4,
        (),
    ),
    "night": (
        {**MOVING, "hold": ("hand",), "iso": (2500.0, 6400.0), "key": (0.02, 0.05)},
        4,
        NIGHTS,
    ),
    "2-frames": ({**MOVING, "counts": (2,), "hold": ("hand",), "stops": (3.0, 3.0)}, 2, ()),
    "5-frames": ({**MOVING, "counts": (5,), "hold": ("hand",), "stops": (1.5, 1.5)}, 3, ()),
    "7-frames": ({**MOVING, "counts": (7,), "hold": ("hand",), "stops": (1.0, 1.0)}, 2, ()),
}


def bench_entries(panoramas: Sequence[str]) -> tuple[Entry, ...]:
    """List the scenes: 8-bit JPEG and 16-bit frames in turn, panoramas in turn."""
    entries: list[Entry] = []
    for group, (changes, count, places) in GROUPS.items():
        for number in range(count):
            base = JPEG if number % 2 == 0 else DEEP
            settings = replace(base, **changes)  # type: ignore[arg-type]
            choice = places or tuple(panoramas)
            place = choice[number % len(choice) if places else len(entries) % len(choice)]
            entries.append(Entry(f"{group}-{number + 1}", group, settings, place))
    return tuple(entries)


def read_bench_panoramas(folder: Path) -> tuple[Panorama, ...]:
    """Read the panoramas that SHA256SUMS lists. Raises ReadError if one is not as listed."""
    sums = folder / SUMS
    if not sums.is_file():
        raise ReadError(f"{folder.name} has no {SUMS}; take the benchmark's own folder")
    panoramas = []
    for line in sums.read_text("ascii").splitlines():
        digest, name = line.split()
        path = folder / name
        if not path.is_file():
            raise ReadError(f"{name} is missing from {folder.name}; restore it")
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise ReadError(f"{name} is not the file that {SUMS} lists; restore it")
        panoramas.append(read_panorama(path))
    return tuple(panoramas)


def bench_scenes(
    panoramas: Sequence[Panorama], only: Sequence[str] | None = None
) -> Iterator[Scene]:
    """Make the scenes of the benchmark, or those of the names asked for, in their order."""
    places = {panorama.name: panorama for panorama in panoramas}
    for index, entry in enumerate(bench_entries(tuple(places))):
        if only is not None and entry.name not in only:
            continue
        here = (places[entry.panorama],)
        scene = make_scene(here, entry.settings, SEED, index, panoramas)
        details = {**scene.details, "group": entry.group}
        yield replace(scene, name=entry.name, details=details)


def checksum(scene: Scene) -> str:
    """Hash a scene's truth: exact where OpenCV computes alike, as on any one machine."""
    truth = np.ascontiguousarray(scene.truth.numpy()) if scene.truth is not None else np.zeros(0)
    return hashlib.sha256(truth.astype("<f4").tobytes()).hexdigest()


def fingerprint(scene: Scene) -> tuple[float, ...]:
    """Sum a scene up in numbers that any machine finds alike to about a thousandth.

    Mean logarithm of the truth in four quarters (top left, top right, ...), mean code of every
    frame, and the share of the picture that moves in each.
    """
    if scene.truth is None or scene.motion is None:
        return ()
    stops = (scene.truth + 1e-3).log2().mean(dim=0)
    height, width = stops.shape
    halves = [(rows, columns) for rows in stops.split(height // 2) for columns in (0, width // 2)]
    quarters = [rows[:, at : at + width // 2].mean() for rows, at in halves]
    values = [*quarters, *scene.frames.mean(dim=(1, 2, 3)), *scene.motion.mean(dim=(1, 2))]
    return tuple(round(float(value), 5) for value in values)
