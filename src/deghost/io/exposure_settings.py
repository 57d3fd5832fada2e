"""What a user may say about the exposures of a bracket."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ExposureSettings:
    """What the user says about the exposures; values are in the order of the files."""

    times: tuple[float, ...] | None = None  # relative exposures or times, any unit
    ev: tuple[float, ...] | None = None  # stops
    fit: bool = False  # from the pixels, whatever the EXIF says
