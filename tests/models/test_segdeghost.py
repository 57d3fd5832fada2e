from dataclasses import fields, replace

import pytest
import torch

from deghost.layers.counting import count_parameters
from deghost.layers.reconstructor import BracketBatch, pack_srgb6
from deghost.models.motion_unet import MotionUNet
from deghost.models.segdeghost import ABLATIONS, SegDeghost, SegDeghostConfig


EXPOSURES = torch.tensor([[1.0, 4.0, 16.0]])


def build(name=None, **changes):
    torch.manual_seed(1)
    return SegDeghost(SegDeghostConfig(**{**ABLATIONS.get(name, {}), **changes})).eval()


def bracket(scene, moved=None, size=(12, 20)):
    """Noise-free frames of a scene; where a mask is 1 the brightest frame shows another light."""
    views = scene.expand(1, 3, 3, *size).clone()
    if moved is not None:
        views[:, 2] = torch.where(moved, 0.01, views[:, 2])
    linear = (views * EXPOSURES.view(1, 3, 1, 1, 1)).clamp(max=1)
    return BracketBatch(pack_srgb6(linear, EXPOSURES), EXPOSURES, 1)


@pytest.fixture
def scene():
    """Light that no frame clips."""
    generator = torch.Generator().manual_seed(1)
    return 0.04 + 0.02 * torch.rand(1, 1, 3, 12, 20, generator=generator)


@pytest.fixture
def moved():
    region = torch.zeros(12, 20, dtype=torch.bool)
    region[4:8, 5:12] = True
    return region


@pytest.fixture(scope="module")
def paper():
    return build()


@torch.no_grad()
@pytest.mark.parametrize("name", ABLATIONS)
def test_every_ablation_differs_in_what_it_should(name, paper, scene):
    """An ablation runs, and its parts outside what it changes are as large as the paper's."""
    network = build(name)
    changed = set(ABLATIONS[name])
    made = network(bracket(scene))

    assert made.radiance.shape == (1, 3, 12, 20)
    assert {
        field.name
        for field in fields(SegDeghostConfig)
        if getattr(network.config, field.name) != getattr(paper.config, field.name)
    } == changed
    assert ("motion" in made.maps) == (network.config.masks != "none")
    if not changed & {"masks", "frames"}:
        assert count_parameters(network.motion) == count_parameters(paper.motion)
    if network.merging is not None:
        assert count_parameters(network.merging.encoder) == count_parameters(paper.merging.encoder)
        if not changed & {"decoder", "memory"}:
            decoder = count_parameters(network.merging.decoder)
            assert decoder == count_parameters(paper.merging.decoder)


def test_what_is_left_out_has_no_parameters():
    """Parts that an ablation does without are not built."""
    assert len(build("A3").motion) == len(build("A4").motion) == 0
    assert len(build("A3").merging.fusions) == 1
    assert count_parameters(build("A5")) == 0
    assert count_parameters(build("A6")) == 2 * count_parameters(MotionUNet())
    assert len(build("A7").motion) == 1
    assert len(build("shared").merging.fusions) == 1
    assert len(build("no-memory").merging.writes) == len(build("no-memory").merging.reads) == 0


def test_reads_and_writes_have_own_weights_unless_shared(paper):
    """Four writes and eight reads, or one of each."""
    shared = build("A8").merging

    assert len(paper.merging.writes) == 4
    assert [len(read.weight) for read in paper.merging.reads] == [4, 4]
    assert len(shared.writes) == 1
    assert [len(read.weight) for read in shared.reads] == [1]
    assert count_parameters(shared.fusions) == count_parameters(paper.merging.fusions)


def test_decoders_have_the_published_layers(paper):
    """Nine plain layers; nine residual ones; dilated stacks with and without dense connections."""
    sizes = {
        name: [
            w.shape[2] for key, w in build(name).merging.decoder.named_parameters() if "wei" in key
        ]
        for name in ("A9", "A10", "A11", "A12")
    }
    plain, dense = build("A11").merging.decoder, paper.merging.decoder

    assert sizes["A9"].count(3) == sizes["A10"].count(3) == 9
    assert [block.stack[0].in_channels for block in plain.blocks] == [64, 32, 32]
    assert [block.stack[0].in_channels for block in dense.blocks] == [64, 96, 128]
    assert dense.blocks[0].dilations == (1, 2, 4)


