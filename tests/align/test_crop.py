import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deghost.align.crop import common_rectangle
from deghost.align.warp import Warp, transform


SIZE = (40, 60)


def covered(warps):
    """Test every pixel of the reference."""
    height, width = warps[0].size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    points = np.stack([x.ravel(), y.ravel()], 1).astype(np.float64)
    inside = np.ones(len(points), bool)
    for warp in warps:
        places = transform(warp.matrix, points)
        inside &= ((places > -1e-6) & (places < [width - 1 + 1e-6, height - 1 + 1e-6])).all(1)
    return inside.reshape(height, width)


def largest(mask):
    """The area of the largest rectangle of ones, by trying every pair of rows."""
    best = 0
    for top in range(len(mask)):
        run = np.ones(mask.shape[1], bool)
        for bottom in range(top, len(mask)):
            run &= mask[bottom]
            edges = np.flatnonzero(np.diff(np.concatenate([[0], run, [0]])))
            longest = max((edges[1::2] - edges[::2]).tolist(), default=0)
            best = max(best, longest * (bottom - top + 1))
    return best


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_the_rectangle_is_covered_and_none_is_larger(studio_seed):
    """The result agrees with an exhaustive search over every rectangle."""
    generator = np.random.default_rng(studio_seed)
    warps = []
    for _ in range(3):
        turn, (x, y), tilt = generator.uniform(-0.1, 0.1), generator.uniform(-9, 9, 2), 5e-4
        tilts = generator.uniform(-tilt, tilt, 2)
        matrix = np.array([[1, -turn, x], [turn, 1, y], [*tilts, 1]])
        warps.append(Warp(matrix, SIZE))

    y0, x0, y1, x1 = common_rectangle(warps)

    mask = covered(warps)
    assert mask[y0:y1, x0:x1].all()
    assert (y1 - y0) * (x1 - x0) == largest(mask)


@pytest.mark.parametrize(
    ("shift", "rectangle"),
    [
        ((0, 0), (0, 0, 40, 60)),
        ((-20, 7), (0, 20, 33, 60)),
        ((0.5, 0), (0, 0, 40, 59)),
        ((100, 0), (0, 0, 0, 0)),
    ],
)
def test_a_shift_cuts_off_what_it_uncovers(shift, rectangle):
    """A frame shifted left by 20 shows nothing of the first 20 columns."""
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1.0]])

    assert common_rectangle([Warp(matrix, SIZE)]) == rectangle


def test_a_large_picture_takes_milliseconds():
    """A hundred megapixels are searched coarse to fine, to the last row and column."""
    size = (8000, 12_000)
    turned = Warp(np.array([[1, -0.01, 40], [0.01, 1, -60], [0, 0, 1.0]]), size)

    y0, x0, y1, x1 = common_rectangle([turned])

    corners = np.array([[x0, y0], [x1 - 1, y0], [x1 - 1, y1 - 1], [x0, y1 - 1]], np.float64)
    places = transform(turned.matrix, corners)
    assert (places >= -1e-6).all()
    assert (places <= [11_999 + 1e-6, 7999 + 1e-6]).all()
    assert (y1 - y0) * (x1 - x0) > 0.95 * 8000 * 12_000
