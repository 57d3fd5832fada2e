import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from deghost.merge.tiles import read_map, tile_windows


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    th=st.integers(1, 25),
    tw=st.integers(1, 25),
)
def test_tiles_cover_every_pixel_once(height, width, th, tw):
    """No pixel is left out, and none is computed twice."""
    count = torch.zeros(height + 3, width + 5, dtype=torch.int)
    for y, x, h, w in tile_windows((3, 5, height, width), (th, tw)):
        assert 1 <= h <= th
        assert 1 <= w <= tw
        count[y : y + h, x : x + w] += 1

    assert bool((count[3:, 5:] == 1).all())
    assert int(count.sum()) == height * width


@given(factor=st.integers(1, 5), y=st.integers(0, 20), x=st.integers(0, 20))
def test_a_map_is_read_as_if_enlarged_whole(factor, y, x):
    """A window of the map equals the same window of the bilinearly enlarged map."""
    small = torch.rand(2, 9, 11, generator=torch.Generator().manual_seed(0))
    whole = functional.interpolate(small[None], scale_factor=factor, mode="bilinear")[0]
    h, w = whole.shape[1:]
    y, x = min(y, h - 1), min(x, w - 1)
    window = (y, x, min(7, h - y), min(8, w - x))

    piece = read_map(small, window, factor)

    assert torch.allclose(piece, whole[:, y : y + window[2], x : x + window[3]], atol=1e-5)


def test_a_map_is_continued_beyond_its_blocks():
    """Rows and columns left over at the edge take the last block's value."""
    small = torch.tensor([[[1.0, 2.0]]])

    assert read_map(small, (1, 5, 2, 2), 3).tolist() == [[[2.0, 2.0], [2.0, 2.0]]]
