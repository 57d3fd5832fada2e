"""Windows that overlap become strips without a seam."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deghost.merge.blending import blend, extended, weights_along
from deghost.merge.tiles import tile_windows


lengths = st.integers(1, 90)


@given(
    size=st.tuples(lengths, lengths),
    origin=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    tile=st.tuples(st.integers(13, 40), st.integers(13, 40)),
    overlap=st.integers(1, 12),
)
@settings(max_examples=30)
def test_pieces_of_a_picture_make_the_picture(size, origin, tile, overlap):
    """However it is cut, strips come from top to bottom and hold every pixel as it was."""
    area = (*origin, *size)
    picture = torch.rand(*size, 3, generator=torch.Generator().manual_seed(0))
    windows = [extended(window, area, overlap) for window in tile_windows(area, tile)]
    pieces = (
        (window, picture[y - origin[0] :, x - origin[1] :][:h, :w])
        for window in windows
        for y, x, h, w in [window]
    )

    strips = [(window, pixels.clone()) for window, pixels in blend(pieces, windows, area, overlap)]

    assert torch.allclose(torch.cat([pixels for _, pixels in strips]), picture, atol=1e-6)
    tops = [window[0] for window, _ in strips]
    assert tops == sorted(tops)
    assert all(window[1::2] == (origin[1], size[1]) for window, _ in strips)


def test_a_step_between_tiles_becomes_a_slope():
    """Over an overlap of eight pixels on either side nothing rises faster than a tenth a pixel."""
    area = (0, 0, 4, 64)
    windows = [extended(window, area, 8) for window in tile_windows(area, (4, 32))]
    pieces = ((window, torch.full((*window[2:], 3), float(k))) for k, window in enumerate(windows))

    ((_, pixels),) = blend(pieces, windows, area, 8)

    assert pixels[0, :24, 0].eq(0).all()
    assert pixels[0, 40:, 0].eq(1).all()
    assert 0 < pixels[0, :, 0].diff().max() < 0.1


def test_weights_are_smooth_and_add_up():
    """Where two stretches meet, the one falls as the other rises."""
    weights = weights_along([(0, 40), (24, 40)], (0, 64), 8)

    assert torch.allclose(weights[0, 40][24:] + weights[24, 40][:16], torch.ones(16))
    assert (weights[24, 40].diff() >= -1e-6).all()
