"""Write 8-bit pictures and masks for the eye: JPEG and PNG."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from deghost.errors import WriteError
from deghost.io.atomic import atomic_write
from deghost.io.jpeg_segments import APP1, EXIF, LONGEST_PAYLOAD, segment, with_segments


PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")
QUALITY = 95
LONGEST_SIDE = 65_500  # of a JPEG

Picture = UInt8[np.ndarray, "h w 3"] | UInt8[np.ndarray, "h w"]


def write_picture(path: Path, pixels: Picture, exif: bytes = b"", *, force: bool) -> None:
    """Write sRGB or grey pixels as JPEG or PNG, by the ending; EXIF goes into a JPEG.

    Raises WriteError.
    """
    suffix = path.suffix.lower()
    if suffix not in PICTURE_SUFFIXES:
        raise WriteError(f"{path.name}: pictures are written as {', '.join(PICTURE_SUFFIXES)}")
    if suffix != ".png" and max(pixels.shape) > LONGEST_SIDE:
        raise WriteError(
            f"{path.name} cannot be written: a JPEG has at most {LONGEST_SIDE} pixels a side; "
            "write .png"
        )
    stored = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY] if suffix != ".png" else []
    done, encoded = cv2.imencode(suffix, stored, options)
    if not done:
        raise WriteError(f"{path.name} could not be encoded; the picture may be too large for it")
    data = encoded.tobytes()
    if suffix != ".png" and exif and len(EXIF) + len(exif) <= LONGEST_PAYLOAD:
        data = with_segments(data, [segment(APP1, EXIF + exif)])
    atomic_write(path, data, force=force)
