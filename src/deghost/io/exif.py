"""EXIF (CIPA DC-008): what the camera wrote about a frame, and what a merged file keeps of it."""

import math
from collections.abc import Set as AbstractSet
from dataclasses import replace

from deghost.io.ifd import BYTE, Directories, Directory, Tag, long, parse_block, short, write_block
from deghost.types import Capture


ORIENTATION, COLOUR_SPACE, MAKER_NOTE = 274, 40961, 37500
PIXEL_WIDTH, PIXEL_HEIGHT, EXIF_VERSION = 40962, 40963, 36864
ISO_TAGS = (34855, 34866, 34865, 34867)  # sensitivity, recommended index, standard output, speed
ISO_OVERFLOW = 65535  # the largest value of the 16-bit tag stands for "see the other tags"
LONGEST_TV, SHORTEST_TV = -20.0, 30.0  # 12 days and a nanosecond: beyond them a value is damaged

# Of the image directory a merged file keeps description, make, model, software, dates, people.
IMAGE_KEPT = frozenset({270, 271, 272, 282, 283, 296, 305, 306, 315, 33432})
# RAW files may keep exposure tags in their image directory: these move to the EXIF directory.
EXIF_IN_IMAGE = frozenset({33434, 33437, 34850, 34855, 36867, 36868, *range(34864, 34870)})
EXIF_IN_IMAGE |= frozenset({*range(37377, 37387), *range(36880, 36883), *range(42032, 42038)})
# Left out of the EXIF directory: maker notes (their offsets are into the old file), what the new
# file says itself (colour space, coding, interoperability), places in unrotated pixels, padding.
EXIF_DROPPED = frozenset({MAKER_NOTE, COLOUR_SPACE, 37121, 37122, 40965, 37396, 41492, 59932})
LONGEST_KEPT = 2048  # bytes a value, so that a block fits into the 64 kB of a JPEG segment


def capture_of(directories: Directories) -> Capture:
    """Gather what the camera wrote about a frame; values that make no sense count as missing.

    A missing exposure time is 2 ** -Tv, a missing f-number 2 ** (Av / 2), a missing or overflown
    sensitivity the recommended exposure index, standard output sensitivity or ISO speed.
    """
    speed = _number(directories, 37377)
    if speed is not None and not LONGEST_TV <= speed <= SHORTEST_TV:
        speed = None
    latitude, longitude, altitude = _position(directories.gps)
    return Capture(
        time=_positive(directories, 33434) or (None if speed is None else 2.0**-speed),
        shutter_speed=speed,
        aperture=_aperture(directories),
        iso=_iso(directories),
        bias=_number(directories, 37380),
        make=_text(directories, 271),
        model=_text(directories, 272),
        serial=_text(directories, 42033),
        lens_make=_text(directories, 42035),
        lens=_text(directories, 42036),
        focal_length=_positive(directories, 37386),
        date=_text(directories, 36867) or _text(directories, 36868) or _text(directories, 306),
        utc_offset=_utc_offset(_text(directories, 36881) or _text(directories, 36880)),
        latitude=latitude,
        longitude=longitude,
        altitude=altitude,
        owner=_text(directories, 42032) or _text(directories, 315),
        exif=_clean_block(directories),
    )


def orientation_of(directories: Directories) -> int:
    """Give the orientation, 1 to 8; 1 where there is none or it is damaged."""
    value = _number(directories, ORIENTATION) or 1
    return int(value) if value in range(1, 9) else 1


def is_adobe_rgb(directories: Directories) -> bool:
    """Whether the colours are Adobe RGB: "uncalibrated" with DCF's R03, or the value 2."""
    space = _number(directories, COLOUR_SPACE)
    option = directories.interoperability.get(1)
    return space == 2 or (space == 65535 and option is not None and option.text == "R03")


