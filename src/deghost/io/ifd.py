"""TIFF directories: the tags of EXIF blocks, of TIFF files and of most camera RAW files.

Values are kept as the bytes they were stored in, so that what is written again is what was read.
Nothing here fails on damaged tags: what cannot be read is left out.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BufferedIOBase, BytesIO
from typing import Literal


BYTE, ASCII, SHORT, LONG, RATIONAL = 1, 2, 3, 4, 5
FORMATS = {1: "B", 2: "s", 3: "H", 4: "I", 5: "I", 6: "b", 7: "B", 8: "h", 9: "i", 10: "i"}
FORMATS |= {11: "f", 12: "d", 13: "I", 16: "Q", 18: "Q"}
RATIONALS = (5, 10)
LARGEST_VALUE = 1 << 22  # bytes; colour profiles are the largest values of use
MOST_TAGS = 4096

SUB_DIRECTORIES, EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY = 330, 34665, 34853, 40965

STRIPS, TILES = (273, 279), (324, 325)  # their offsets and lengths

Order = Literal["<", ">"]


@dataclass(frozen=True)
class Tag:
    """One value of a directory: its TIFF type and its bytes in the order of the stream."""

    kind: int
    raw: bytes
    order: Order

    @property
    def text(self) -> str:
        """The value as text, up to the first NUL."""
        return self.raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()

    @property
    def numbers(self) -> tuple[float, ...]:
        """The value as numbers; a fraction with denominator 0 is not a number."""
        layout = FORMATS[self.kind]
        size = struct.calcsize(layout)
        stored = struct.unpack(f"{self.order}{len(self.raw) // size}{layout}", self.raw)
        if self.kind not in RATIONALS:
            return stored
        pairs = zip(stored[::2], stored[1::2], strict=True)
        return tuple(top / bottom if bottom else float("nan") for top, bottom in pairs)


Directory = dict[int, Tag]


@dataclass(frozen=True)
class Directories:
    """The directories of one picture; empty ones where the file has none."""

    order: Order = "<"
    image: Directory = field(default_factory=dict)
    exif: Directory = field(default_factory=dict)
    gps: Directory = field(default_factory=dict)
    interoperability: Directory = field(default_factory=dict)
    parts: tuple[Directory, ...] = ()  # SubIFDs: previews, and the mosaic of RAW files

    def find(self, number: int) -> Tag | None:
        """Give a tag of the picture, from the EXIF directory or else from the image's own."""
        return self.exif.get(number) or self.image.get(number)


def read_directories(stream: BufferedIOBase) -> Directories:
    """Read the directories of a TIFF stream that begins at the stream's start (TIFF 6.0, BigTIFF).

    The number after the byte order is not checked: RAW files have their own there.
    """
    stream.seek(0)
    head = stream.read(16)
    if head[:2] not in (b"II", b"MM") or len(head) < 8:
        return Directories()
    reader = _Reader(stream, "<" if head[:2] == b"II" else ">", head[2:4] in (b"+\0", b"\0+"))
    image = reader.directory(
        reader.unpack("Q", head[8:]) if reader.big else reader.unpack("I", head[4:])
    )
    exif = reader.linked(image, EXIF_DIRECTORY)
    return Directories(
        reader.order,
        image,
        exif,
        reader.linked(image, GPS_DIRECTORY),
        reader.linked(exif, INTEROPERABILITY),
        tuple(map(reader.directory, reader.links(image, SUB_DIRECTORIES)[:8])),
    )


def is_cut_short(directories: Directories, size: int) -> bool:
    """Whether the strips or tiles of a picture end beyond the end of its file."""
    for directory in (directories.image, *directories.parts):
        for offsets, lengths in (STRIPS, TILES):
            if offsets in directory and lengths in directory:
                spans = zip(directory[offsets].numbers, directory[lengths].numbers, strict=False)
                if any(start + length > size for start, length in spans):
                    return True
    return False


def parse_block(block: bytes) -> Directories:
    """Read an EXIF block, with or without the "Exif" that comes before it in some files."""
    return read_directories(BytesIO(block.removeprefix(b"Exif\0\0")))


