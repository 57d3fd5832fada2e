"""Join windows that overlap into strips without a seam."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.align.warp import Window


Pixels = Float[Tensor, "h w 3"]
Span = tuple[int, int]  # start and length along an axis


def extended(window: Window, area: Window, overlap: int) -> Window:
    """Let a window reach beyond its sides, but not out of the area.

    Example:
        >>> extended((0, 8, 4, 4), (0, 0, 6, 12), 2)
        (0, 6, 6, 6)
    """
    y, x, height, width = window
    top, left = max(area[0], y - overlap), max(area[1], x - overlap)
    bottom = min(area[0] + area[2], y + height + overlap)
    right = min(area[1] + area[3], x + width + overlap)
    return top, left, bottom - top, right - left


def blend(
    pieces: Iterable[tuple[Window, Pixels]],
    windows: Sequence[Window],
    area: Window,
    overlap: int,
) -> Iterator[tuple[Window, Pixels]]:
    """Blend pieces, which show `windows` in reading order; yield rows as soon as they are finished.

    The windows are those of tiles, which are larger than the overlap, `extended` by it.
    """
    top, left, height, width = area
    rows = weights_along([(y, h) for y, _, h, _ in windows], (top, height), overlap)
    columns = weights_along([(x, w) for _, x, _, w in windows], (left, width), overlap)
    waiting = torch.zeros(0, width, 3)
    start = top  # the row of the picture that `waiting` begins with
    for (y, x, h, w), pixels in pieces:
        if y + h > start + len(waiting):  # a new row of tiles: what lies above it is finished
            if y > start:
                yield (start, left, y - start, width), waiting[: y - start]
            rest = waiting[y - start :]
            waiting = torch.zeros(h, width, 3)
            waiting[: len(rest)] = rest
            start = y
        weights = rows[y, h][:, None, None] * columns[x, w][:, None]
        waiting[y - start : y - start + h, x - left : x - left + w].addcmul_(pixels, weights)
    yield (start, left, len(waiting), width), waiting


def weights_along(
    spans: Iterable[Span], area: Span, overlap: int
) -> dict[Span, Float[Tensor, " length"]]:
    """Weigh stretches of an axis so that they add up to 1 everywhere.

    Where two meet, the one falls and the other rises over twice the overlap, as squared cosine and
    sine.

    Example:
        >>> weights_along([(0, 4), (2, 4)], (0, 6), 1)[2, 4]
        tensor([0.1464, 0.8536, 1.0000, 1.0000])
    """
    start, length = area
    rise = (torch.arange(2 * overlap) + 0.5) * (torch.pi / (4 * overlap))
    rise = rise.sin().square()
    weights = {}
    for first, count in set(spans):
        reach = min(2 * overlap, count)
        own = torch.ones(count)
        if first > start:
            own[:reach] *= rise[:reach]
        if first + count < start + length:
            own[count - reach :] *= rise[:reach].flip(0)
        weights[first, count] = own
    total = torch.zeros(length)
    for (first, count), own in weights.items():
        total[first - start : first - start + count] += own
    return {
        (first, count): own / total[first - start : first - start + count]
        for (first, count), own in weights.items()
    }
