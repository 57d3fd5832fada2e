"""Networks within the whole merge as methods of a benchmark."""

import pytest
import torch

from deghost.errors import SettingsError, WeightsError
from deghost.evaluate.merged_networks import merged_networks
from deghost.layers.weights import Card, save_weights
from deghost.models.zoo import build_network
from deghost.types import Scene


@pytest.fixture
def weights(tmp_path):
    """A function that writes weights of a small network that says the same everywhere."""

    def write(bias=-8.0):
        network = build_network("ahdrnet", width=8, growth=4, layers=1)
        with torch.no_grad():
            network.last.weight.zero_()
            network.last.bias.fill_(bias)
        path = tmp_path / "net.safetensors"
        card = Card("none", "Apache-2.0")
        save_weights(path, "ahdrnet", network.config, network.state_dict(), card, half=False)
        return path

    return write


def test_a_network_and_its_weights_are_a_method(weights):
    """It gives radiance of a scene in the scale of its truth."""
    exposures = torch.tensor([0.5, 2.0, 8.0])
    truth = 0.01 + 2 * torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(1)) ** 4
    codes = (truth * exposures[:, None, None, None]).clamp(0, 1) ** (1 / 2.2)
    scene = Scene("a", codes, exposures, 1, "gamma2.2")

    ((name, (method, about)),) = merged_networks([f"ahdrnet={weights()}"]).items()

    constant = torch.tensor(-8.0).sigmoid() / 0.5
    made = method(scene)
    assert name.startswith("merge-ahdrnet-")
    assert "merge --method ahdrnet --weights" in about
    assert torch.allclose(made, constant.expand_as(made), rtol=1e-3)


def test_other_weights_have_another_name(weights):
    """So that what was measured with the old ones is not taken for theirs."""
    names = [
        *merged_networks([f"ahdrnet={weights()}"]),
        *merged_networks([f"ahdrnet={weights(-7)}"]),
    ]

    assert names[0] != names[1]


def test_what_does_not_fit_is_told(weights):
    """Names of networks that there are, and the network that weights are for."""
    with pytest.raises(SettingsError, match="no network 'magic' merges; there are: deghostnet"):
        merged_networks([f"magic={weights()}"])
    with pytest.raises(WeightsError, match="is for ahdrnet; write ahdrnet="):
        merged_networks([f"vam={weights()}"])


def test_shipped_weights_need_no_name():
    """The house's own network comes with the package."""
    (told,) = merged_networks(["deghostnet"]).values()

    assert told[1] == "merge --method deghostnet"
