"""Pictures, and a writer of HEIC, which no library here writes."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from deghost.io.image import read_frame
from deghost.types import Frame


@pytest.fixture
def picture():
    """A small 8-bit picture without any symmetry."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:20, 0:30]
    smooth = np.stack([8 * x, 12 * y, 4 * (x + y)], axis=-1)
    return (smooth + rng.integers(0, 8, smooth.shape)).astype(np.uint8)


@pytest.fixture
def deep(picture):
    """The picture in 16 bits, with every bit in use."""
    low = np.random.default_rng(1).integers(0, 256, picture.shape)
    return (picture.astype(np.uint16) << 8) + low.astype(np.uint16)


@pytest.fixture
def saved() -> Callable[..., Path]:
    """Save pixels by Pillow, in the format of the path's extension."""

    def save(path, pixels, **settings):
        Image.fromarray(pixels).save(path, **settings)
        return path

    return save


@pytest.fixture
def frame_of(tmp_path) -> Callable[[bytes], Frame]:
    """Read a file of this content, its name telling nothing of its format."""

    def read(content):
        path = tmp_path / "frame"
        path.write_bytes(content)
        return read_frame(path)

    return read


@pytest.fixture
def exif_block():
    """Make an EXIF block from tags of the image, EXIF and GPS directories, by Pillow."""

    def make(image=(), exif=(), gps=()) -> bytes:
        block = Image.Exif()
        block.update(dict(image))
        block.get_ifd(0x8769).update(
            {number: _fraction(value) for number, value in dict(exif).items()}
        )
        block.get_ifd(0x8825).update(
            {number: _fraction(value) for number, value in dict(gps).items()}
        )
        return block.tobytes()

    return make


def _fraction(value):
    """What Pillow writes as a fraction and not as floating point."""
    if isinstance(value, tuple):
        return tuple(map(_fraction, value))
    return IFDRational(Fraction(value).limit_denominator(10**6)) if type(value) is float else value


@pytest.fixture
def write_heic() -> Callable[..., Path]:
    """Write a 32 x 32 grey picture as HEIC, its one block coded without loss (I_PCM)."""
    return _write_heic


def _write_heic(path, luma, depth=8, turns=0, exif=b"", transfer=13):
    slice_data = _hevc_slice(luma, depth)
    picture = struct.pack(">I", len(slice_data)) + slice_data
    exif_item = struct.pack(">I", 0) + exif
    properties = [
        _box(b"hvcC", _hevc_configuration(depth)),
        _full_box(b"ispe", struct.pack(">II", 32, 32)),
        _full_box(b"pixi", bytes([3, depth, depth, depth])),
        _box(b"colr", b"nclx" + struct.pack(">HHHB", 1, transfer, 6, 0x80)),
        _box(b"irot", bytes([turns])),
    ]
    associations = struct.pack(">IHB", 1, 1, len(properties)) + bytes([0x81, 2, 3, 4, 0x85])

    def meta(start: int) -> bytes:
        spans = [(1, start, len(picture)), (2, start + len(picture), len(exif_item))]
        extents = b"".join(struct.pack(">HHHII", i, 0, 1, at, size) for i, at, size in spans)
        infos = [(1, b"hvc1"), (2, b"Exif")]
        entries = b"".join(
            _full_box(b"infe", struct.pack(">HH4sx", i, 0, kind), version=2) for i, kind in infos
        )
        return _full_box(
            b"meta",
            _full_box(b"hdlr", struct.pack(">I4s12xx", 0, b"pict"))
            + _full_box(b"pitm", struct.pack(">H", 1))
            + _full_box(b"iloc", struct.pack(">HH", 0x4400, 2) + extents)
            + _full_box(b"iinf", struct.pack(">H", 2) + entries)
            + _box(b"iprp", _box(b"ipco", b"".join(properties)) + _full_box(b"ipma", associations)),
        )

    head = _box(b"ftyp", b"heic" + bytes(4) + b"mif1heic")
    start = len(head) + len(meta(0)) + 8
    path.write_bytes(head + meta(start) + _box(b"mdat", picture + exif_item))
    return path


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _full_box(kind: bytes, content: bytes, version: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24) + content)


