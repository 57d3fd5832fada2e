"""JPEG XL (ISO/IEC 18181): what the header of a file says about its pixels."""

from dataclasses import dataclass, replace
from io import BufferedIOBase

from deghost.errors import ReadError
from deghost.io.header import Header
from deghost.io.heif import boxes, content, exif_item
from deghost.io.icc import CODED_PRIMARIES, Colours, coded_colours, colours_in, gamma_name
from deghost.io.ifd import Directories
from deghost.radiometry.colour import D65, DCI_WHITE, SPACES, Chromaticity, RgbSpace


CODESTREAM = b"\xff\x0a"
LONGEST_HEADER = 4096
WHITES: dict[int, Chromaticity] = {1: D65, 10: (1 / 3, 1 / 3), 11: DCI_WHITE}

# How a number of a variable range is coded: two bits choose the offset and the number of bits.
Choices = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
SIZE: Choices = ((1, 9), (1, 13), (1, 18), (1, 30))
ENUM: Choices = ((0, 0), (1, 0), (2, 4), (18, 6))
BITS: Choices = ((8, 0), (10, 0), (12, 0), (1, 6))
FLOAT_BITS: Choices = ((32, 0), (16, 0), (24, 0), (1, 6))
EXTRA_CHANNELS: Choices = ((0, 0), (1, 0), (2, 4), (1, 12))
SHIFT: Choices = ((0, 0), (3, 0), (4, 0), (1, 3))
NAME: Choices = ((0, 0), (0, 4), (16, 5), (48, 10))
CFA_CHANNEL: Choices = ((1, 0), (0, 2), (3, 4), (19, 8))
PREVIEW_EIGHTHS: Choices = ((16, 0), (32, 0), (1, 5), (33, 9))
PREVIEW_SIZE: Choices = ((1, 6), (65, 8), (321, 10), (1345, 12))
TICKS: Choices = ((100, 0), (1000, 0), (1, 10), (1, 30))
TICK_DIVISOR: Choices = ((1, 0), (1001, 0), (1, 8), (1, 10))
LOOPS: Choices = ((0, 0), (0, 3), (0, 16), (0, 32))
COORDINATE: Choices = ((0, 19), (1 << 19, 19), (1 << 20, 20), (1 << 21, 21))

ALPHA, SPOT_COLOUR, CFA = 0, 2, 5
GREY, XYB = 1, 2
CUSTOM = 2


