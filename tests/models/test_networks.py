"""What holds for every network that reconstructs."""

from functools import partial

import pytest
import torch

from deghost.errors import BracketError
from deghost.layers.counting import count_macs, count_parameters, count_parameters_in_use
from deghost.layers.reconstructor import BracketBatch, Reconstructor, pack_srgb6
from deghost.layers.weights import Card, save_weights
from deghost.models.zoo import NETWORKS, build_network, load_network


NAMES = [name for name, (network, _) in NETWORKS.items() if issubclass(network, Reconstructor)]
SMALL = {  # shallow forms of what is deep; all that differs between layers is kept
    "ahdrnet": {"layers": 2},
    "hdr-transformer": {"layers": 2},
    "tmrnet": {"width": 16, "common": 1, "specific": 1, "outer": 1, "groups": 4},
}
FORMS = {
    **{name: (name, SMALL.get(name, {})) for name in NAMES},
    "segdeghost any N": ("segdeghost", {"frames": None}),
    "vam linear": ("vam", {"target": "linear", "output_domain": "linear"}),
}
ENLARGING = {f"{name} x4": (name, {**changes, "scale": 4}) for name, changes in SMALL.items()}
# parameters in use, multiplications, of frames of this height and width, and how nearly
PUBLISHED = {
    "vam": (568_857, 234.1e9, (1088, 1920), 0.05),
    "ahdrnet": (1_441_283, 2.17e12, (1000, 1500), 0.01),
    "hdr-transformer": (1_222_113, 1.9e12, (1000, 1500), 0.05),
    "tmrnet": (13_285_704, None, (32, 32), 0.01),
}
every_form = pytest.mark.parametrize("form", FORMS)
every_form_and_scale = pytest.mark.parametrize("form", [*FORMS, *ENLARGING])


@pytest.fixture
def make_network():
    def make(form):
        torch.manual_seed(1)
        name, changes = {**FORMS, **ENLARGING}[form]
        return build_network(name, **changes).eval()

    return make


