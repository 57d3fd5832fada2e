"""What a radiance file carries besides its pixels, under the names of OpenEXR's standard header.

The same names serve OpenEXR headers, Radiance headers and the description of a TIFF, so that
metadata survive the way from one format to another.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from jaxtyping import Float16, Float32, UInt8

from deghost.radiometry.colour import SPACES, RgbSpace, to_rec709
from deghost.types import Capture, Matrix


RadiancePixels = Float16[np.ndarray, "h w 3"] | Float32[np.ndarray, "h w 3"]
Window = tuple[int, int, int, int]  # x0, y0, x1, y1; x1 and y1 are outside
Attributes = Mapping[str, str | float]

REC709 = SPACES["rec709"]
CAPTURE_ATTRIBUTES = {
    "time": "expTime",
    "aperture": "aperture",
    "iso": "isoSpeed",
    "make": "cameraMake",
    "model": "cameraModel",
    "serial": "cameraSerialNumber",
    "lens_make": "lensMake",
    "lens": "lensModel",
    "focal_length": "nominalFocalLength",
    "date": "capDate",
    "utc_offset": "utcOffset",  # of the opposite sign: OpenEXR's is UTC minus local time
    "latitude": "latitude",
    "longitude": "longitude",
    "altitude": "altitude",
    "owner": "owner",
}


@dataclass(frozen=True)
class RadianceMetadata:
    """How a radiance image came about; all of it is optional."""

    capture: Capture = Capture()  # of the reference frame
    white_luminance: float | None = None  # cd/m² of RGB (1, 1, 1); only when calibrated
    absolute_scale: float | None = None  # pixels times this are v * 2 ** EV100
    sources: Sequence[Mapping[str, Any] | str] = ()  # one entry a frame: file, exposure, ...
    version: str | None = None  # of the software
    parameters: str | None = None  # JSON
    original_window: Window | None = None  # of the uncropped frame; (0, 0) is the first pixel here


@dataclass(frozen=True)
class RadianceFile:
    """A radiance image as read: linear pixels, their colour space, and what the header says."""

    pixels: Float32[np.ndarray, "h w 3"]
    to_rec709: Matrix = field(default_factory=lambda: np.eye(3))
    attributes: Attributes = field(default_factory=dict)
    window: Window | None = None  # of the pixels in the picture, where the file has both
    alpha: UInt8[np.ndarray, "h w"] | None = None  # 255 = opaque; None: opaque or not stored


def attributes_of(metadata: RadianceMetadata) -> dict[str, str | float]:
    """Name everything the metadata know by its attribute; what is not known is left out.

    Example:
        >>> attributes_of(RadianceMetadata(Capture(time=0.5), absolute_scale=8.0))
        {'expTime': 0.5, 'deghost.absoluteScale': 8.0}
    """
    capture = {name: getattr(metadata.capture, own) for own, name in CAPTURE_ATTRIBUTES.items()}
    if capture["utcOffset"] is not None:
        capture["utcOffset"] = -capture["utcOffset"]
    sources = list(metadata.sources)
    exposures = [source.get("exposure") for source in sources if isinstance(source, Mapping)]
    own = {
        "whiteLuminance": metadata.white_luminance,
        "comments": f"merged by deghost from {len(sources)} frames" if sources else None,
        "deghost.absoluteScale": metadata.absolute_scale,
        "deghost.sources": json.dumps(sources) if sources else None,
        "deghost.exposures": json.dumps(exposures) if any(exposures) else None,
        "deghost.version": metadata.version,
        "deghost.parameters": metadata.parameters,
    }
    return {name: value for name, value in (capture | own).items() if value is not None}


def metadata_from(attributes: Attributes) -> RadianceMetadata:
    """Make metadata from the attributes of a file: the inverse of `attributes_of`.

    Example:
        >>> metadata_from({"expTime": "0.5", "deghost.absoluteScale": "8"}).capture.time
        0.5
    """
    known: dict[str, Any] = {}
    for member in fields(Capture):
        value = attributes.get(CAPTURE_ATTRIBUTES.get(member.name, ""))
        if value is not None:
            known[member.name] = str(value) if member.type in {str | None} else _number(value)
    if known.get("utc_offset") is not None:
        known["utc_offset"] = -known["utc_offset"]
    return RadianceMetadata(
        capture=Capture(**known),
        white_luminance=_number(attributes.get("whiteLuminance")),
        absolute_scale=_number(attributes.get("deghost.absoluteScale")),
        sources=_sources(str(attributes.get("deghost.sources", "[]"))),
        version=_text(attributes.get("deghost.version")),
        parameters=_text(attributes.get("deghost.parameters")),
    )


def matrix_from_chromaticities(chromaticities: Sequence[float]) -> Matrix:
    """Make the matrix to linear Rec. 709 from x, y of red, green, blue and white, adapting white.

    Raises numpy.linalg.LinAlgError or ZeroDivisionError where they describe no colour space.

    Example:
        >>> p3 = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329)
        >>> matrix_from_chromaticities(p3)[0].round(3).tolist()
        [1.225, -0.225, -0.0]
    """
    x, y = ([round(float(value), 5) for value in chromaticities[start::2]] for start in (0, 1))
    red, green, blue, white = zip(x, y, strict=True)
    return to_rec709(RgbSpace(red, green, blue, white))


def _number(value: str | float | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def _text(value: str | float | None) -> str | None:
    return None if value is None else str(value)


def _sources(text: str) -> Sequence[Mapping[str, Any] | str]:
    try:
        sources = json.loads(text)
    except ValueError:
        return ()
    return tuple(sources) if isinstance(sources, list) else ()
