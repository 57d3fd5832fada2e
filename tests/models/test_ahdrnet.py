import pytest
import torch

from deghost.layers.counting import count_macs, count_parameters, count_parameters_in_use
from deghost.layers.reconstructor import BracketBatch, pack_srgb6
from deghost.models.ahdrnet import AHDRNet, AHDRNetConfig, DenseBlock


def bracket(config, height=9, width=14):
    exposures = 4.0 ** torch.arange(config.frames)[None]
    light = torch.rand(1, 1, 3 if config.layout == "srgb6" else 4, height, width)
    if config.layout == "raw4":
        frames = light.expand(-1, config.frames, -1, -1, -1)
    else:
        linear = (light * exposures[0].view(-1, 1, 1, 1)).clamp(max=1)
        frames = pack_srgb6(linear, exposures)
    return BracketBatch(frames, exposures, config.frames // 2)


def test_it_has_the_size_of_the_published_program():
    """1,441,283 parameters, all in use, and 2.17e12 operations for three frames of 1.5 MP."""
    network = AHDRNet()
    batch = BracketBatch(torch.empty(1, 3, 6, 1000, 1500, device="meta"), torch.ones(1, 3), 1)

    assert count_parameters(network) == 1_441_283
    assert count_parameters_in_use(network, bracket(network.config)) == 1_441_283
    assert count_macs(network, batch) == pytest.approx(2.17e12, rel=0.01)


@pytest.mark.parametrize("layout", ["srgb6", "raw4"])
@pytest.mark.parametrize("frames", [2, 3, 5])
@pytest.mark.parametrize("scale", [1, 4])
def test_layout_frames_and_scale_are_configuration(layout, frames, scale):
    """Each combination gives radiance in [0, 1] and three stages of features."""
    config = AHDRNetConfig(layout, frames, scale, width=8, growth=4, layers=2)
    made = AHDRNet(config)(bracket(config))

    assert made.radiance.shape == (1, 3 if layout == "srgb6" else 4, 9 * scale, 14 * scale)
    assert ((made.radiance >= 0) & (made.radiance <= 1)).all()
    assert [stage.shape for stage in made.features] == [(1, 8, 9, 14)] * 3


def test_it_sees_no_further_than_its_convolutions():
    """Pixels more than 43 away have no say, so that tiles can overlap by as much."""
    torch.manual_seed(0)
    config = AHDRNetConfig(width=4, growth=2)
    network, batch = AHDRNet(config), bracket(config, 3, 120)
    frames = batch.frames.clone()
    frames[..., 0] += 1

    changed = network(BracketBatch(frames, batch.exposures, 1)).radiance
    difference = (changed - network(batch).radiance).abs().amax(dim=(0, 1, 2))

    reach = 1 + 2 + 1 + 3 * 6 * 2 + 1 + 1 + 1
    assert difference[reach + 1 :].max() == 0
    assert difference[0] > 0


def test_a_dense_block_without_gathering_changes_nothing():
    """The block adds to its input."""
    block, features = DenseBlock(8, 4, 3), torch.rand(1, 8, 6, 6)
    torch.nn.init.zeros_(block.gather.weight)
    torch.nn.init.zeros_(block.gather.bias)

    assert torch.equal(block(features), features)