def make_batch(network, count=None, size=(16, 16), brackets=1, device="cpu"):
    """Brackets of a noisy scene, one and a half stops apart."""
    count = count or network.frames or 3
    generator = torch.Generator().manual_seed(2)
    channels = 4 if network.layout == "raw4" else 3
    exposures = (2 ** (1.5 * torch.arange(float(count)))).expand(brackets, count).contiguous()
    scene = torch.rand(brackets, count, channels, *size, generator=generator)
    linear = (scene * exposures[:, :, None, None, None] / 4).clamp(max=1)
    frames = linear / exposures[:, :, None, None, None]
    if network.layout == "srgb6":
        frames = pack_srgb6(linear, exposures)
    masks = (scene.mean(2) > 0.5).float()
    return BracketBatch(frames.to(device), exposures.to(device), count // 2, masks.to(device))


@torch.no_grad()
def radiance(network, batch):
    return network(batch).radiance


def stirred(network):
    """Move every parameter a little, also those that start at 0."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.02)
    return network


@every_form_and_scale
@pytest.mark.parametrize("size", [(16, 32), (21, 18)])
def test_radiance_has_the_size_of_the_frames(form, size, make_network):
    """Any size that the network says it takes gives finite radiance of `scale` times this size."""
    network = make_network(form)
    height, width = (-(-side // network.multiple_of) * network.multiple_of for side in size)

    result = radiance(network, make_batch(network, size=(height, width), brackets=2))

    channels = 4 if network.layout == "raw4" else 3
    assert result.shape == (2, channels, network.scale * height, network.scale * width)
    assert result.isfinite().all()


@every_form
def test_equal_brackets_give_equal_radiance(form, make_network):
    """A network ready for use has no randomness, and the seed decides its weights."""
    first, second = make_network(form), make_network(form)
    batch = make_batch(first)

    assert torch.equal(radiance(first, batch), radiance(first, batch))
    assert torch.equal(radiance(first, batch), radiance(second, batch))


@every_form
def test_brackets_of_a_batch_do_not_mix(form, make_network):
    """A bracket gives the same radiance alone as beside another."""
    network = make_network(form)
    both = make_batch(network, brackets=2)
    one = BracketBatch(both.frames[1:], both.exposures[1:], both.reference, both.masks[1:])

    assert torch.allclose(radiance(network, both)[1:], radiance(network, one), atol=1e-4)


@every_form_and_scale
def test_every_parameter_learns(form, make_network):
    """Radiance depends on every parameter that the network has."""
    network = stirred(make_network(form).train())

    torch.manual_seed(4)  # of the layers that chance leaves out
    made = network(make_batch(network, brackets=2))
    (made.radiance * torch.rand_like(made.radiance)).mean().backward()

    still = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().max() > 0
    ]
    assert still == []


@every_form
def test_features_to_tap_carry_gradient(form, make_network):
    """There are three stages for distillation, each with a gradient back to the weights."""
    network = make_network(form)

    features = network(make_batch(network)).features

    assert len(features) == 3
    assert all(f.requires_grad for f in features)


@every_form
def test_saved_weights_give_the_same_network(form, make_network, tmp_path):
    """A weights file alone rebuilds a network that reconstructs identically."""
    network = stirred(make_network(form))
    path = tmp_path / "trained.safetensors"
    batch = make_batch(network)

    card = Card("none", "CC0-1.0")
    save_weights(path, FORMS[form][0], network.config, network.state_dict(), card, half=False)

    assert torch.equal(radiance(load_network(path), batch), radiance(network, batch))


@every_form
def test_channels_last_gives_the_same_radiance(form, make_network):
    """The layout of memory changes speed, not results."""
    network = stirred(make_network(form))
    batch = make_batch(network)

    plain = radiance(network, batch)
    fast = radiance(network.to(memory_format=torch.channels_last), batch)

    assert torch.allclose(fast, plain, atol=1e-4, rtol=1e-4)


@every_form
def test_half_precision_gives_nearly_the_same_radiance(form, make_network):
    """Under autocast to bfloat16 radiance stays in single floats, off by hundredths at most."""
    network = make_network(form)
    batch = make_batch(network)

    plain = radiance(network, batch)
    with torch.autocast("cpu", torch.bfloat16):
        fast = radiance(network, batch)

    assert fast.dtype == torch.float32
    assert (fast - plain).abs().mean() < 0.05 * plain.abs().mean() + 0.005


@every_form_and_scale
def test_a_wrong_number_of_frames_is_refused(form, make_network):
    """A network that takes a fixed number of frames says so, in one line."""
    network = make_network(form)
    if network.frames is None:
        pytest.skip("takes any number")

    with pytest.raises(BracketError, match=f"takes {network.frames} frames, not 2"):
        network(make_batch(network, count=2))


@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_any_number_of_frames(count, make_network):
    """What is made for N frames takes as many as there are, and tells what moved in each."""
    network = make_network("segdeghost any N")

    made = network(make_batch(network, count=count))

    assert made.radiance.shape == (1, 3, 16, 16)
    assert made.maps["motion"].shape == (1, count, 16, 16)


def test_the_order_of_frames_does_not_matter_to_what_takes_any_number(make_network):
    """Frames but the reference may change places."""
    network = make_network("segdeghost any N")
    batch = make_batch(network, count=5)
    order = [4, 1, 2, 0, 3]  # the reference is 2

    mixed = BracketBatch(
        batch.frames[:, order], batch.exposures[:, order], 2, batch.masks[:, order]
    )

    assert torch.allclose(radiance(network, mixed), radiance(network, batch), atol=1e-5)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_counts(name):
    """Parameters in use are those published, multiplications nearly."""
    parameters, macs, size, slack = PUBLISHED[name]
    with torch.device("meta"):
        network = build_network(name)
    batch = partial(make_batch_shape, network)

    assert count_parameters_in_use(network, batch((32, 32))) == parameters
    assert count_parameters(network) == parameters
    if macs is not None:
        assert count_macs(network, batch(size)) == pytest.approx(macs, rel=slack)


def make_batch_shape(network, size):
    """A bracket without values."""
    channels = {"srgb6": 6, "raw4": 4}[network.layout]
    empty = partial(torch.empty, device="meta")
    count = network.frames
    return BracketBatch(
        empty(1, count, channels, *size), empty(1, count), 0, empty(1, count, *size)
    )
