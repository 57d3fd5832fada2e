"""Cut frames to the part that none of them leaves transparent, as remapped ones do at borders."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Bool

from deghost.errors import BracketError
from deghost.types import Frame


OPAQUE = 250  # alpha from which a pixel counts as opaque: lossy formats blur it
MAP_SIDE = 256  # blocks along the longer side of the map on which the part is sought
LEAST = 0.4  # share of the part that the largest frame shows that must remain
LEFT_OUT = "its alpha channel is left out"

Opaque = Bool[np.ndarray, "h w"]
Part = tuple[int, int, int, int]  # y, x, height, width


def cut_to_opaque(frames: Sequence[Frame]) -> list[Frame]:
    """Cut all frames to the largest rectangle that is opaque in each, and note it.

    Alpha that is nowhere opaque says nothing, and is left out. Raises BracketError if more than
    borders is transparent, so that most of the picture would be lost.
    """
    telling = [f for f in frames if f.alpha is not None and f.alpha.max() >= OPAQUE]
    if not telling or len({frame.size for frame in frames}) > 1:
        return list(frames)
    opaque = np.ones(frames[0].size, bool)
    for frame in telling:
        opaque &= _opaque(frame)
    part = largest_rectangle(opaque)
    if part[2] * part[3] <= LEAST * max(_framed(_opaque(frame)) for frame in frames):
        worst = min(telling, key=lambda frame: np.prod(largest_rectangle(_opaque(frame))[2:]))
        raise BracketError(
            f"{worst.path.name} is transparent in so many places that most of the picture would be "
            "lost; save it without alpha, or leave it out"
        )
    whole = part[2:] == frames[0].size
    return list(frames) if whole else [_cut(frame, part) for frame in frames]


def largest_rectangle(opaque: Opaque) -> Part:
    """Find the largest upright rectangle of ones: among blocks of pixels, then grown to the pixel.

    Example:
        >>> largest_rectangle(np.array([[0, 1, 1], [0, 1, 1], [1, 1, 0]], bool))
        (0, 1, 2, 2)
    """
    height, width = opaque.shape
    factor = -(-max(height, width) // MAP_SIDE)
    rows, columns = (np.arange(0, length, factor) for length in (height, width))
    blocks = np.logical_and.reduceat(np.logical_and.reduceat(opaque, rows, axis=0), columns, axis=1)
    y, x, h, w = _largest_of_blocks(blocks)
    top, left = y * factor, x * factor
    return _grown(opaque, (top, left, min(h * factor, height - top), min(w * factor, width - left)))


def _largest_of_blocks(blocks: Opaque) -> Part:
    """For each row and column the tallest run of ones above it, and how far it reaches sideways."""
    best = (0, 0, 0, 0)
    tall = np.zeros(blocks.shape[1], int)
    for y, row in enumerate(blocks):
        tall = np.where(row, tall + 1, 0)
        for h in np.unique(tall[tall > 0]).tolist():
            x, w = _longest_run(tall >= h)
            if h * w > best[2] * best[3]:
                best = (y - h + 1, x, h, w)
    return best


def _longest_run(ones: Bool[np.ndarray, " n"]) -> tuple[int, int]:
    """Where the longest run of ones starts, and how long it is."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ones, [False]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    longest = int((ends - starts).argmax())
    return int(starts[longest]), int(ends[longest] - starts[longest])


def _grown(opaque: Opaque, part: Part) -> Part:
    """Grow a rectangle on each side in turn as long as the next line of pixels is opaque."""
    y, x, h, w = part
    if not h * w:
        return 0, 0, 0, 0
    for _ in range(2):
        up = _leading(np.all(opaque[:y, x : x + w], axis=1)[::-1])
        y, h = y - up, h + up + _leading(np.all(opaque[y + h :, x : x + w], axis=1))
        left = _leading(np.all(opaque[y : y + h, :x], axis=0)[::-1])
        x, w = x - left, w + left + _leading(np.all(opaque[y : y + h, x + w :], axis=0))
    return y, x, h, w


def _leading(ones: Bool[np.ndarray, " n"]) -> int:
    """How many ones come before the first zero."""
    return len(ones) if ones.all() else int(ones.argmin())


def _opaque(frame: Frame) -> Opaque:
    return np.ones(frame.size, bool) if frame.alpha is None else frame.alpha >= OPAQUE


def _framed(opaque: Opaque) -> int:
    """The area of the smallest upright rectangle around all ones."""
    _, _, width, height = cv2.boundingRect(opaque.astype(np.uint8))
    return width * height


def _cut(frame: Frame, part: Part) -> Frame:
    y, x, h, w = part
    pixels = np.ascontiguousarray(frame.pixels[y : y + h, x : x + w])
    notes = [note for note in frame.notes if note != LEFT_OUT]
    note = f"cut to the {w}x{h} pixels at {x}, {y} where no frame is transparent"
    return replace(frame, pixels=pixels, alpha=None, notes=(*notes, note))
