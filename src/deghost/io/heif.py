"""ISO base media files: what AVIF, HEIC and Canon CR3 say about their pictures.

ISO/IEC 14496-12 (boxes), 23008-12 (images and their properties).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BufferedIOBase

import numpy as np

from deghost.errors import ReadError
from deghost.io.header import Header
from deghost.io.icc import Colours, coded_colours
from deghost.io.ifd import Directories, combine, parse_block
from deghost.io.orientation import Stored, Turned, orientation_like


LARGEST_BOX = 1 << 26  # bytes of a box that is read whole
CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
MARKER = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, axis=2)


@dataclass(frozen=True)
class Box:
    """A named span of the stream: where its content starts and ends."""

    kind: bytes
    start: int
    end: int


@dataclass
class Cursor:
    """Big-endian numbers taken one after another."""

    content: bytes
    position: int = 0

    def take(self, size: int) -> int:
        """Take an unsigned number of so many bytes."""
        self.position += size
        if self.position > len(self.content):
            raise ReadError("has damaged metadata boxes; copy it again from the camera")
        return int.from_bytes(self.content[self.position - size : self.position], "big")


def boxes(stream: BufferedIOBase, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes between two places of a stream, to its end where none is given."""
    stop = stream.seek(0, 2) if end is None else end
    while start + 8 <= stop:
        stream.seek(start)
        head = stream.read(8)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head)
        content = start + 8
        if size == 1:
            size, content = int.from_bytes(stream.read(8), "big"), start + 16
        last = stop if size == 0 else start + size
        if last < content:
            return
        yield Box(kind, content, last)
        start = last


def content(stream: BufferedIOBase, box: Box) -> bytes:
    """Read the content of a box."""
    stream.seek(box.start)
    return stream.read(min(box.end - box.start, LARGEST_BOX))


def read_heif_header(stream: BufferedIOBase) -> Header:
    """Read EXIF, colours, orientation and bit depth of the primary picture of HEIC or AVIF.

    An ICC profile goes before code points. The orientation is the container's alone: EXIF's is
    informative (ISO/IEC 23008-12 6.5.10).
    """
    meta = _children(stream, b"meta", skip=4)
    if b"pitm" not in meta:
        return Header(orientation=1)
    primary = _primary(content(stream, meta[b"pitm"]))
    header = Header(_exif(stream, meta))
    marker = MARKER
    for kind, value in _properties(stream, meta.get(b"iprp"), primary):
        header = _with_property(header, kind, value)
        marker = _turned(marker, kind, value)
    return replace(header, orientation=orientation_like(marker, MARKER))


def read_heic_header(stream: BufferedIOBase) -> Header:
    """Read the header of a HEIC file, whose decoder turns the picture upright itself."""
    return replace(read_heif_header(stream), orientation=1)


def check_boxes_complete(stream: BufferedIOBase) -> None:
    """Make sure that the pixels' box ends inside the file; the decoder does not always tell.

    Raises ReadError if the file is cut short.
    """
    end = stream.seek(0, 2)
    if any(box.kind == b"mdat" and box.end > end for box in boxes(stream)):
        raise ReadError("is cut short; copy it again from the camera")


def read_cr3_header(stream: BufferedIOBase) -> Header:
    """Read the EXIF of Canon's CR3, which keeps each directory in a box of its own."""
    for movie in (box for box in boxes(stream) if box.kind == b"moov"):
        for box in boxes(stream, movie.start, movie.end):
            if box.kind == b"uuid" and content(stream, replace(box, end=box.start + 16)) == CANON:
                parts = {
                    part.kind: parse_block(content(stream, part))
                    for part in boxes(stream, box.start + 16, box.end)
                    if part.kind in (b"CMT1", b"CMT2", b"CMT4")
                }
                nothing = parse_block(b"")
                return Header(
                    combine(*(parts.get(k, nothing) for k in (b"CMT1", b"CMT2", b"CMT4")))
                )
    return Header()


def _children(stream: BufferedIOBase, kind: bytes, skip: int) -> dict[bytes, Box]:
    """The boxes inside the first box of a kind at the top, after some bytes of its own."""
    parent = next((box for box in boxes(stream) if box.kind == kind), None)
    if parent is None:
        return {}
    return {box.kind: box for box in boxes(stream, parent.start + skip, parent.end)}


