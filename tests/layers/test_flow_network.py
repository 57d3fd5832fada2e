import pytest
import torch
from safetensors.torch import save_file

from deghost.errors import WeightsError
from deghost.layers.flow_network import FlowNetwork, load_flow_network, published_name


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return FlowNetwork().eval()


def published(network):
    return {published_name(k): v.clone() + 0.25 for k, v in network.state_dict().items()}


def test_it_has_the_published_size(network):
    """Six levels of five convolutions, 240,050 parameters each."""
    assert sum(p.numel() for p in network.parameters()) == 6 * 240_050


@pytest.mark.parametrize("size", [(1, 1), (20, 33), (32, 64)])
def test_flow_has_the_size_of_the_pictures(network, size):
    """Pictures of any size, without rounding."""
    flow = network(torch.rand(2, 3, *size), torch.rand(2, 3, *size))

    assert flow.shape == (2, 2, *size)
    assert flow.isfinite().all()


def test_a_constant_correction_adds_up_over_the_levels():
    """Each level doubles the flow of that above it; stretching is undone along each axis."""
    network = FlowNetwork()
    for level in network.levels:
        torch.nn.init.zeros_(level[-1].weight)
        level[-1].bias.data = torch.tensor([1.0, 2.0])

    flow = network(torch.rand(1, 3, 16, 48), torch.rand(1, 3, 16, 48))

    total = sum(2.0**level for level in range(6))
    expected = torch.tensor([total * 48 / 64, 2 * total * 16 / 32]).view(1, 2, 1, 1)
    assert torch.allclose(flow, expected.expand_as(flow), rtol=1e-5)


@pytest.mark.parametrize("kind", ["pth", "nested.pth", "safetensors"])
def test_published_weights_are_taken_over(network, tmp_path, kind):
    """A PyTorch file, its numbers at the top or under state_dict, or a safetensors file."""
    path, state = tmp_path / f"spynet.{kind}", published(network)
    if kind == "safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": state} if kind.startswith("nested") else state, path)

    loaded = FlowNetwork()
    load_flow_network(loaded, path)

    for name, value in loaded.state_dict().items():
        assert torch.equal(value, state[published_name(name)])


def test_weights_under_our_names_are_taken_over(network, tmp_path):
    """The flow of a trained network serves another one."""
    save_file(dict(network.state_dict()), tmp_path / "flow.safetensors")

    loaded = FlowNetwork()
    load_flow_network(loaded, tmp_path / "flow.safetensors")

    assert torch.equal(loaded.levels[5][8].bias, network.levels[5][8].bias)


def test_a_file_of_something_else_is_refused(tmp_path):
    """The message names the file and what it lacks."""
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")

    with pytest.raises(WeightsError, match=r"other\.safetensors has no basic_module"):
        load_flow_network(FlowNetwork(), tmp_path / "other.safetensors")
