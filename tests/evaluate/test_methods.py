from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from deghost.errors import SettingsError
from deghost.evaluate.methods import DESCRIPTIONS, METHODS, chosen_methods, oracle, rgb_scene
from deghost.types import Scene


def still_scene(size=(64, 80)):
    coarse = torch.rand(1, 3, 8, 10, generator=torch.Generator().manual_seed(4))
    truth = 0.03 * 2 ** (3 * functional.interpolate(coarse, size, mode="bicubic")[0].clamp(0, 1))
    exposures = torch.tensor([1.0, 2.0, 4.0])
    linear = (truth * exposures[:, None, None, None]).clamp(0, 1)
    codes = (linear ** (1 / 2.2) * 65535).round() / 65535
    return Scene("still", codes, exposures, 1, truth=truth, motion=torch.zeros(3, *size))


@pytest.mark.parametrize("name", METHODS)
def test_every_method_returns_radiance_in_the_scale_of_the_truth(name):
    """On a still, noise-free, unclipped scene nothing changes the scale."""
    scene = still_scene()

    radiance = METHODS[name](scene)

    assert radiance.shape == scene.truth.shape
    assert radiance.dtype == torch.float32
    assert (radiance / scene.truth).median().item() == pytest.approx(1, abs=0.01)


def test_every_method_is_explained():
    """A name in a table means something."""
    assert set(DESCRIPTIONS) == set(METHODS)


def test_methods_are_chosen_by_name():
    """In the order asked for; all of them if none is named."""
    assert list(chosen_methods(("static", "reference"))) == ["static", "reference"]
    assert list(chosen_methods(())) == list(METHODS)


@pytest.mark.parametrize(
    ("name", "words"),
    [("magic", "no method 'magic'; there are: reference"), ("mertens", "display picture")],
)
def test_methods_that_cannot_be_measured_are_refused(name, words):
    """An unknown name is answered with the known ones, a known one with the reason."""
    with pytest.raises(SettingsError, match=words):
        chosen_methods((name,))


def test_the_oracle_needs_masks():
    """Without the truth about motion there is nothing to be told."""
    with pytest.raises(SettingsError, match="no motion masks"):
        oracle(replace(still_scene(), motion=None))


def test_packed_mosaics_become_pictures():
    """Red, the mean of the greens, blue; the truth alike."""
    packed = torch.rand(3, 4, 6, 8)
    scene = Scene("raw", packed, torch.ones(3), 1, "linear", truth=packed[0])

    seen = rgb_scene(scene)

    assert torch.equal(seen.frames[:, 0], packed[:, 0])
    assert torch.allclose(seen.frames[:, 1], packed[:, 1:3].mean(1))
    assert torch.equal(seen.truth[2], packed[0, 3])
    assert rgb_scene(seen) is seen