def exif_for_output(capture: Capture, size: tuple[int, int]) -> bytes:
    """Make the EXIF block of a file merged from this capture; empty if there was none.

    `size` is height and width. Orientation is 1; thumbnail, maker notes, colour space and whatever
    else described the old file's pixels are gone. The block is a TIFF stream, without "Exif".
    """
    if not capture.exif:
        return b""
    directories = parse_block(capture.exif)
    height, width = size
    order = directories.order
    pixels = {PIXEL_WIDTH: long(width, order), PIXEL_HEIGHT: long(height, order)}
    return write_block(replace(directories, exif=directories.exif | pixels))


def _clean_block(directories: Directories) -> bytes:
    """Write what may be carried over into a merged file; empty if there is nothing to carry."""
    if not directories.image and not directories.exif:
        return b""
    order = directories.order
    image = _only(directories.image, IMAGE_KEPT) | {ORIENTATION: short(1, order)}
    moved = _only(directories.image, EXIF_IN_IMAGE)
    own = _only(directories.exif, directories.exif.keys() - EXIF_DROPPED)
    version = {EXIF_VERSION: Tag(7, b"0232", order)}
    return write_block(
        Directories(
            order,
            image,
            version | moved | own,
            _only(directories.gps, directories.gps.keys()),
        )
    )


def _only(directory: Directory, numbers: AbstractSet[int]) -> Directory:
    """The tags with these numbers whose values are short enough to keep."""
    return {
        number: tag
        for number, tag in directory.items()
        if number in numbers and len(tag.raw) <= LONGEST_KEPT
    }


def _numbers(tag: Tag | None) -> tuple[float, ...]:
    """The finite numbers of a tag; none of a missing tag or of a text."""
    if tag is None or tag.kind == 2:
        return ()
    return tuple(float(value) for value in tag.numbers if math.isfinite(value))


def _number(directories: Directories, number: int) -> float | None:
    return next(iter(_numbers(directories.find(number))), None)


def _positive(directories: Directories, number: int) -> float | None:
    value = _number(directories, number)
    return value if value is not None and value > 0 else None


def _text(directories: Directories, number: int) -> str | None:
    """A text that says something: cameras fill unknown names with dashes or blanks."""
    tag = directories.find(number)
    text = tag.text if tag is not None and tag.kind in (BYTE, 2, 7) else ""
    return text if text.strip("- :0.") else None


def _aperture(directories: Directories) -> float | None:
    """The f-number; None for the 0 that cameras write for lenses they cannot talk to."""
    value = _positive(directories, 37378)
    from_apex = 2 ** (value / 2) if value is not None and value < 20 else None
    return _positive(directories, 33437) or from_apex


def _iso(directories: Directories) -> float | None:
    values = (_positive(directories, number) for number in ISO_TAGS)
    return next((value for value in values if value and value != ISO_OVERFLOW), None)


def _utc_offset(text: str | None) -> float | None:
    """Turn "+05:30" into seconds."""
    if text is None or len(text) != 6 or text[0] not in "+-":
        return None
    hours, _, minutes = text[1:].partition(":")
    if not (hours.isdecimal() and minutes.isdecimal()):
        return None
    seconds = 3600.0 * int(hours) + 60.0 * int(minutes)
    return -seconds if text[0] == "-" else seconds


def _position(gps: Directory) -> tuple[float | None, float | None, float | None]:
    """Latitude and longitude in degrees, altitude in metres."""
    heights = _numbers(gps.get(6))
    below = 1.0 in _numbers(gps.get(5))
    altitude = (-heights[0] if below else heights[0]) if heights else None
    return _degrees(gps, 1, "S"), _degrees(gps, 3, "W"), altitude


def _degrees(gps: Directory, reference: int, negative: str) -> float | None:
    parts = _numbers(gps.get(reference + 1))
    if len(parts) != 3 or reference not in gps:
        return None
    degrees = parts[0] + parts[1] / 60 + parts[2] / 3600
    return -degrees if gps[reference].text.upper() == negative else degrees
