"""What a file says about its pixels before they are decoded: JPEG, PNG, WebP, TIFF."""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedIOBase

from deghost.errors import ReadError
from deghost.io.icc import Colours, coded_colours, colours_in, gamma_name
from deghost.io.ifd import Directories, parse_block, read_directories
from deghost.radiometry.colour import SPACES, RgbSpace


ICC_PROFILE_TAG = 34675
PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


@dataclass(frozen=True)
class Header:
    """The metadata of a file in any format."""

    directories: Directories = field(default_factory=Directories)
    profile: bytes = b""  # ICC; where it is empty, `colours` or else EXIF decides
    colours: Colours | None = None
    orientation: int | None = None  # what is left to do after decoding; None: as EXIF says
    depth: int | None = None  # bits a sample, where the decoder leaves them unscaled
    inverted: bool = False  # CMYK of Adobe's JPEG: 0 is full ink


def read_jpeg_header(stream: BufferedIOBase) -> Header:
    """Read EXIF, colour profile and sample depth of a JPEG file, up to its first scan."""
    exif, chunks, depth, adobe = b"", {}, 8, False
    for marker, payload in _segments(stream):
        if marker == 0xE1 and payload.startswith(b"Exif\0\0") and not exif:
            exif = payload
        elif marker == 0xE2 and payload.startswith(b"ICC_PROFILE\0"):
            chunks[payload[12:13]] = payload[14:]
        elif marker == 0xEE and payload.startswith(b"Adobe"):
            adobe = True
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            depth = payload[0] if payload else 8
    profile = b"".join(chunks[number] for number in sorted(chunks))
    return Header(parse_block(exif), profile, depth=depth, inverted=adobe)


def check_jpeg_complete(blob: bytes) -> None:
    """Make sure that the picture of a JPEG file reaches its end marker.

    Decoders fill a truncated picture with grey and say nothing. What follows the end of the first
    picture (previews, gain maps) does not matter.
    """
    position = 2
    marker_in_scan = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
    while position + 4 <= len(blob) or blob[position : position + 2] == b"\xff\xd9":
        marker = blob[position + 1]
        if marker == 0xD9:
            return
        if blob[position] == 0xFF and marker != 0xFF:
            position += 2 + int.from_bytes(blob[position + 2 : position + 4], "big")
        else:
            position += 1
        if marker == 0xDA:
            found = marker_in_scan.search(blob, position)
            position = found.start() if found else len(blob)
    raise ReadError("is cut short: its picture has no end; copy it again from the camera")


def read_png_header(stream: BufferedIOBase) -> Header:
    """Read EXIF and colours of a PNG file; cICP goes before iCCP, sRGB, gAMA and cHRM."""
    exif, profile = b"", b""
    chunks: dict[bytes, bytes] = {}
    for kind, payload in _png_chunks(stream):
        chunks[kind] = payload
    exif = chunks.get(b"eXIf", b"")
    if b"iCCP" in chunks:
        profile = _inflated(chunks[b"iCCP"].partition(b"\0")[2][1:])
    coded = chunks.get(b"cICP", b"")
    colours = coded_colours(coded[0], coded[1]) if len(coded) >= 2 else None
    if colours is not None:
        profile = b""
    elif not profile and b"sRGB" not in chunks:
        colours = _png_gamma(chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b""))
    return Header(parse_block(exif), profile, colours)


def png_pixels(blob: bytes) -> bytes:
    """Leave out of a PNG file what is not pixels: its decoder warns of faults there by printing."""
    view, start = memoryview(blob), 8
    kept: list[bytes | memoryview] = [blob[:8]]
    while start + 8 <= len(blob):
        size, kind = struct.unpack_from(">I4s", blob, start)
        if kind in PIXEL_CHUNKS:
            kept.append(view[start : start + size + 12])
        start += size + 12
    return b"".join(kept)


def read_webp_header(stream: BufferedIOBase) -> Header:
    """Read EXIF and colour profile of a WebP file."""
    stream.seek(12)
    chunks = {}
    while len(head := stream.read(8)) == 8:
        kind, size = struct.unpack("<4sI", head)
        if kind in (b"EXIF", b"ICCP"):
            chunks[kind] = stream.read(size)
            stream.seek(size % 2, 1)
        else:
            stream.seek(size + size % 2, 1)
    return Header(parse_block(chunks.get(b"EXIF", b"")), chunks.get(b"ICCP", b""))


def read_tiff_header(stream: BufferedIOBase) -> Header:
    """Read the tags and the colour profile of a TIFF file."""
    directories = read_directories(stream)
    profile = directories.image.get(ICC_PROFILE_TAG)
    return Header(directories, profile.raw if profile else b"")


def _segments(stream: BufferedIOBase) -> Iterator[tuple[int, bytes]]:
    """Yield the marker and the payload of each segment before the first scan."""
    stream.seek(2)
    while len(head := stream.read(2)) == 2:
        if head[0] != 0xFF or head[1] in (0xD9, 0xDA):
            return
        if head[1] == 0xFF:  # a fill byte
            stream.seek(-1, 1)
            continue
        size = int.from_bytes(stream.read(2), "big")
        yield head[1], stream.read(max(size - 2, 0))


def _png_chunks(stream: BufferedIOBase) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the payload of each chunk but the pixels."""
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        if kind in (b"IDAT", b"fdAT"):
            stream.seek(size + 4, 1)
        else:
            yield kind, stream.read(size)
            stream.seek(4, 1)


def _inflated(compressed: bytes) -> bytes:
    """Decompress a chunk; nothing if it is damaged."""
    try:
        return zlib.decompress(compressed)
    except zlib.error:
        return b""


def _png_gamma(gamma: bytes, chromaticities: bytes) -> Colours | None:
    """Read gAMA and cHRM; a gamma of 1/2.2 stands for sRGB, as the PNG specification has it."""
    if len(gamma) != 4 or gamma == bytes(4):
        return None
    exponent = 100000 / int.from_bytes(gamma, "big")
    curve = "srgb" if abs(exponent - 2.2) < 0.01 else gamma_name(exponent)
    if not curve:
        return None
    space = SPACES["rec709"]
    if len(chromaticities) == 32:
        x_y = [value / 100000 for value in struct.unpack(">8I", chromaticities)]
        white, red, green, blue = zip(x_y[::2], x_y[1::2], strict=True)
        if all(y > 0 for _, y in (white, red, green)):
            space = RgbSpace(red, green, blue, white)
    return colours_in(space, curve)
