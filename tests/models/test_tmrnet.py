import pytest
import torch

from deghost.layers.counting import count_macs, count_parameters, count_parameters_in_use
from deghost.layers.reconstructor import BracketBatch
from deghost.models.tmrnet import DeformableAlignment, TMRNet, TMRNetConfig, visible


TINY = {"width": 8, "common": 1, "specific": 1, "outer": 1, "groups": 2}


def bracket(config, height=9, width=14, reference=0):
    channels = 6 if config.layout == "srgb6" else 4
    frames = torch.rand(1, config.frames, channels, height, width)
    return BracketBatch(frames, 4.0 ** torch.arange(config.frames)[None], reference)


def test_it_has_the_size_of_the_published_program():
    """13.29 million parameters, all in use, 1.44 of them for flow; operations as by hand.

    For a packed pixel: weights of convolutions times how often each runs for five frames, the
    flow's on a pyramid of 4/3 of the picture.
    """
    network = TMRNet()
    batch = BracketBatch(torch.empty(1, 5, 4, 512, 512, device="meta"), torch.ones(1, 5), 0)
    flow, align, blocks = 240_050 - 146, 273_024 + 4_608, 73_728
    by_hand = (
        4 * (flow * 4 / 3 + align)
        + 5 * (4_608 + 5 * blocks)
        + 5 * (2 * 110_592 + (16 + 24) * blocks)
        + (73_728 + 5 * blocks + 2_304 + 36_864 + 2_304)
    )

    assert count_parameters(network) == 13_285_704
    assert count_parameters(network.flow) == 1_440_300
    assert count_parameters_in_use(network, bracket(network.config)) == 13_285_704
    assert count_macs(network, batch) == pytest.approx(by_hand * 512**2, rel=0.002)


def test_the_larger_output_adds_two_stages():
    """Two convolutions of 64 to 256 channels, and the share of what they make."""
    assert count_parameters(TMRNet(TMRNetConfig(scale=4))) == 13_285_704 + 2 * 147_712 + 64


@pytest.mark.parametrize("layout", ["srgb6", "raw4"])
@pytest.mark.parametrize("frames", [2, 3, 5])
@pytest.mark.parametrize("scale", [1, 4])
def test_layout_frames_and_scale_are_configuration(layout, frames, scale):
    """Each combination gives radiance of its size and three stages of features."""
    config = TMRNetConfig(layout, frames, scale, **TINY)
    made = TMRNet(config)(bracket(config, reference=1))

    assert made.radiance.shape == (1, 3 if layout == "srgb6" else 4, 9 * scale, 14 * scale)
    assert [stage.shape for stage in made.features] == [(1, 8, 9, 14)] * 3


def test_every_parameter_learns_once_the_shares_have_left_zero():
    """The scales and offsets that start at zero let gradients through when they have moved."""
    torch.manual_seed(0)
    network = TMRNet(TMRNetConfig(scale=4, **TINY))
    for parameter in network.parameters():
        if not parameter.abs().max():
            torch.nn.init.normal_(parameter, std=0.1)

    network(bracket(network.config)).radiance.square().mean().backward()

    silent = [name for name, p in network.named_parameters() if not p.grad.abs().max()]
    assert silent == []


def test_frames_are_fused_in_turn():
    """At the start no frame has a share of its own, so which of equal frames leads is free."""
    network = TMRNet(TMRNetConfig(**TINY)).eval()
    one = torch.rand(1, 1, 4, 8, 8)
    batch = BracketBatch(one.expand(-1, 5, -1, -1, -1), torch.ones(1, 5), 0)

    first, last = network(batch), network(BracketBatch(batch.frames, batch.exposures, 4))

    assert torch.allclose(first.radiance, last.radiance, atol=1e-6)


def test_alignment_follows_the_flow():
    """With its correction at zero, features come from where the flow points."""
    align = DeformableAlignment(8, 2, 10.0)
    others = torch.rand(1, 8, 9, 9)
    flow = torch.tensor([2.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 9, 9)

    moved = align(others, torch.rand(1, 8, 9, 9), flow)
    still = align(others, torch.rand(1, 8, 9, 9), torch.zeros(1, 2, 9, 9))

    assert torch.allclose(moved[..., 1:-2, 1:-3], still[..., 2:-1, 3:-1], atol=1e-5)


def test_units_are_those_of_the_middle_frame():
    """Darker by a factor with exposures that say so: radiance is darker by the same factor."""
    network = TMRNet(TMRNetConfig(frames=3, **TINY)).eval()
    frames = torch.rand(1, 3, 4, 8, 8)
    steep = network(BracketBatch(frames / 4, torch.tensor([[1.0, 8.0, 64.0]]), 0))
    flat = network(BracketBatch(frames, torch.tensor([[1.0, 2.0, 4.0]]), 0))

    assert torch.allclose(4 * steep.radiance, flat.radiance, atol=1e-5)


def test_flow_sees_a_mosaic_as_a_picture():
    """Two greens become one; light is clipped and encoded."""
    mosaic = torch.tensor([0.25, 0.1, 0.3, 9.0]).view(1, 1, 4, 1, 1)

    seen = visible(mosaic)

    assert torch.allclose(seen.flatten(), torch.tensor([0.25, 0.2, 1.0]) ** (1 / 2.2))
