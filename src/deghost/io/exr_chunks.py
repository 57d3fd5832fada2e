"""Whether an OpenEXR file holds all its pixels: its library prints complaints on the terminal.

Layout: the OpenEXR File Layout page. After the header stands a table of the places of all chunks,
and a chunk begins with its coordinates and its size.
"""

import struct
from io import BufferedIOBase
from pathlib import Path

from deghost.errors import ReadError


TILED, DEEP, SEVERAL_PARTS = 0x200, 0x800, 0x1000  # flags of the version field
LONGEST_NAME = 256


def check_exr_complete(path: Path) -> None:
    """Raise ReadError if a file of one flat part ends before its last chunk does."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        try:
            complete = _end_of_chunks(stream, size) <= size
        except struct.error:
            complete = False
    if not complete:
        raise ReadError(f"{path.name} is damaged or cut short; copy it again from its source")


def _end_of_chunks(stream: BufferedIOBase, size: int) -> int:
    """Where the last chunk ends; 0 where that is not told here. Raises struct.error."""
    _, flags = struct.unpack("<4sI", stream.read(8))
    if flags & (DEEP | SEVERAL_PARTS):
        return 0
    while _name(stream):
        _name(stream)  # of the attribute's type
        stream.seek(struct.unpack("<I", stream.read(4))[0], 1)
    nearest, furthest = size, 0
    while stream.tell() < nearest:
        (place,) = struct.unpack("<Q", stream.read(8))
        nearest, furthest = min(nearest, place), max(furthest, place)
    if furthest >= size:
        return furthest + 1
    leader = 20 if flags & TILED else 8
    stream.seek(furthest)
    return furthest + leader + struct.unpack("<I", stream.read(leader)[-4:])[0]


def _name(stream: BufferedIOBase) -> bytes:
    """Read a text up to its end mark."""
    text = b""
    while (letter := stream.read(1)) != b"\0":
        text += letter
        if not letter or len(text) > LONGEST_NAME:
            raise struct.error("no end of the name")
    return text
