"""32-bit floating-point TIFF: linear Rec. 709, stated by an embedded ICC profile.

TIFF 6.0 with the floating-point predictor of Adobe's Photoshop TIFF Technical Note 3; Deflate
because every reader of such files knows it.
"""

import json
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Shaped

from deghost.errors import ReadError
from deghost.io.icc import profile_colours
from deghost.io.output_profiles import linear_rec709_profile
from deghost.io.radiance_file import (
    Attributes,
    RadianceFile,
    RadianceMetadata,
    RadiancePixels,
    attributes_of,
)
from deghost.types import Capture


ROWS = 64  # of one strip of the file
READ_AHEAD = 2**24  # bytes of the file read at once
RATIONAL, ASCII, SHORT = 5, 2, 3  # types of TIFF values


def write_float_tiff(path: Path, pixels: RadiancePixels, metadata: RadianceMetadata) -> None:
    """Write linear Rec. 709 pixels as 32-bit floats, strip by strip. Raises OSError."""
    import tifffile

    with ThreadPoolExecutor() as pool:
        tifffile.imwrite(
            path,
            pool.map(_encoded, _strips(pixels)),
            shape=pixels.shape,
            dtype=np.float32,
            photometric="rgb",
            rowsperstrip=ROWS,
            compression="zlib",
            predictor=3,
            iccprofile=linear_rec709_profile(),
            description=json.dumps(attributes_of(metadata)),
            software=f"deghost {metadata.version or ''}".strip(),
            metadata=None,
            extratags=_camera_tags(metadata.capture),
        )


def read_float_tiff(path: Path) -> RadianceFile:
    """Read the first page of a floating-point RGB or grey TIFF; alpha is left out.

    Floating-point pixels are linear; of an embedded profile only the primaries matter.
    Raises ReadError.
    """
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            if page.dtype is None or page.dtype.kind != "f":
                raise ReadError(
                    f"{path.name} holds whole numbers, not radiance; give a floating-point TIFF"
                )
            stored = page.asarray(buffersize=READ_AHEAD)
            separate = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
            attributes = _attributes(page.description)
            colours = profile_colours(page.iccprofile) if page.iccprofile else None
    except (tifffile.TiffFileError, struct.error, RuntimeError, LookupError, ValueError) as error:
        raise ReadError(f"{path.name} is not a TIFF image, or is damaged") from error
    if separate and stored.ndim == 3:
        stored = stored.transpose(1, 2, 0)
    matrix = colours.to_rec709 if colours else np.eye(3)
    return RadianceFile(_colour_pixels(path, stored), matrix, attributes)


def _strips(pixels: RadiancePixels) -> Iterator[RadiancePixels]:
    return (pixels[top : top + ROWS] for top in range(0, len(pixels), ROWS))


def _encoded(strip: RadiancePixels) -> bytes:
    """Difference neighbours byte plane by byte plane, then deflate."""
    import imagecodecs

    numbers = np.ascontiguousarray(strip, np.float32)
    planes = imagecodecs.floatpred_encode(numbers, axis=-2)
    return bytes(imagecodecs.deflate_encode(planes.tobytes(), level=6))


def _camera_tags(capture: Capture) -> list[tuple[int, int, int, Any, bool]]:
    """Make the EXIF tags that may stand in the first directory of a TIFF."""
    tags: list[tuple[int, int, int, Any, bool]] = []
    for code, text in ((271, capture.make), (272, capture.model), (306, capture.date)):
        if text:
            tags.append((code, ASCII, 0, text.encode("ascii", "replace").decode(), True))
    for code, number in ((33434, capture.time), (33437, capture.aperture)):
        if number:
            tags.append((code, RATIONAL, 1, _rational(number), True))
    if capture.iso:
        tags.append((34855, SHORT, 1, min(round(capture.iso), 65535), True))
    return tags


def _rational(number: float) -> tuple[int, int]:
    """Write a number as EXIF does: 1/250, 28/10.

    Example:
        >>> _rational(0.004), _rational(2.8), _rational(30)
        ((1, 250), (14, 5), (30, 1))
    """
    fraction = Fraction(number).limit_denominator(10**6)
    return fraction.numerator, fraction.denominator


def _attributes(description: str) -> Attributes:
    """Read the attributes from a description as written here; keep any other as a comment."""
    try:
        found = json.loads(description)
    except ValueError:
        return {"comments": description} if description else {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str | float | int)}


def _colour_pixels(path: Path, stored: Shaped[np.ndarray, "..."]) -> Float32[np.ndarray, "h w 3"]:
    if stored.ndim == 2:
        stored = stored[..., None]
    if stored.ndim != 3:
        raise ReadError(f"{path.name} is not one picture; give a TIFF of one RGB page")
    if stored.shape[2] < 3:
        stored = np.broadcast_to(stored[..., :1], (*stored.shape[:2], 3))
    return np.ascontiguousarray(stored[..., :3], np.float32)
