"""The segmentation U-Nets."""

import pytest
import torch

from deghost.models.motion_unet import MotionUNet, motion_pair


def test_a_motion_network_gives_one_map_of_any_size():
    """Whatever the size of the frames, there is one value a pixel, and it is a probability."""
    network = MotionUNet().eval()

    with torch.no_grad():
        found = network.probabilities(torch.rand(2, 6, 21, 34))

    assert found.shape == (2, 21, 34)
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


def test_the_motion_network_has_the_published_blocks():
    """Four blocks of two convolutions, 16 to 128 wide, and three that join them again."""
    names = dict(MotionUNet().named_parameters())

    widths = [names[f"body.down.{i}.2.weight"].shape[0] for i in range(4)]

    assert widths == [16, 32, 64, 128]
    assert "body.down.4.2.weight" not in names
    assert [names[f"body.up.{i}.up.weight"].shape[1] for i in range(3)] == [64, 32, 16]


@pytest.mark.parametrize("gain", [0.25, 4.0])
def test_a_pair_shows_both_frames_at_the_exposure_of_the_reference(gain):
    """Light that did not change is the same in both halves of a pair."""
    light = torch.rand(1, 3, 4, 5) / 4
    other = light / gain

    pair = motion_pair(light, other, torch.tensor([gain]))

    assert torch.allclose(pair[:, :3], pair[:, 3:])
