"""Simulate scenes into files."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deghost.data.panoramas import read_panoramas
from deghost.data.scene_settings import SceneSettings
from deghost.data.sheets import contact_sheet
from deghost.data.synthetic import make_scene
from deghost.data.views import Panorama, fits
from deghost.data.writers import write_kalantari17, write_shards
from deghost.errors import SettingsError
from deghost.io.atomic import atomic_write, check_new_folder, check_target
from deghost.types import Scene


ON_SHEET = 24


@dataclass(frozen=True)
class SimulationOutputs:
    """Where simulated scenes go."""

    out: Path | None
    layout: Literal["kalantari17", "shards"]
    sheet: Path | None
    force: bool  # whether an older sheet is replaced


def simulate_scenes(
    source: Path, settings: SceneSettings, seed: int, count: int, outputs: SimulationOutputs
) -> list[str]:
    """Make scenes, write them and their contact sheet, and tell what was written.

    Raises ReadError, WriteError, or SettingsError for views that would have to be magnified.
    """
    if outputs.sheet:
        check_target(outputs.sheet, force=outputs.force)
    if outputs.out:
        check_new_folder(outputs.out)
    panoramas = read_panoramas(source)
    _check_size(settings.size, panoramas)
    shown: list[Scene] = []
    made = _make(panoramas, settings, seed, count if outputs.out else min(count, ON_SHEET))
    scenes = _kept(made, shown if outputs.sheet else None)
    told = []
    if outputs.out is None:
        deque(scenes, maxlen=0)
    else:
        about = {"seed": seed, "panoramas": [panorama.name for panorama in panoramas]}
        write = write_shards if outputs.layout == "shards" else write_kalantari17
        checksum = write(scenes, outputs.out, about=about)
        told.append(f"wrote {count} scenes into {outputs.out}, checksum {checksum}")
    if outputs.sheet:
        _draw(shown, outputs.sheet, force=outputs.force)
        told.append(f"wrote {outputs.sheet}")
    return told


def _make(
    panoramas: Sequence[Panorama], settings: SceneSettings, seed: int, count: int
) -> Iterator[Scene]:
    for index in range(count):
        yield make_scene(panoramas, settings, seed, index)


def _kept(scenes: Iterator[Scene], shown: list[Scene] | None) -> Iterator[Scene]:
    """Pass scenes on, and keep the first ones for the sheet."""
    for scene in scenes:
        if shown is not None and len(shown) < ON_SHEET:
            shown.append(scene)
        yield scene


def _draw(scenes: Sequence[Scene], sheet: Path, *, force: bool) -> None:
    """Write a contact sheet as PNG."""
    import imagecodecs

    atomic_write(sheet, bytes(imagecodecs.png_encode(contact_sheet(scenes))), force=force)


def _check_size(size: tuple[int, int], panoramas: Sequence[Panorama]) -> None:
    """Raise SettingsError for a view that a panorama would have to be magnified for."""
    for panorama in panoramas:
        height, width = panorama.pixels.shape[:2]
        if not fits(size, (height, width)):
            raise SettingsError(
                f"--size {size[1]} {size[0]} would magnify {panorama.name}, which is "
                f"{width} x {height}; give a smaller size or larger panoramas"
            )
