"""Read and write radiance images: OpenEXR, Radiance and floating-point TIFF, by extension."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from deghost.errors import ReadError, WriteError
from deghost.io.atomic import atomic_path
from deghost.io.exr import LARGEST_HALF, ExrCompression, ExrType, read_exr, write_exr
from deghost.io.float_tiff import read_float_tiff, write_float_tiff
from deghost.io.radiance_file import (
    Attributes,
    RadianceFile,
    RadianceMetadata,
    RadiancePixels,
    Window,
    attributes_of,
    matrix_from_chromaticities,
    metadata_from,
)
from deghost.io.rgbe import read_rgbe, write_rgbe


__all__ = [
    "Attributes",
    "ExrCompression",
    "ExrType",
    "RadianceFile",
    "RadianceMetadata",
    "RadiancePixels",
    "Window",
    "attributes_of",
    "half_problem",
    "matrix_from_chromaticities",
    "metadata_from",
    "read_radiance",
    "write_radiance",
]

SMALLEST_NORMAL_HALF = 2.0**-14  # below it, a half has fewer than eleven bits
READERS: dict[str, Callable[[Path], RadianceFile]] = {
    ".exr": read_exr,
    ".hdr": read_rgbe,
    ".pic": read_rgbe,
    ".tif": read_float_tiff,
    ".tiff": read_float_tiff,
}
WRITABLE = (".exr", ".hdr", ".tif", ".tiff")


def write_radiance(
    path: Path | str,
    pixels: Shaped[np.ndarray, "..."],
    metadata: RadianceMetadata | None = None,
    *,
    exr_type: ExrType = "half",
    exr_compression: ExrCompression = "piz",
    force: bool = False,
) -> None:
    """Write linear Rec. 709 pixels as .exr, .hdr, .tif or .tiff.

    `exr_type` and `exr_compression` matter to .exr alone. Raises WriteError, also for pixels that
    are not h x w x 3 floats.
    """
    path = Path(path)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype not in (np.float16, np.float32):
        raise WriteError(
            f"{path.name} is written from floats of 16 or 32 bits, height x width x 3, not from "
            f"{pixels.dtype} of {' x '.join(map(str, pixels.shape))}"
        )
    if 0 in pixels.shape:
        raise WriteError(f"{path.name} would have no pixels; give at least one")
    suffix = path.suffix.lower()
    if suffix not in WRITABLE:
        raise WriteError(
            f"{path.name} is of no known kind; radiance is written as {', '.join(WRITABLE)}"
        )
    metadata = metadata or RadianceMetadata()
    with atomic_path(path, force=force, needed=pixels.nbytes) as temporary:
        if suffix == ".exr":
            write_exr(temporary, pixels, metadata, exr_type, exr_compression)
        elif suffix == ".hdr":
            write_rgbe(temporary, pixels, metadata)
        else:
            write_float_tiff(temporary, pixels, metadata)


def read_radiance(path: Path | str) -> RadianceFile:
    """Read linear pixels, float32, with the matrix to Rec. 709 and the header's attributes.

    Negative values and NaN are returned as they stand. Raises ReadError.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ReadError(
            f"{path.name} is of no known kind; radiance is read from {', '.join(READERS)}"
        )
    if not path.is_file():
        raise ReadError(f"{path.name} does not exist or is no file; check the path")
    try:
        return reader(path)
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise ReadError(f"{path.name} cannot be read: {reason}; check the path") from error


def half_problem(smallest: float, largest: float) -> str | None:
    """Say what 16-bit floats would lose of values from `smallest` (positive) to `largest`.

    Example:
        >>> half_problem(0.001, 1000)
        >>> half_problem(0.001, 100000)
        'the brightest value, 100000, is above 65504, the largest a half can hold'
    """
    if largest > LARGEST_HALF:
        return f"the brightest value, {largest:.6g}, is above 65504, the largest a half can hold"
    if smallest < SMALLEST_NORMAL_HALF:
        return f"the darkest value, {smallest:.3g}, is below 6.1e-05, where a half loses precision"
    return None
