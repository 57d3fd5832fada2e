"""OpenEXR files: half or float RGB with the standard header.

Attribute names and meanings: the OpenEXR Standard Attributes page. Primaries are stated by
`chromaticities`, which readers of today understand, and never together with a colorInteropID.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Shaped, UInt8

from deghost.errors import ReadError
from deghost.io.channels import opacity
from deghost.io.exr_chunks import check_exr_complete
from deghost.io.radiance_file import (
    REC709,
    RadianceFile,
    RadianceMetadata,
    RadiancePixels,
    Window,
    attributes_of,
    matrix_from_chromaticities,
)
from deghost.types import Matrix


ExrType = Literal["half", "float"]
ExrCompression = Literal["zip", "zips", "piz", "dwaa", "dwab", "none"]

COMPRESSIONS: dict[ExrCompression, str] = {
    "zip": "ZIP_COMPRESSION",
    "zips": "ZIPS_COMPRESSION",
    "piz": "PIZ_COMPRESSION",
    "dwaa": "DWAA_COMPRESSION",
    "dwab": "DWAB_COMPRESSION",
    "none": "NO_COMPRESSION",
}
LARGEST_HALF = 65504.0
ROWS = 256  # of one strip where numbers are converted


def write_exr(
    path: Path,
    pixels: RadiancePixels,
    metadata: RadianceMetadata,
    exr_type: ExrType = "half",
    compression: ExrCompression = "zip",
) -> None:
    """Write linear Rec. 709 pixels; a contiguous array of the wanted type is not copied.

    Values beyond the half range become its largest number instead of infinity.
    Raises OSError.
    """
    import OpenEXR

    _use_all_cores()
    stored = _as_type(pixels, np.dtype(np.float16 if exr_type == "half" else np.float32))
    header = _header(stored.shape[:2], metadata)
    header["compression"] = getattr(OpenEXR, COMPRESSIONS[compression])
    header["type"] = OpenEXR.scanlineimage
    try:
        with OpenEXR.File(header, _planes(stored)) as file:
            file.write(str(path))
    except RuntimeError as error:
        raise OSError(str(error)) from error


def read_exr(path: Path) -> RadianceFile:
    """Read the RGB (or grey) channels of the first part that has them, alpha apart.

    Where the colour channels stand under a layer's name, the first such layer is read.
    Raises ReadError.
    """
    try:
        header, planes = _read_parts(path, separate=False)
    except ValueError:  # channels of one colour that differ in type cannot be read together
        header, planes = _read_parts(path, separate=True)
    return RadianceFile(
        _colour_pixels(path, planes),
        _matrix(path, header),
        _attributes(header),
        _window(header),
        _alpha(planes),
    )


def _use_all_cores() -> None:
    """Start OpenEXR's own threads, once: without them it works on one core."""
    import OpenEXR

    if OpenEXR.global_thread_count() == 0:
        OpenEXR.set_global_thread_count(os.cpu_count() or 1)


def _as_type(pixels: RadiancePixels, kind: np.dtype) -> RadiancePixels:
    if pixels.dtype == kind:
        return pixels
    stored = np.empty(pixels.shape, kind)
    for top in range(0, len(pixels), ROWS):
        strip = pixels[top : top + ROWS]
        if kind == np.float16:
            strip = strip.clip(-LARGEST_HALF, LARGEST_HALF)
        stored[top : top + ROWS] = strip
    return stored


def _planes(pixels: RadiancePixels) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Hand over interleaved or planar memory as it is; OpenEXR does not look at strides."""
    if not pixels.flags.c_contiguous and pixels[..., 0].flags.c_contiguous:
        return {name: pixels[..., channel] for channel, name in enumerate("RGB")}
    return {"RGB": np.ascontiguousarray(pixels)}


def _header(size: tuple[int, int], metadata: RadianceMetadata) -> dict[str, Any]:
    height, width = size
    primaries = (*REC709.red, *REC709.green, *REC709.blue, *REC709.white)
    header: dict[str, Any] = dict(attributes_of(metadata))
    header["chromaticities"] = primaries
    header["dataWindow"] = header["displayWindow"] = _box((0, 0, width, height))
    if metadata.original_window is not None:
        header["originalDataWindow"] = _box(metadata.original_window)
    return header


def _box(window: Window) -> tuple[Shaped[np.ndarray, " 2"], Shaped[np.ndarray, " 2"]]:
    """Turn a window into OpenEXR's box, whose last pixel is inside."""
    x0, y0, x1, y1 = window
    return np.array([x0, y0], np.int32), np.array([x1 - 1, y1 - 1], np.int32)