@dataclass
class Bits:
    """Numbers taken from a stream of bits, least significant first."""

    content: bytes
    position: int = 0

    def take(self, count: int) -> int:
        """Take an unsigned number of so many bits."""
        first, last = self.position // 8, (self.position + count + 7) // 8
        if last > len(self.content):
            raise ReadError("is cut short; copy it again from the camera")
        word = int.from_bytes(self.content[first:last], "little") >> self.position % 8
        self.position += count
        return word & (1 << count) - 1

    def choose(self, choices: Choices) -> int:
        """Take a number of a variable range."""
        offset, count = choices[self.take(2)]
        return offset + self.take(count)

    def coordinate(self) -> float:
        """Take a chromaticity coordinate: sign in the lowest bit, millionths."""
        value = self.choose(COORDINATE)
        return (-(value + 1) // 2 if value & 1 else value // 2) / 1e6


def read_jpegxl_header(stream: BufferedIOBase) -> Header:
    """Read EXIF, colours and bit depth of a JPEG XL file.

    The decoder turns the picture upright itself. Profiles inside the codestream are not read:
    `colours` stays None, and a note tells of it.
    """
    stream.seek(0)
    if stream.read(2) == CODESTREAM:
        stream.seek(0)
        return read_codestream(stream.read(LONGEST_HEADER))
    directories, codestream = Directories(), b""
    for box in boxes(stream):
        if box.kind == b"jxlc" and not codestream:
            codestream = content(stream, replace(box, end=min(box.end, box.start + LONGEST_HEADER)))
        elif box.kind == b"jxlp" and not codestream:
            start = box.start + 4
            codestream = content(
                stream, replace(box, start=start, end=min(box.end, start + LONGEST_HEADER))
            )
        elif box.kind == b"Exif":
            directories = exif_item(content(stream, box))
        elif box.kind == b"brob":
            packed = content(stream, box)
            if packed[:4] == b"Exif":
                directories = exif_item(_unpacked(packed[4:]))
    return replace(read_codestream(codestream), directories=directories)


def read_codestream(codestream: bytes) -> Header:
    """Read bit depth and colours at the start of a codestream (ISO/IEC 18181-1 annex D)."""
    bits = Bits(codestream, 16)
    _skip_size(bits)
    if bits.take(1):
        return Header(colours=colours_in("rec709", "srgb"), orientation=1, depth=8)
    if bits.take(1):
        _skip_extra_fields(bits)
    depth = _bit_depth(bits)
    bits.take(1)
    for _ in range(bits.choose(EXTRA_CHANNELS)):
        _skip_extra_channel(bits)
    bits.take(1)
    return Header(colours=_colours(bits), orientation=1, depth=depth)


def _unpacked(packed: bytes) -> bytes:
    """Decompress a Brotli box; nothing if it is damaged."""
    import imagecodecs

    try:
        return bytes(imagecodecs.brotli_decode(packed))
    except imagecodecs.BrotliError:
        return bytes(4)


def _skip_size(bits: Bits) -> None:
    """Pass over a size: in eighths or not, height, ratio, width."""
    eighths = bits.take(1)
    bits.take(5) if eighths else bits.choose(SIZE)
    if bits.take(3) == 0:
        bits.take(5) if eighths else bits.choose(SIZE)


def _skip_extra_fields(bits: Bits) -> None:
    """Pass over orientation, intrinsic size, preview and animation."""
    bits.take(3)
    if bits.take(1):
        _skip_size(bits)
    if bits.take(1):
        choices = PREVIEW_EIGHTHS if bits.take(1) else PREVIEW_SIZE
        bits.choose(choices)
        if bits.take(3) == 0:
            bits.choose(choices)
    if bits.take(1):
        for choices in (TICKS, TICK_DIVISOR, LOOPS):
            bits.choose(choices)
        bits.take(1)


def _bit_depth(bits: Bits) -> int:
    """The bits of a sample, of integers or of floating point."""
    if not bits.take(1):
        return bits.choose(BITS)
    depth = bits.choose(FLOAT_BITS)
    bits.take(4)
    return depth


def _skip_extra_channel(bits: Bits) -> None:
    """Pass over the description of a channel other than the colours."""
    if bits.take(1):
        return
    kind = bits.choose(ENUM)
    _bit_depth(bits)
    bits.choose(SHIFT)
    bits.take(8 * bits.choose(NAME))
    if kind == ALPHA:
        bits.take(1)
    elif kind == SPOT_COLOUR:
        bits.take(64)
    elif kind == CFA:
        bits.choose(CFA_CHANNEL)


def _colours(bits: Bits) -> Colours | None:
    """The colour encoding; None if it is an ICC profile."""
    if bits.take(1):
        return colours_in("rec709", "srgb")
    has_profile, model = bits.take(1), bits.choose(ENUM)
    if has_profile:
        return None
    space = SPACES["rec709"] if model == XYB else _space(bits, model)
    if model == XYB:
        return colours_in(space, "srgb")
    if bits.take(1):
        return colours_in(space, gamma_name(1e7 / max(bits.take(24), 1)) or "srgb")
    coded = coded_colours(1, bits.choose(ENUM))
    return None if coded is None else Colours(coded.response, colours_in(space, "linear").to_rec709)


def _space(bits: Bits, model: int) -> RgbSpace:
    """White and primaries, which grey pictures lack."""
    white_code = bits.choose(ENUM)
    if white_code == CUSTOM:
        white = (bits.coordinate(), bits.coordinate())
    else:
        white = WHITES.get(white_code, D65)
    if model == GREY:
        return replace(SPACES["rec709"], white=white)
    code = bits.choose(ENUM)
    if code == CUSTOM:
        red, green, blue = ((bits.coordinate(), bits.coordinate()) for _ in range(3))
        return RgbSpace(red, green, blue, white)
    return replace(SPACES[CODED_PRIMARIES.get(code, "rec709")], white=white)
