"""The largest rectangle that every frame covers."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from deghost.align.warp import Warp, corners, transform


STEPS = 256  # of the first search along the width
EDGE = 1e-6  # pixels that a covered pixel may lie outside by rounding

Levels = Float[np.ndarray, " w"]


def common_rectangle(warps: Sequence[Warp]) -> tuple[int, int, int, int]:
    """Find the largest upright rectangle of reference pixels that all frames cover.

    Returns y0, x0, y1, x1, the last two exclusive; all zero if the frames share nothing. What a
    frame covers is convex, so a rectangle is covered if its corners are, and the area of the best
    rectangle between two columns has one maximum only.
    """
    top, bottom = _covered_rows(warps)
    width = len(top)
    columns = np.unique(np.linspace(0, width - 1, min(width, STEPS)).round().astype(int))
    left, right = columns, columns
    while True:
        area, height, first = _areas(top, bottom, left, right)
        i, j = np.unravel_index(area.argmax(), area.shape)
        if area[i, j] <= 0:
            return 0, 0, 0, 0
        step = int(np.diff(left).max(initial=1))
        if step == 1:
            y0, x0 = int(first[i, j]), int(left[i])
            return y0, x0, y0 + int(height[i, j]), int(right[j]) + 1
        finer = np.arange(-step, step + 1)
        left = np.clip(left[i] + finer, 0, width - 1)
        right = np.clip(right[j] + finer, 0, width - 1)


def _covered_rows(warps: Sequence[Warp]) -> tuple[Levels, Levels]:
    """Return the first and last row, in each column of the reference, that all frames cover."""
    height, width = warps[0].size
    x = np.arange(width, dtype=np.float64)
    top, bottom = np.zeros(width), np.full(width, height - 1.0)
    for warp in warps:
        quad = transform(np.linalg.inv(warp.matrix), corners((0, 0, height, width)))
        for start, end in zip(quad, np.roll(quad, -1, 0), strict=True):
            dx, dy = end - start
            # the frame lies to the right of its clockwise edges: dx (y - y0) >= dy (x - x0)
            if abs(dx) < EDGE:
                outside = dy * (x - start[0]) > EDGE * abs(dy)
                top = np.where(outside, np.inf, top)
                continue
            edge = start[1] + (x - start[0]) * dy / dx
            if dx > 0:
                top = np.maximum(top, edge)
            else:
                bottom = np.minimum(bottom, edge)
    return np.ceil(top - EDGE), np.floor(bottom + EDGE)


def _areas(
    top: Levels, bottom: Levels, left: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measure the tallest rectangle between each pair of columns: area, height, first row."""
    first = np.maximum(top[left][:, None], top[right])
    last = np.minimum(bottom[left][:, None], bottom[right])
    height = np.maximum(last - first + 1, 0)
    return height * (right - left[:, None] + 1), height, first
