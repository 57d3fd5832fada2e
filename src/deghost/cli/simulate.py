"""`deghost simulate`: brackets with exact truth, made from HDR panoramas."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from deghost.cli.options import Force, Quiet
from deghost.errors import SettingsError


Source = Annotated[
    Path, Parameter(name="--from", help="Folder of HDR panoramas: .exr or .hdr, 2 to 1.")
]
Out = Annotated[Path | None, Parameter(name="--out", help="New folder for the scenes.")]
Sheet = Annotated[
    Path | None, Parameter(name="--sheet", help="File for a picture of the first 24 scenes (PNG).")
]
Count = Annotated[int, Parameter(name="--count", help="Scenes to make.")]
Seed = Annotated[int, Parameter(name="--seed", help="Another number gives other scenes.")]
Size = Annotated[tuple[int, int], Parameter(name="--size", help="Width and height in pixels.")]
FrameCount = Annotated[int, Parameter(name="--frames", help="Frames of a scene, 2 to 9.")]
Stored = Annotated[
    Literal["kalantari17", "shards"], Parameter(name="--layout", help="How scenes are stored.")
]


def simulate(
    *,
    source: Source,
    out: Out = None,
    count: Count = 24,
    seed: Seed = 1,
    size: Size = (256, 256),
    frames: FrameCount = 3,
    layout: Stored = "kalantari17",
    sheet: Sheet = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Simulate brackets of moving things with exact truth, from HDR panoramas.

    The same seed, options and panoramas give the same scenes.
    """
    from deghost.cli.simulation import SimulationOutputs, simulate_scenes
    from deghost.cli.terminal import say
    from deghost.data.scene_settings import SceneSettings

    _check(out, sheet, count, frames)
    if seed < 0:
        raise SettingsError(f"--seed {seed} is not possible; give 0 or more")
    if min(size) < 32:
        raise SettingsError(f"--size {size[0]} {size[1]} is too small; give 32 32 or more")
    settings = SceneSettings(size=(size[1], size[0]), counts=(frames,))
    outputs = SimulationOutputs(out, layout, sheet, force)
    for line in simulate_scenes(source, settings, seed, count, outputs):
        if not quiet:
            say(line)


def _check(out: Path | None, sheet: Path | None, count: int, frames: int) -> None:
    """Raise SettingsError for what cannot be done, before any work."""
    if out is None and sheet is None:
        raise SettingsError("nothing to write; give --out FOLDER, --sheet FILE.png or both")
    if count < 1:
        raise SettingsError(f"--count {count} is no number of scenes; give 1 or more")
    if not 2 <= frames <= 9:
        raise SettingsError(f"--frames {frames} is not possible; give 2 to 9")
    if sheet and sheet.suffix.lower() != ".png":
        raise SettingsError(f"--sheet {sheet.name} is not a PNG file; end its name in .png")