class _BitWriter:
    """Bits of HEVC's header syntax: fixed-length and Exp-Golomb numbers."""

    def __init__(self):
        self.bits = ""

    def u(self, count: int, value: int = 0) -> "_BitWriter":
        self.bits += f"{value:0{count}b}" if count else ""
        return self

    def ue(self, *values: int) -> "_BitWriter":
        for value in values:
            digits = f"{value + 1:b}"
            self.bits += "0" * (len(digits) - 1) + digits
        return self

    def packed(self, stop: bool = True) -> bytes:
        bits = self.bits + ("1" if stop else "")
        bits += "0" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _profile(bits: _BitWriter, depth: int) -> _BitWriter:
    profile = 1 if depth == 8 else 2
    bits.u(8, profile).u(32, 1 << 31 - profile).u(4, 0b1001).u(44)
    return bits.u(8, 30)


def _hevc_configuration(depth: int) -> bytes:
    """The decoder configuration with the three parameter sets of a 32 x 32 picture."""
    vps = _profile(_BitWriter().u(4).u(2, 3).u(6).u(3).u(1, 1).u(16, 0xFFFF), depth)
    vps.u(1, 1).ue(0, 0, 0).u(6).ue(0).u(2)
    sps = _profile(_BitWriter().u(4).u(3).u(1, 1), depth).ue(0, 1, 32, 32).u(1)
    sps.ue(depth - 8, depth - 8, 0).u(1, 1).ue(0, 0, 0)
    sps.ue(0, 2, 0, 3, 0, 0).u(3)  # blocks of 8 to 32; no scaling lists, AMP or SAO
    sps.u(1, 1).u(4, depth - 1).u(4, depth - 1).ue(0, 2).u(1, 1)  # PCM of 8 to 32, unfiltered
    sps.ue(0).u(5)
    pps = _BitWriter().ue(0, 0).u(7).ue(0, 0, 0).u(3).ue(0, 0).u(7).u(3, 0b101).u(2).ue(0).u(2)
    arrays = b""
    for kind, bits in ((32, vps), (33, sps), (34, pps)):
        unit = bytes([kind << 1, 1]) + _escaped(bits.packed())
        arrays += struct.pack(">BHH", 0x80 | kind, 1, len(unit)) + unit
    profile = 1 if depth == 8 else 2
    head = struct.pack(">BBI", 1, profile, 1 << 31 - profile) + bytes([0x90, 0, 0, 0, 0, 0, 30])
    depths = bytes([0xF0, 0, 0xFC, 0xFD, 0xF8 | depth - 8, 0xF8 | depth - 8, 0, 0, 0x0F, 3])
    return head + depths + arrays


def _hevc_slice(luma, depth: int) -> bytes:
    """One coding block without a split, its samples as they are, chroma neutral (H.265 7.3.8)."""
    header = _BitWriter().u(1, 1).u(1).ue(0, 2, 0).packed()
    samples = _BitWriter()
    for value in (*luma.ravel().tolist(), *[1 << depth - 1] * 512):
        samples.u(depth, value)
    no_split_then_pcm, end_of_slice = b"\x86\x80", b"\xfe\x80"  # as CABAC codes these flags
    body = header + no_split_then_pcm + samples.packed(stop=False) + end_of_slice
    return b"\x26\x01" + _escaped(body)


def _escaped(payload: bytes) -> bytes:
    """Break up what would look like a start code."""
    escaped = bytearray()
    for byte in payload:
        if byte <= 3 and escaped[-2:] == b"\0\0":
            escaped.append(3)
        escaped.append(byte)
    return bytes(escaped)