@dataclass(frozen=True)
class _Reader:
    stream: BufferedIOBase
    order: Order
    big: bool  # BigTIFF: offsets of eight bytes

    def unpack(self, layout: str, raw: bytes) -> int:
        """Take one number from the start of the bytes; 0 where they are too few."""
        size = struct.calcsize(self.order + layout)
        return struct.unpack(self.order + layout, raw[:size])[0] if len(raw) >= size else 0

    def at(self, offset: int, size: int) -> bytes:
        """Read the bytes at an offset; fewer at the end of the stream."""
        self.stream.seek(offset)
        return self.stream.read(size)

    def directory(self, offset: int) -> Directory:
        """Read the tags of the directory at an offset, leaving out those that are damaged."""
        return dict(self.tags(offset)) if offset else {}

    def tags(self, offset: int) -> Iterator[tuple[int, Tag]]:
        wide, step, inline = ("Q", 20, 8) if self.big else ("I", 12, 4)
        start = 8 if self.big else 2
        count = self.unpack("Q" if self.big else "H", self.at(offset, start))
        table = self.at(offset + start, step * min(count, MOST_TAGS))
        for entry in (table[at : at + step] for at in range(0, len(table) - step + 1, step)):
            number, kind = struct.unpack(self.order + "HH", entry[:4])
            size = self.unpack(wide, entry[4:]) * _width(kind)
            if not 0 < size <= LARGEST_VALUE:
                continue
            place = entry[4 + inline :]
            raw = place[:size] if size <= inline else self.at(self.unpack(wide, place), size)
            if len(raw) == size:
                yield number, Tag(kind, raw, self.order)

    def links(self, directory: Directory, number: int) -> tuple[int, ...]:
        """Give the offsets that a tag holds."""
        tag = directory.get(number)
        return tuple(map(int, tag.numbers)) if tag and tag.kind in (LONG, 13, 16, 18) else ()

    def linked(self, directory: Directory, number: int) -> Directory:
        """Read the directory that a tag points to."""
        return next(map(self.directory, self.links(directory, number)), {})


def _width(kind: int) -> int:
    """The bytes of one value of a TIFF type; 0 for an unknown type."""
    if kind not in FORMATS:
        return 0
    return struct.calcsize(FORMATS[kind]) * (2 if kind in RATIONALS else 1)


def short(value: int, order: Order) -> Tag:
    """Make a tag of one 16-bit number."""
    return Tag(SHORT, struct.pack(order + "H", value), order)


def long(value: int, order: Order) -> Tag:
    """Make a tag of one 32-bit number."""
    return Tag(LONG, struct.pack(order + "I", value), order)


def write_block(directories: Directories) -> bytes:
    """Write the image, EXIF and GPS directories as a TIFF stream, in the order they came in."""
    order = directories.order
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8))
    image = dict(directories.image)
    links = {EXIF_DIRECTORY: directories.exif, GPS_DIRECTORY: directories.gps}
    image |= {number: long(0, order) for number, tags in links.items() if tags}
    _append(block, image, order)
    for number, tags in links.items():
        if tags:
            place = 10 + 12 * sorted(image).index(number) + 8
            block[place : place + 4] = struct.pack(order + "I", len(block))
            _append(block, tags, order)
    return bytes(block)


def _append(block: bytearray, directory: Directory, order: Order) -> None:
    """Append a directory and then its values; no directory follows it."""
    values = len(block) + 2 + 12 * len(directory) + 4
    entries, stored = bytearray(), bytearray()
    for number, tag in sorted(directory.items()):
        raw = tag.raw
        if len(raw) > 4:
            raw = struct.pack(order + "I", values + len(stored))
            stored += tag.raw + b"\0" * (len(tag.raw) % 2)
        count = len(tag.raw) // _width(tag.kind)
        entries += struct.pack(order + "HHI", number, tag.kind, count) + raw.ljust(4, b"\0")
    block += struct.pack(order + "H", len(directory)) + entries + bytes(4) + stored


def combine(first: Directories, exif: Directories, gps: Directories) -> Directories:
    """Join streams that each hold one directory as their image directory (Canon CR3)."""
    return replace(first, exif=exif.image, gps=gps.image)
