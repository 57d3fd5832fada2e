"""ICC profiles that state the colour of what is written."""

import struct

from deghost.radiometry.colour import SPACES


REC709 = SPACES["rec709"]
DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # fixed, so that equal pictures are equal files


def srgb_profile() -> bytes:
    """Make an sRGB profile (IEC 61966-2-1), version 4."""
    import imagecodecs

    return _dated(imagecodecs.cms_profile("srgb"))


def linear_rec709_profile() -> bytes:
    """Make a profile of Rec. 709 primaries and white with a linear curve, version 4."""
    import imagecodecs

    primaries = [*REC709.red, *REC709.green, *REC709.blue]
    return _dated(
        imagecodecs.cms_profile("rgb", whitepoint=[*REC709.white], primaries=primaries, gamma=1.0)
    )


def _dated(profile: bytes) -> bytes:
    """Replace the date of making (ICC.1:2022, 7.2.10), which is now."""
    return profile[:24] + DATE + profile[36:]