def _window(header: Mapping[str, Any]) -> Window:
    (x0, y0), (x1, y1) = header["dataWindow"]
    return int(x0), int(y0), int(x1) + 1, int(y1) + 1


def _read_parts(
    path: Path, separate: bool
) -> tuple[dict[str, Any], dict[str, Shaped[np.ndarray, "..."]]]:
    """Give the header and the channels of the first part with colour, else of the first part."""
    import OpenEXR

    check_exr_complete(path)
    _use_all_cores()
    try:
        with OpenEXR.File(str(path), separate_channels=separate) as file:
            contents = [
                (dict(part.header), {name: c.pixels for name, c in part.channels.items()})
                for part in file.parts
            ]
    except RuntimeError as error:
        raise ReadError(f"{path.name} is not an OpenEXR image, or is damaged") from error
    if not contents:
        raise ReadError(f"{path.name} is damaged or cut short; copy it again from its source")
    return next((c for c in contents if _colour_names(c[1])), contents[0])


def _colour_names(planes: Mapping[str, Shaped[np.ndarray, "..."]]) -> list[str]:
    """Name the channels to read: one that holds RGB(A), or three, or one grey; the first layer."""
    layers = sorted({name.rpartition(".")[0] for name in planes} | {""})
    for layer in layers:
        prefix = f"{layer}." if layer else ""
        for wanted in (("RGB",), ("RGBA",), ("R", "G", "B")):
            names = [prefix + name for name in wanted]
            if all(name in planes for name in names):
                return names
    interleaved = [name for name in sorted(planes) if planes[name].ndim == 3]
    grey = [name for name in sorted(planes) if name.rpartition(".")[2] == "Y"]
    return (interleaved or grey)[:1]


def _colour_pixels(
    path: Path, planes: Mapping[str, Shaped[np.ndarray, "..."]]
) -> Shaped[np.ndarray, "h w 3"]:
    names = _colour_names(planes)
    if not names:
        raise ReadError(
            f"{path.name} has no colour; its channels are {', '.join(sorted(planes))}; "
            "save it with R, G and B"
        )
    if {"RY", "BY"} & {name.rpartition(".")[2] for name in planes}:
        raise ReadError(f"{path.name} stores luminance and chroma; save it as RGB")
    first = planes[names[0]]
    if first.ndim == 3:
        return np.ascontiguousarray(first[..., :3], np.float32)
    pixels = np.empty((*first.shape, 3), np.float32)
    for channel in range(3):
        pixels[..., channel] = planes[names[channel % len(names)]]
    return pixels


def _alpha(planes: Mapping[str, Shaped[np.ndarray, "..."]]) -> UInt8[np.ndarray, "h w"] | None:
    """The alpha channel of the colours that are read, None if it is opaque or there is none."""
    first = _colour_names(planes)[0]
    plane = planes[first]
    if plane.ndim == 3:
        return opacity(plane[..., 3].astype(np.float32)) if plane.shape[2] > 3 else None
    beside = planes.get(f"{first[: first.rfind('.') + 1]}A")
    return None if beside is None else opacity(beside.astype(np.float32))


def _matrix(path: Path, header: Mapping[str, Any]) -> Matrix:
    if "chromaticities" not in header:
        return np.eye(3)
    try:
        return matrix_from_chromaticities(header["chromaticities"])
    except (np.linalg.LinAlgError, ZeroDivisionError) as error:
        raise ReadError(
            f"{path.name} names primaries that make no colour space; correct its chromaticities"
        ) from error


def _attributes(header: Mapping[str, Any]) -> dict[str, str | float]:
    """Keep what is plain text or a plain number."""
    return {
        name: value
        for name, value in header.items()
        if isinstance(value, str | float | int) and not name.startswith("screenWindow")
    }
