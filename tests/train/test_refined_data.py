"""The recipe of the house's reconstruction network, and what it learns from."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deghost.data.synthetic import make_scene
from deghost.errors import TrainError
from deghost.models.deghostnet import DeghostNet, DeghostNetConfig
from deghost.segment.learned_motion import expanded
from deghost.train import refined_data
from deghost.train.recipes_deghostnet import DEGHOSTNET, refined_loss, refined_measures
from deghost.train.refined_data import measured_batch, varied


@pytest.fixture(scope="module")
def scene(panoramas):
    still = {"counts": (3,), "hold": ("tripod",), "actors": (0, 0)}
    settings = replace(DEGHOSTNET.scenes, size=(128, 128), **still)
    return make_scene(panoramas, settings, 4, 1)


@pytest.fixture(scope="module")
def batch(scene):
    return measured_batch(scene, np.random.default_rng(0))


def test_measured_and_true_radiance_have_one_scale(batch):
    """Where nothing moves, the merge is the truth but for noise."""
    merged = expanded(batch.pictures[:, :3].float())
    trusted = (batch.maps[:, 2:3] == 1).expand_as(merged)

    ratio = (merged / batch.truth.clamp(min=1e-4))[trusted]

    assert ratio.median().item() == pytest.approx(1, abs=0.05)
    assert 0 < batch.darkest.item() < 1


def test_a_scene_is_always_measured_alike(scene, batch):
    """Whatever random numbers come in, for what is made must not depend on when it is made."""
    again = measured_batch(scene, np.random.default_rng(9))

    assert torch.allclose(again.pictures, batch.pictures, atol=1e-3)  # half floats
    assert torch.allclose(again.maps, batch.maps, atol=1e-3)


def test_scenes_without_truth_are_refused(scene):
    """There is nothing to learn from them."""
    with pytest.raises(TrainError, match="no truth or motion masks"):
        measured_batch(replace(scene, truth=None), np.random.default_rng(0))


def test_varied_windows_show_the_same_things_in_all_planes(batch, monkeypatch):
    """Pictures, maps and truth are cut, turned and coloured alike."""
    monkeypatch.setattr(refined_data, "CROP", 64)
    marked = replace(
        batch,
        pictures=batch.truth.repeat(1, 3, 1, 1),
        maps=batch.truth[:, :1].expand(-1, 5, -1, -1),
    )

    windows = [varied(marked, np.random.default_rng(seed)) for seed in range(8)]

    for window in windows:
        assert window.truth.shape == (1, 3, 64, 64)
        assert torch.equal(window.pictures, window.truth.repeat(1, 3, 1, 1))
        assert any(torch.equal(window.maps[:, 0], window.truth[:, c]) for c in range(3))
    assert not torch.equal(windows[0].truth, windows[1].truth)


def test_the_loss_falls_as_the_network_learns(batch):
    """A small network gains on the measured merge of one scene by heart."""
    torch.manual_seed(0)
    network = DeghostNet(DeghostNetConfig(widths=(8, 8)))
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        loss = refined_loss(network, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())

    assert losses[-1] < losses[0] - 0.05
    with torch.no_grad():
        assert refined_measures(network, batch)["gain"] > 0.2
