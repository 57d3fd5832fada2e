"""Run-length coding of Radiance pictures: the newer coding by component, and the older by pixel."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, UInt8


Rgbe = UInt8[np.ndarray, "h w 4"]
Bytes = UInt8[np.ndarray, " n"]

RUN_WIDTHS = range(8, 32768)  # lengths of scanlines that may be coded by component
SHORTEST_RUN, LONGEST_RUN, LONGEST_LITERAL = 4, 127, 128


def encode_runs(quads: Rgbe) -> Bytes:
    """Code scanlines component by component in runs and literals (Radiance's newer coding).

    Example:
        >>> grey = np.full((1, 8, 4), 7, np.uint8)
        >>> encode_runs(grey).tolist()
        [2, 2, 0, 8, 136, 7, 136, 7, 136, 7, 136, 7]
    """
    height, width, _ = quads.shape
    source = np.ascontiguousarray(quads.transpose(0, 2, 1)).reshape(-1)
    packets = _Packets.of(source, width)
    new_row = packets.start % (4 * width) == 0
    sizes = np.where(packets.is_run, 2, packets.length + 1) + 4 * new_row
    end = np.cumsum(sizes)
    head = end - sizes + 4 * new_row  # where the count of each packet stands
    out = np.empty(end[-1], np.uint8)
    rows = head[new_row]
    for offset, value in ((4, 2), (3, 2), (2, width >> 8), (1, width & 255)):
        out[rows - offset] = value
    out[head] = packets.length + 128 * packets.is_run
    run_head = head[packets.is_run]
    out[run_head + 1] = source[packets.start[packets.is_run]]
    is_literal = np.ones(len(out), bool)
    is_literal[head] = is_literal[run_head + 1] = False
    for offset in range(1, 5):
        is_literal[rows - offset] = False
    out[is_literal] = source[np.repeat(~packets.is_run, packets.length)]
    return out


def is_run_coded(body: memoryview, length: int) -> bool:
    """Whether scanlines of `length` pixels begin with the mark of the newer coding."""
    return length in RUN_WIDTHS and bytes(body[:2]) == b"\x02\x02" and body[2] < 128


def fewest_bytes(lines: int, length: int) -> int:
    """Give the size of a picture of nothing but runs; less than that is cut short.

    Example:
        >>> fewest_bytes(1, 8)
        12
    """
    return lines * (4 + 8 * -(-length // LONGEST_RUN))


def expand_old_runs(quads: UInt8[np.ndarray, "n 4"], count: int) -> UInt8[np.ndarray, "m 4"] | None:
    """Repeat pixels as told by the marks (1, 1, 1, n) of the older coding; None if damaged.

    Marks in a row are the digits of one count, the lowest eight bits first.

    Example:
        >>> quads = np.array([[9, 8, 7, 128], [1, 1, 1, 2]], np.uint8)
        >>> expand_old_runs(quads, 3)[:, 0].tolist()
        [9, 9, 9]
    """
    is_mark = (quads[:, :3] == 1).all(axis=1)
    if not len(quads) or is_mark[0]:
        return None
    index = np.arange(len(quads))
    pixel = np.maximum.accumulate(np.where(is_mark, 0, index))  # the pixel a mark repeats
    shift = np.where(is_mark, (index - pixel - 1) * 8, 0)
    if shift.max() > 24:
        return None
    added = np.where(is_mark, quads[:, 3].astype(np.int64) << shift, 1)
    if added.sum() != count:
        return None
    return np.repeat(quads[pixel], added, axis=0)


@dataclass(frozen=True)
class _Packets:
    """Pieces of the source bytes, in order: runs of one value, and literals."""

    start: Int64[np.ndarray, " p"]
    length: Int64[np.ndarray, " p"]
    is_run: Bool[np.ndarray, " p"]

    @classmethod
    def of(cls, source: Bytes, width: int) -> "_Packets":
        """Find the runs in lines of `width` bytes; what lies between them is literal."""
        differs = np.ones(len(source), bool)
        np.not_equal(source[1:], source[:-1], out=differs[1:])
        differs[::width] = True
        start = np.flatnonzero(differs)
        is_run = np.diff(start, append=len(source)) >= SHORTEST_RUN
        opens = is_run | (start % width == 0)
        opens[1:] |= is_run[:-1]
        start, is_run = start[opens], is_run[opens]
        length = np.diff(start, append=len(source))
        longest = np.where(is_run, LONGEST_RUN, LONGEST_LITERAL)
        pieces = -(-length // longest)
        first = np.cumsum(pieces) - pieces
        piece = np.arange(pieces.sum()) - np.repeat(first, pieces)
        longest = np.repeat(longest, pieces)
        done = piece * longest
        length = np.minimum(longest, np.repeat(length, pieces) - done)
        return cls(np.repeat(start, pieces) + done, length, np.repeat(is_run, pieces))
