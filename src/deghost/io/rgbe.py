"""Radiance pictures (.hdr): a shared exponent for the three mantissas of a pixel, run-length coded.

G. Ward, Real Pixels, Graphics Gems II (1991); the header and the resolution line follow the
Radiance file formats document. Mantissas are rounded, not cut off, which halves their error and
makes it zero on average for the many readers that do not add half a step.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from deghost.errors import ReadError
from deghost.io.radiance_file import (
    REC709,
    Attributes,
    RadianceFile,
    RadianceMetadata,
    RadiancePixels,
    attributes_of,
    matrix_from_chromaticities,
)
from deghost.io.rgbe_runs import (
    RUN_WIDTHS,
    Rgbe,
    encode_runs,
    expand_old_runs,
    fewest_bytes,
    is_run_coded,
)
from deghost.radiometry.colour import D65, adapt_white, rgb_to_xyz, xyz_of
from deghost.types import Matrix


Factors = Float32[np.ndarray, " 3"]

ROWS = 32  # encoded at once
LARGEST = 255 * 2.0**119  # of the mantissa 255 under the exponent 255
LINE = 100  # bytes of a header value; some readers lose count in lines of 128
RESOLUTION = re.compile(rb"([-+])([XY]) +(\d+) +([-+])([XY]) +(\d+)")


def write_rgbe(path: Path, pixels: RadiancePixels, metadata: RadianceMetadata) -> None:
    """Write linear Rec. 709 pixels; negative values and NaN become black."""
    height, width = pixels.shape[:2]
    strips = (pixels[top : top + ROWS] for top in range(0, height, ROWS))
    with path.open("wb") as file, ThreadPoolExecutor() as pool:
        file.write(_header(metadata))
        file.write(b"-Y %d +X %d\n" % (height, width))
        for coded in pool.map(_encoded, strips):
            file.write(coded.data)


def _encoded(strip: RadiancePixels) -> UInt8[np.ndarray, " n"]:
    quads = encode_rgbe(strip.astype(np.float32))
    return encode_runs(quads) if strip.shape[1] in RUN_WIDTHS else quads.reshape(-1)


def read_rgbe(path: Path) -> RadianceFile:
    """Read a Radiance picture in any of its codings and orientations.

    Pixels are divided by EXPOSURE and COLORCORR, which say what they were multiplied by.
    Raises ReadError.
    """
    data = path.read_bytes()
    header, size, body = _split(path, data)
    attributes, exposure = _parse_header(header)
    layout = _Layout.of(size)
    pixels = _decode_body(path, memoryview(data)[body:], layout)
    if (exposure != 1).any():
        np.divide(pixels, exposure, out=pixels)
    return RadianceFile(layout.upright(pixels), _matrix(path, attributes), attributes)


def encode_rgbe(pixels: Float32[np.ndarray, "h w 3"]) -> Rgbe:
    """Round pixels to 8-bit mantissas under a common exponent.

    Example:
        >>> encode_rgbe(np.array([[[1.0, 0.5, 0.25], [0.9999, 0, 0]]], np.float32)).tolist()
        [[[128, 64, 32, 129], [128, 0, 0, 129]]]
    """
    finite = np.nan_to_num(pixels, nan=0.0, posinf=LARGEST, neginf=0.0).clip(0, LARGEST)
    largest = finite.max(axis=2)
    exponent = np.frexp(largest)[1]
    exponent += np.rint(np.ldexp(largest, 8 - exponent)) > 255
    mantissas = np.rint(np.ldexp(finite, (8 - exponent)[..., None]))
    quads = np.empty((*largest.shape, 4), np.uint8)
    quads[..., :3] = mantissas
    quads[..., 3] = (exponent + 128).clip(0, 255)
    quads[(exponent <= -128) | (largest == 0)] = 0
    return quads


def decode_rgbe(quads: Rgbe) -> Float32[np.ndarray, "h w 3"]:
    """Multiply mantissas by their common power of two.

    Example:
        >>> decode_rgbe(np.array([[[128, 64, 32, 129]]], np.uint8)).tolist()
        [[[1.0, 0.5, 0.25]]]
    """
    pixels = np.empty((*quads.shape[:2], 3), np.float32)
    for top in range(0, len(quads), ROWS):
        strip = quads[top : top + ROWS]
        exponent = strip[..., 3:].astype(np.int32)
        np.ldexp(
            strip[..., :3].astype(np.float32),
            np.where(exponent > 0, exponent - 136, -500),
            out=pixels[top : top + ROWS],
        )
    return pixels


@dataclass(frozen=True)
class _Layout:
    """How scanlines lie in the picture: as rows or columns, in which direction."""

    lines: int
    length: int
    columns: bool  # scanlines are columns of the picture
    flip_lines: bool
    flip_length: bool

    @classmethod
    def of(cls, match: re.Match[bytes]) -> "_Layout":
        """Understand a resolution line such as `-Y 480 +X 640`."""
        sign, axis, lines, other_sign, _, length = match.groups()
        usual = {b"Y": b"-", b"X": b"+"}  # rows from the top, columns from the left
        other = b"X" if axis == b"Y" else b"Y"
        return cls(
            int(lines), int(length), axis == b"X", sign != usual[axis], other_sign != usual[other]
        )

    def upright(self, pixels: Float32[np.ndarray, "m n 3"]) -> Float32[np.ndarray, "h w 3"]:
        """Turn scanlines into a picture with rows from the top."""
        turned = pixels[:: -1 if self.flip_lines else 1, :: -1 if self.flip_length else 1]
        return np.ascontiguousarray(turned.transpose(1, 0, 2) if self.columns else turned)


def _header(metadata: RadianceMetadata) -> bytes:
    primaries = (*REC709.red, *REC709.green, *REC709.blue, *REC709.white)
    values = {
        "FORMAT": "32-bit_rle_rgbe",
        "SOFTWARE": f"deghost {metadata.version or ''}".strip(),
        "EXPOSURE": "1",
        "PRIMARIES": " ".join(f"{value:g}" for value in primaries),
    }
    values |= {name: str(value) for name, value in attributes_of(metadata).items()}
    lines = [b"#?RADIANCE"]
    for name, value in values.items():
        text = re.sub(r"[\r\n]+", " ", value).encode()
        lines += [
            name.encode() + b"=" + text[start : start + LINE] for start in range(0, len(text), LINE)
        ]
    return b"\n".join(lines) + b"\n\n"


def _split(path: Path, data: bytes) -> tuple[bytes, re.Match[bytes], int]:
    """Give the header, the resolution line and where the pixels begin."""
    header, blank, _ = data.partition(b"\n\n")
    line, end, _ = data[len(header) + 2 : len(header) + 130].partition(b"\n")
    size = RESOLUTION.fullmatch(line.rstrip())
    if not data.startswith(b"#?") or not blank or size is None or size[2] == size[5]:
        raise ReadError(f"{path.name} is not a Radiance picture, or is damaged")
    return header, size, len(header) + 2 + len(line) + len(end)


def _parse_header(header: bytes) -> tuple[Attributes, Factors]:
    """Give the variables, repeated ones joined, and what the pixels were multiplied by."""
    joined: dict[str, bytes] = {}
    exposure = np.ones(3, np.float32)
    for line in header.splitlines()[1:]:
        name, equals, value = line.partition(b"=")
        if name == b"EXPOSURE":
            exposure = exposure * _positive(value, 1)
        elif name == b"COLORCORR":
            exposure = exposure * _positive(value, 3)
        elif equals and not line.startswith(b"#"):
            key = name.decode("utf-8", "replace").strip()
            joined[key] = joined.get(key, b"") + value
    return {key: value.decode("utf-8", "replace") for key, value in joined.items()}, exposure


def _positive(text: bytes, count: int) -> Factors:
    """Read `count` positive numbers; ones where they are not."""
    try:
        numbers = np.array([float(word) for word in text.split()], np.float32)
    except ValueError:
        return np.ones(3, np.float32)
    usable = len(numbers) == count and bool((numbers > 0).all())
    return np.broadcast_to(numbers, 3) if usable else np.ones(3, np.float32)


def _matrix(path: Path, attributes: Attributes) -> Matrix:
    if str(attributes.get("FORMAT", "")).strip() == "32-bit_rle_xyze":
        equal_energy = np.ones(3)
        return np.linalg.solve(rgb_to_xyz(REC709), adapt_white(equal_energy, xyz_of(D65)))
    try:
        primaries = [float(word) for word in str(attributes.get("PRIMARIES", "")).split()]
        return matrix_from_chromaticities(primaries) if len(primaries) == 8 else np.eye(3)
    except (ValueError, ZeroDivisionError, np.linalg.LinAlgError) as error:
        raise ReadError(f"{path.name} names primaries that make no colour space") from error


def _decode_body(path: Path, body: memoryview, layout: _Layout) -> Float32[np.ndarray, "m n 3"]:
    damaged = f"{path.name} is damaged or cut short; copy it again from its source"
    if is_run_coded(body, layout.length):
        return _decode_new_runs(body, layout, damaged)
    count = layout.lines * layout.length
    flat = np.frombuffer(body[: len(body) // 4 * 4], np.uint8).reshape(-1, 4)
    quads = flat[:count] if len(flat) >= count else expand_old_runs(flat, count)
    if quads is None or not count:
        raise ReadError(damaged)
    return decode_rgbe(quads.reshape(layout.lines, layout.length, 4))


def _decode_new_runs(
    body: memoryview, layout: _Layout, damaged: str
) -> Float32[np.ndarray, "m n 3"]:
    """Let imagecodecs decode what is serial by nature, scanlines taken as rows from the top."""
    import imagecodecs

    if len(body) < fewest_bytes(layout.lines, layout.length):
        raise ReadError(damaged)
    header = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n"
    try:
        return imagecodecs.rgbe_decode(header % (layout.lines, layout.length) + body)
    except imagecodecs.RgbeError as error:
        raise ReadError(damaged) from error
