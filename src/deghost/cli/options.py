"""Options that several commands share, and how their text becomes settings."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deghost.errors import SettingsError
from deghost.io.exposure_settings import ExposureSettings
from deghost.merge.settings import DEGHOST_LEVELS, Device


Frames = Annotated[
    tuple[Path, ...], Parameter(help="The frames of one bracket, in any order.", negative="")
]
Output = Annotated[
    Path, Parameter(name=["--output", "-o"], help="File to write; its ending tells the format.")
]
Times = Annotated[
    tuple[str, ...] | None,
    Parameter(
        consume_multiple=True,
        negative="",
        help="Exposure times such as 1/250 1/60 1/15, one per frame, in the order of the files.",
    ),
]
Stops = Annotated[
    tuple[float, ...] | None,
    Parameter(
        name="--ev",
        consume_multiple=True,
        negative="",
        help="Exposures in stops such as -2 0 2, one per frame, in the order of the files.",
    ),
]
Fit = Annotated[
    bool, Parameter(negative="", help="Find exposure ratios from the pixels, whatever EXIF says.")
]
Reference = Annotated[
    int | None,
    Parameter(help="Frame that moving things are taken from; 0 is the darkest. [default: best]"),
]
ResponseName = Annotated[
    str,
    Parameter(
        help="Camera curve: auto, srgb, rec709, gamma2.2, linear, debevec, robertson, or a file."
    ),
]
ImportMasks = Annotated[
    Path | None,
    Parameter(help="Folder of masks to use, as `deghost segment` writes them, perhaps painted on."),
]
Compute = Annotated[Device, Parameter(help="What networks run on; auto takes a card if any.")]
Force = Annotated[bool, Parameter(negative="", help="Overwrite files that exist.")]
Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", help="Print nothing.")]
Json = Annotated[
    bool, Parameter(name="--json", negative="", help="Print a machine-readable summary instead.")
]


def exposure_settings(
    times: tuple[str, ...] | None, ev: tuple[float, ...] | None, *, fit: bool
) -> ExposureSettings:
    """Read what the user says about exposures. Raises SettingsError."""
    if sum([times is not None, ev is not None, fit]) > 1:
        raise SettingsError("--exposures, --ev and --fit-exposures exclude each other; give one")
    seconds = None if times is None else tuple(_seconds(time) for time in times)
    return ExposureSettings(seconds, ev, fit)


def _seconds(text: str) -> float:
    """Read a time such as 1/250, 0.5 or 2s."""
    above, slash, below = text.strip().removesuffix("s").partition("/")
    try:
        return float(above) / (float(below) if slash else 1.0)
    except (ValueError, ZeroDivisionError) as error:
        raise SettingsError(
            f"--exposures {text} is not a time; write seconds such as 1/250 or 0.5, "
            "and name the frames before --exposures"
        ) from error


def deghost_strength(text: str) -> float:
    """Read `--deghost`: a level or a number from 0 to 1. Raises SettingsError.

    Example:
        >>> deghost_strength("off"), deghost_strength("0.3")
        (0.0, 0.3)
    """
    if text.lower() in DEGHOST_LEVELS:
        return DEGHOST_LEVELS[text.lower()]
    try:
        strength = float(text)
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= 1:
        raise SettingsError(
            f"--deghost {text} is not known; use {', '.join(DEGHOST_LEVELS)} or a number in 0..1"
        )
    return strength


def check_layout(name: str | None) -> None:
    """Raise SettingsError for a layout of data sets that there is not."""
    from deghost.data.layouts import LAYOUTS

    if name is not None and name not in LAYOUTS:
        known = ", ".join(sorted(LAYOUTS))
        raise SettingsError(f"--layout {name} is not known; there are: {known}")
