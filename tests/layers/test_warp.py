import pytest
import torch

from deghost.layers.warp import pixel_grid, sample, warp


def test_a_picture_read_at_its_own_pixels_is_itself():
    """No flow, no change."""
    features = torch.rand(2, 3, 5, 7)

    assert torch.allclose(warp(features, torch.zeros(2, 2, 5, 7)), features, atol=1e-6)


@pytest.mark.parametrize("outside", ["zeros", "border"])
def test_whole_pixels_of_flow_move_a_picture(outside):
    """A flow of (2, -1) fetches from two columns on the right and one row above."""
    features = torch.rand(1, 2, 6, 8)
    flow = torch.tensor([2.0, -1.0]).view(1, 2, 1, 1).expand(1, 2, 6, 8)

    moved = warp(features, flow, outside)

    assert torch.allclose(moved[..., 1:, :-2], features[..., :-1, 2:], atol=1e-5)


def test_what_lies_outside_is_nothing_or_the_border():
    """The two rules for pixels that a picture does not have."""
    features = torch.full((1, 1, 2, 3), 5.0)
    far = pixel_grid(features)[None] + 10

    assert torch.equal(sample(features, far, "zeros"), torch.zeros(1, 1, 2, 3))
    assert torch.allclose(sample(features, far, "border"), features)


def test_half_precision_features_keep_single_precision_positions():
    """Columns of a wide picture are found, though bfloat16 has not a number for each."""
    features = torch.arange(2048.0).remainder(7).view(1, 1, 1, -1).bfloat16()

    moved = warp(features, torch.zeros(1, 2, 1, 2048))

    assert moved.dtype == torch.bfloat16
    assert torch.equal(moved, features)
