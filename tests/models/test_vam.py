from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deghost.layers.counting import count_parameters
from deghost.layers.reconstructor import BracketBatch, pack_srgb6
from deghost.models.vam import VAM, VAMConfig, learned_values, radiance_of


EXPOSURES = torch.tensor([[1.0, 4.0, 16.0]])
CONFIGS = [
    VAMConfig(target, domain)
    for target in ("encoded", "linear")
    for domain in ("sigmoid", "linear")
]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    return VAM().eval()


@pytest.fixture
def batch():
    linear = torch.rand(1, 3, 3, 16, 32, generator=torch.Generator().manual_seed(1))
    return BracketBatch(pack_srgb6(linear, EXPOSURES), EXPOSURES, 1, torch.ones(1, 3, 16, 32))


def test_it_is_as_large_as_published(network):
    """570,265 parameters as Keras counts them: 568,857 and 1,408 statistics of batch norms."""
    assert count_parameters(network) == 568_857
    assert count_parameters(network, statistics=True) == 570_265


@torch.no_grad()
def test_masks_decide_what_is_attended_to(network, batch):
    """The masks of the darker and of the brighter frame change radiance, the reference's not."""
    radiance = network(batch).radiance

    for k in range(3):
        masks = batch.masks.clone()
        masks[:, k] = 0
        same = torch.equal(network(replace(batch, masks=masks)).radiance, radiance)
        assert same == (k == batch.reference)


def test_masks_are_needed(network, batch):
    """Without masks there is nothing to attend to, and the network says so."""
    with pytest.raises(ValueError, match="needs masks"):
        network(replace(batch, masks=None))


@torch.no_grad()
def test_the_reference_is_the_same_in_both_halves(network, batch):
    """Encoded at its own exposure the reference is its codes, and others are as bright as it."""
    linear = (torch.rand(1, 1, 3, 16, 32) / 16) * EXPOSURES.view(1, 3, 1, 1, 1)
    still = replace(batch, frames=pack_srgb6(linear, EXPOSURES))

    packed = network._packed(still)

    assert torch.allclose(packed[:, 1, :3], packed[:, 1, 3:], atol=1e-6)
    assert torch.allclose(packed[:, 0, 3:], packed[:, 2, 3:], atol=1e-5)
    assert torch.allclose(packed[:, :, :3], linear ** (1 / 2.24), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("config", CONFIGS)
@settings(max_examples=15, deadline=None)
@given(light=st.floats(1e-3, 8))
def test_predicting_the_learned_values_is_predicting_the_truth(config, light):
    """What is learned of a truth, taken back, is the truth again."""
    batch = BracketBatch(torch.rand(1, 3, 6, 1, 1), EXPOSURES, 1)
    truth = torch.full((1, 3, 1, 1), light, dtype=torch.float64)

    values = learned_values(truth, batch, config)
    values = values.logit() if config.output_domain == "sigmoid" else values

    assert torch.allclose(radiance_of(values, batch, config), truth, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("config", CONFIGS)
def test_predicted_values_and_radiance_agree(config, batch):
    """Radiance is what the values under `predicted` mean, cut off at 0."""
    torch.manual_seed(2)
    made = VAM(config).eval()(batch)
    predicted = made.maps["predicted"]

    values = predicted.logit() if config.output_domain == "sigmoid" else predicted

    assert torch.allclose(made.radiance, radiance_of(values, batch, config), atol=1e-4, rtol=1e-3)
    assert made.radiance.min() >= 0