def _with_property(header: Header, kind: bytes, value: bytes) -> Header:
    """Add what a property says of colours and bit depth."""
    if kind == b"colr" and value[:4] in (b"prof", b"rICC"):
        return replace(header, profile=value[4:])
    if kind == b"colr" and value[:4] == b"nclx" and len(value) >= 8:
        return replace(header, colours=_coded(value))
    if kind == b"pixi" and len(value) > 5:
        return replace(header, depth=value[5])
    if kind == b"av1C" and header.depth is None and len(value) > 2:
        return replace(header, depth=8 + 2 * (value[2] >> 6 & 1) + 2 * (value[2] >> 5 & 1))
    return header


def _turned(marker: Stored, kind: bytes, value: bytes) -> Turned:
    """Turn a picture anticlockwise, or exchange top and bottom or left and right, as told."""
    if kind == b"irot" and value:
        return np.rot90(marker, value[0] & 3)
    if kind == b"imir" and value:
        return marker[:, ::-1] if value[0] & 1 else marker[::-1]
    return marker


def _coded(value: bytes) -> Colours | None:
    """The colours of an nclx box."""
    return coded_colours(*struct.unpack_from(">HH", value, 4))


def _primary(pitm: bytes) -> int:
    """The number of the primary picture."""
    return int.from_bytes(pitm[4:8] if pitm[:1] != b"\0" else pitm[4:6], "big")


def _exif(stream: BufferedIOBase, meta: dict[bytes, Box]) -> Directories:
    """Find the EXIF item and read it; empty if there is none."""
    if b"iinf" not in meta or b"iloc" not in meta:
        return Directories()
    number = _item_of_kind(stream, meta[b"iinf"], b"Exif")
    if number is None:
        return Directories()
    blocks = _item_spans(content(stream, meta[b"iloc"])).get(number, [])
    block = b""
    for in_data_box, offset, size in blocks:
        start = offset + (meta[b"idat"].start if in_data_box and b"idat" in meta else 0)
        block += content(stream, Box(b"Exif", start, start + size))
    return exif_item(block)


def exif_item(block: bytes) -> Directories:
    """Read an EXIF item: the offset of the TIFF header comes first."""
    return parse_block(block[4 + int.from_bytes(block[:4], "big") :])


def _item_of_kind(stream: BufferedIOBase, iinf: Box, kind: bytes) -> int | None:
    """The number of the first item of a kind."""
    version = content(stream, Box(b"", iinf.start, iinf.start + 1))
    for box in boxes(stream, iinf.start + (6 if version == b"\0" else 8), iinf.end):
        entry = Cursor(content(stream, box))
        wide = entry.take(4) >> 24 >= 3
        number = entry.take(4 if wide else 2)
        entry.take(2)
        if entry.take(4).to_bytes(4, "big") == kind:
            return number
    return None


def _item_spans(iloc: bytes) -> dict[int, list[tuple[bool, int, int]]]:
    """Where each item lies: in the idat box or else in the file, offset and size."""
    cursor = Cursor(iloc)
    version = cursor.take(4) >> 24
    sizes = cursor.take(2)
    offset_size, length_size, base_size, index_size = (
        sizes >> shift & 15 for shift in (12, 8, 4, 0)
    )
    spans: dict[int, list[tuple[bool, int, int]]] = {}
    for _ in range(cursor.take(2 if version < 2 else 4)):
        number = cursor.take(2 if version < 2 else 4)
        in_data_box = version > 0 and cursor.take(2) & 15 == 1
        cursor.take(2)
        base = cursor.take(base_size)
        spans[number] = []
        for _ in range(cursor.take(2)):
            cursor.take(index_size if version > 0 else 0)
            offset = base + cursor.take(offset_size)
            spans[number].append((in_data_box, offset, cursor.take(length_size)))
    return spans


def _properties(
    stream: BufferedIOBase, iprp: Box | None, item: int
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the properties of an item, in the order they are to be applied."""
    if iprp is None:
        return
    parts = list(boxes(stream, iprp.start, iprp.end))
    stored = [
        box for part in parts if part.kind == b"ipco" for box in boxes(stream, part.start, part.end)
    ]
    for part in parts:
        if part.kind == b"ipma":
            for index in _associations(content(stream, part)).get(item, []):
                if 0 < index <= len(stored):
                    yield stored[index - 1].kind, content(stream, stored[index - 1])


def _associations(ipma: bytes) -> dict[int, list[int]]:
    """Which properties belong to which item."""
    cursor = Cursor(ipma)
    head = cursor.take(4)
    wide_item, wide_index = head >> 24 > 0, head & 1
    found = {}
    for _ in range(cursor.take(4)):
        item = cursor.take(4 if wide_item else 2)
        count = cursor.take(1)
        mask = 0x7FFF if wide_index else 0x7F
        found[item] = [cursor.take(2 if wide_index else 1) & mask for _ in range(count)]
    return found
