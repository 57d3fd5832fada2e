import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deghost.errors import SettingsError
from deghost.evaluate.tiles import TILINGS, Cut, cut_tiles, join_tiles, run_tiled, tile_windows


def ramp(h, w):
    return torch.arange(2 * 3 * h * w, dtype=torch.float32).reshape(2, 3, h, w) / (6 * h * w)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(TILINGS),
    st.integers(1, 37),
    st.integers(1, 37),
    st.integers(2, 16),
    st.integers(0, 15),
)
def test_what_is_cut_can_be_joined(tiling, h, w, tile, overlap):
    """Tiles that no network has changed join to the picture they were cut from."""
    cut = Cut(tiling, tile, min(overlap, tile - 1), multiple=2)
    frames = ramp(h, w)

    joined = run_tiled(lambda codes: codes[0], frames, cut)

    assert joined.shape == (3, h, w)
    assert torch.allclose(joined, frames[0], atol=1e-6)


def test_official_tiles_of_a_kalantari_frame_are_the_published_ones():
    """1500x1000 pixels make 6 columns of 4 tiles, column by column, and white beyond the edge."""
    cut = Cut("official")

    tiles = cut_tiles(torch.zeros(1, 1, 1000, 1500), cut)

    assert len(tiles) == 24
    assert [window[:2] for window, _ in tiles[:5]] == [
        (0, 0),
        (256, 0),
        (512, 0),
        (768, 0),
        (0, 256),
    ]
    last = tiles[-1][1]
    assert last[..., : 1000 - 768, : 1500 - 1280].max() == 0
    assert last[..., 1000 - 768 :, :].min() == 1
    assert last[..., 1500 - 1280 :].min() == 1


def test_official_tiles_go_one_beyond_a_picture_they_fill():
    """A picture of 256x256 pixels makes four official tiles, three of them all white."""
    tiles = cut_tiles(torch.zeros(1, 1, 256, 256), Cut("official"))

    assert [tile.mean().item() for _, tile in tiles] == [0, 1, 1, 1]


def test_a_whole_frame_is_mirrored_up_to_a_multiple():
    """The rows beyond the last one repeat those before it, without itself."""
    frames = torch.tensor([0.1, 0.2, 0.3]).view(1, 1, 3, 1).expand(1, 1, 3, 4)

    ((window, tile),) = cut_tiles(frames, Cut("full", multiple=4))

    assert window == (0, 0, 4, 4)
    assert tile[0, 0, :, 0].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.2])


def test_overlapping_tiles_blend_linearly():
    """Between a tile of zeros and a tile of ones, values rise in equal steps."""
    cut = Cut("overlap", tile=6, overlap=3, multiple=1)
    windows = tile_windows((6, 9), cut)
    tiles = [(window, torch.full((1, 6, 6), float(i))) for i, window in enumerate(windows)]

    joined = join_tiles(tiles, (6, 9), cut)

    assert joined[0, 2].tolist() == pytest.approx([0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1])


def test_only_what_reaches_across_tiles_depends_on_the_cut():
    """A network of one pixel's sight gives the same by any cut; one that looks around does not."""
    frames = ramp(20, 30)

    def look_around(codes):
        return torch.nn.functional.avg_pool2d(codes[0], 5, 1, 2, count_include_pad=False)

    cuts = [Cut(tiling, 16, 8) for tiling in TILINGS]
    square, around = (
        [run_tiled(network, frames, cut) for cut in cuts]
        for network in (lambda codes: codes[0].square(), look_around)
    )

    assert all(torch.allclose(result, square[0], atol=1e-6) for result in square)
    assert not torch.allclose(around[0], around[2], atol=1e-3)


def test_a_cut_that_cannot_be_is_refused():
    """Tiles that are all overlap would never end."""
    with pytest.raises(SettingsError, match="overlap must be smaller"):
        Cut("overlap", tile=8, overlap=8)


def test_joining_nothing_is_refused():
    """Without a tile there is no picture."""
    with pytest.raises(SettingsError, match="no tiles"):
        join_tiles([], (4, 4), Cut())