@torch.no_grad()
def test_a_read_is_a_grouped_convolution(paper):
    """The dense form in which reads are computed gives what a convolution in groups gives."""
    read = paper.merging.reads[0]
    memory = torch.rand(2, 384, 5, 7)

    for k, found in enumerate(read(memory)):
        kernel = read.weight[k, :, :, None, None]
        expected = torch.nn.functional.conv2d(memory, kernel, read.bias[k], groups=32)
        assert torch.allclose(found, expected, atol=1e-5)


@torch.no_grad()
def test_the_motion_of_the_reference_is_the_union(paper, scene):
    """The reference's map is the larger of the others', pixel by pixel."""
    motion = paper(bracket(scene)).maps["motion"]

    assert torch.equal(motion[:, 1], torch.maximum(motion[:, 0], motion[:, 2]))
    assert 0 < motion.min() <= motion.max() < 1


@torch.no_grad()
def test_what_stands_still_is_fused_by_the_static_network_alone(scene, moved):
    """Far from what moved, the weights of the network for moving regions do not matter."""
    network = build("A4")
    batch = bracket(scene, moved)
    before = network(batch)
    for parameter in network.merging.fusions[1].parameters():
        parameter.mul_(-2).add_(0.1)
    after = network(batch)
    still = bracket(scene)

    assert before.maps["motion"][0, 1].bool().equal(moved)
    assert not torch.equal(after.radiance[0, :, moved], before.radiance[0, :, moved])
    assert network(still).maps["motion"].max() == 0
    static = network(still).radiance
    for parameter in network.merging.fusions[1].parameters():
        parameter.zero_()
    assert torch.equal(network(still).radiance, static)


@torch.no_grad()
def test_trained_motion_networks_are_taken_over(scene):
    """Every network for motion inside starts as the trained one."""
    torch.manual_seed(7)
    trained = MotionUNet()
    network = build()

    network.load_motion(trained.state_dict())

    for inside in network.motion:
        for mine, theirs in zip(inside.parameters(), trained.parameters(), strict=True):
            assert torch.equal(mine, theirs)


@torch.no_grad()
def test_triangle_fusion_of_a_still_scene_is_the_scene(scene):
    """With nothing moving and nothing clipped the weighted mean is the light itself."""
    assert torch.allclose(build("A5")(bracket(scene)).radiance, scene[0], atol=1e-6)


@torch.no_grad()
def test_triangle_fusion_takes_moved_pixels_from_the_reference(scene, moved):
    """Where a frame differs by more than a tenth it is replaced, and leaves no ghost."""
    made = build("A5")(bracket(scene, moved))

    assert made.maps["motion"][0, 2].bool().equal(moved)
    assert torch.allclose(made.radiance, scene[0], atol=1e-6)


@torch.no_grad()
def test_triangle_fusion_keeps_what_only_one_frame_shows():
    """Light that clips all frames but the darkest comes from it; beyond, its clipping level."""
    light = torch.full((1, 1, 3, 12, 20), 0.9)
    light[..., 10:] = 3.0

    radiance = build("A5")(bracket(light)).radiance

    assert torch.allclose(radiance[..., :10], torch.tensor(0.9), rtol=1e-3)
    assert torch.allclose(radiance[..., 10:], torch.tensor(1.0), rtol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("output", ["relu", "softplus", "sigmoid"])
def test_radiance_is_never_negative(output, scene):
    """Whatever the function at the end."""
    assert build(output=output)(bracket(scene)).radiance.min() >= 0


def test_a_replaced_reference_moves_the_pairs(paper, scene):
    """The frame that is compared with all others is the one that the batch names."""
    batch = bracket(scene)

    first = paper(replace(batch, reference=0)).maps["motion"]

    assert torch.equal(first[:, 0], torch.maximum(first[:, 1], first[:, 2]))
