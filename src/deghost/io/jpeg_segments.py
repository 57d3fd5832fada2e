"""The segments of JPEG files, and files that hold several pictures (ITU-T T.81; CIPA DC-007)."""

import re
import struct
from collections.abc import Iterator, Sequence

from deghost.errors import ReadError


START = b"\xff\xd8"
APP0, APP1, APP2 = 0xE0, 0xE1, 0xE2
END_OF_IMAGE, START_OF_SCAN = 0xD9, 0xDA
LONGEST_PAYLOAD = 65533
MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")

EXIF = b"Exif\0\0"
ICC = b"ICC_PROFILE\0\x01\x01"  # the first of one chunk
MPF = b"MPF\0"
MPF_SIZE = 4 + 4 + 4 + 2 + 3 * 12 + 4 + 2 * 16  # bytes of the index of two pictures
PRIMARY_PICTURE = 0x030000


def segment(marker: int, payload: bytes) -> bytes:
    """Make a segment of a marker, its length and a payload.

    Example:
        >>> segment(APP1, b"ab").hex()
        'ffe100046162'
    """
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def segments(picture: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and payload of the segments before the first scan."""
    position = 2
    while position + 4 <= len(picture) and picture[position] == 0xFF:
        marker = picture[position + 1]
        if marker in (START_OF_SCAN, END_OF_IMAGE):
            return
        (length,) = struct.unpack_from(">H", picture, position + 2)
        yield marker, picture[position + 4 : position + 2 + length]
        position += 2 + length


def first_position(picture: bytes) -> int:
    """Give where a picture's metadata may begin: after its JFIF segment, which stays the first."""
    has_jfif = picture[2:4] == bytes([0xFF, APP0])
    return 4 + int.from_bytes(picture[4:6], "big") if has_jfif else 2


def with_segments(picture: bytes, added: Sequence[bytes]) -> bytes:
    """Insert segments where a picture's metadata may begin."""
    position = first_position(picture)
    return b"".join([picture[:position], *added, picture[position:]])


def split_pictures(data: bytes) -> list[bytes]:
    """Cut a file into the whole pictures that stand in it one after another.

    Raises ReadError if the first picture has no end.
    """
    pictures = []
    start = data.find(START + b"\xff")
    while start >= 0:
        end = _end_of_picture(data, start)
        if end is None:
            break
        pictures.append(data[start:end])
        start = data.find(START + b"\xff", end)
    if not pictures:
        raise ReadError("is no JPEG file, or is cut short")
    return pictures


def mpf_segment(primary_size: int, secondary_size: int, position: int) -> bytes:
    """Make the Multi-Picture Format index of two pictures that follow each other.

    `position` is where the segment will stand in the file. The offset of the second picture
    counts from the byte order mark of the index (CIPA DC-007, 5.2.3.3.3).
    """
    byte_order_mark = position + 4 + len(MPF)
    entries = (
        struct.pack(">IIIHH", PRIMARY_PICTURE, primary_size, 0, 0, 0),
        struct.pack(">IIIHH", 0, secondary_size, primary_size - byte_order_mark, 0, 0),
    )
    tags = (
        struct.pack(">HHI4s", 0xB000, 7, 4, b"0100"),
        struct.pack(">HHII", 0xB001, 4, 1, len(entries)),
        struct.pack(">HHII", 0xB002, 7, 16 * len(entries), 8 + 2 + 3 * 12 + 4),
    )
    head = b"MM\0*" + struct.pack(">IH", 8, len(tags))
    return segment(APP2, b"".join([MPF, head, *tags, bytes(4), *entries]))


def _end_of_picture(data: bytes, start: int) -> int | None:
    """Find the byte after a picture's end; thumbnails lie inside segments, which are skipped."""
    position = start + 2
    while position + 2 <= len(data):
        marker = data[position + 1]
        if marker == END_OF_IMAGE:
            return position + 2
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == START_OF_SCAN:
            found = MARKER_IN_SCAN.search(data, position)
            position = found.start() if found else len(data)
    return None
