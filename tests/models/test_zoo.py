"""Networks and weights by name."""

from dataclasses import asdict, fields

import pytest
import torch

from deghost.errors import SettingsError, WeightsError
from deghost.layers.weights import Card, read_header, save_weights
from deghost.models.zoo import NETWORKS, build_network, find_weights, load_network, shipped_weights


CARD = Card("none", "Apache-2.0")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_built_from_its_configuration(name, tmp_path):
    """The configuration goes into a file and comes back the same, and so does the network."""
    network = build_network(name)
    config = NETWORKS[name][1]()
    path = tmp_path / f"{name}.safetensors"

    save_weights(path, name, config, network.state_dict(), CARD, half=False)
    loaded = load_network(path)

    assert asdict(loaded.config) == asdict(config)
    assert not loaded.training
    for key, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], tensor), key


def test_a_changed_configuration_is_kept(tmp_path):
    """A network of another size is rebuilt from the file alone."""
    network = build_network("motion-unet", widths=(4, 8))
    path = tmp_path / "small.safetensors"
    save_weights(path, "motion-unet", network.config, network.state_dict(), CARD)

    assert load_network(path).config.widths == (4, 8)


def test_unknown_names_are_told():
    """Who misspells a network sees which there are; so with weights."""
    with pytest.raises(KeyError, match="motion-unet"):
        build_network("motion")
    with pytest.raises(WeightsError, match="no weights named motion"):
        find_weights("motion")


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("segdeghost", {"fusion": "bogus"}, "fusion of segdeghost is 'bogus'; choose from: sep"),
        ("segdeghost", {"frames": 1}, "frames of segdeghost is 1; give another value"),
        ("vam", {"output_domain": "bogus"}, "output_domain of vam is 'bogus'; choose from: sigm"),
        ("tmrnet", {"scale": 3}, "scale of tmrnet is 3; choose from: 1, 4"),
        ("ahdrnet", {"frames": 0}, "frames of ahdrnet is 0; give a whole number"),
        ("ahdrnet", {"width": "x"}, "width of ahdrnet is 'x'; give a whole number"),
        ("motion-unet", {"widths": 3}, "widths of motion-unet is 3; give whole numbers"),
    ],
)
def test_values_that_a_network_does_not_have_are_told(name, change, told):
    """An ablation with a typing error must not train another network."""
    with pytest.raises(SettingsError, match=told):
        build_network(name, **change)


@pytest.mark.parametrize(
    ("name", "config", "told"),
    [
        ("motion-unet", {"widths": 3}, "cannot be what it says: widths of motion-unet is 3"),
        ("motion-unet", {"depth": 3}, "sets depth of motion-unet"),
        ("motion-unet", {"widths": [4, 8, 16]}, "does not fit the network motion-unet"),
        ("other-net", {}, "which this version does not have"),
    ],
)
def test_weights_that_do_not_fit_are_told(tmp_path, name, config, told):
    """A file for another network is refused in one line that names the file and why."""
    state = build_network("motion-unet", widths=(4, 8)).state_dict()
    save_weights(tmp_path / "odd.safetensors", name, config, state, CARD)

    with pytest.raises(WeightsError, match=rf"^odd.safetensors .*{told}"):
        load_network(tmp_path / "odd.safetensors")


@pytest.mark.parametrize("name", shipped_weights())
def test_shipped_weights_load_and_are_small(name):
    """What comes with the package loads, says where it comes from, and is at most 5 MB."""
    path = shipped_weights()[name]
    card = read_header(path).card

    assert load_network(name) is not None
    assert card.training_data
    assert card.licence
    assert path.stat().st_size <= 5e6


def test_all_shipped_weights_are_small_together():
    """The package stays below 30 MB of weights."""
    assert sum(path.stat().st_size for path in shipped_weights().values()) <= 30e6


@pytest.mark.parametrize("name", NETWORKS)
def test_configurations_are_plain_and_frozen(name):
    """A configuration has a default for every field, and each can be written as JSON."""
    config = NETWORKS[name][1]

    for field in fields(config):
        assert isinstance(getattr(config(), field.name), int | float | str | tuple | None)
    assert config.__dataclass_params__.frozen
