import imagecodecs
import numpy as np
import pytest
import torch

from deghost.evaluate.error_maps import compressed, error_map, light_of, show_errors, show_pair
from deghost.evaluate.protocol import in_values_of
from deghost.evaluate.protocols import PROTOCOLS


def scene(h=24, w=32):
    return torch.rand(3, h, w, generator=torch.Generator().manual_seed(3)) ** 2


@pytest.mark.parametrize("name", ["kalantari", "ntire21", "bracketire"])
def test_values_become_light_again(name):
    """What is compared can be shown, whatever a protocol compares."""
    light = scene()

    values = in_values_of(PROTOCOLS[name], light)

    assert torch.allclose(light_of(PROTOCOLS[name], values), light, atol=1e-5)


def test_equal_pictures_look_equal():
    """The same tones, and no error."""
    shown = show_pair(PROTOCOLS["kalantari"], scene(), scene())

    assert np.array_equal(shown["test"], shown["truth"])
    assert len(np.unique(shown["error"].reshape(-1, 3), axis=0)) == 1


def test_only_measured_errors_are_shown():
    """Above the clipping of a protocol, no difference counts."""
    truth = scene()
    truth[:, :8] = 2.0
    test = truth.clone()
    test[:, :8] = 3.0
    black = show_errors(torch.zeros(24, 32))

    clipped = show_pair(PROTOCOLS["deghost-bench"], test, truth)["error"]
    whole = show_pair(PROTOCOLS["kalantari"], test, truth)["error"]

    assert np.array_equal(clipped, black)
    assert not np.array_equal(whole[:8], black[:8])


def test_larger_errors_are_brighter():
    """From black over red to yellow."""
    steps = show_errors(torch.linspace(0, 0.1, 8)[None]).astype(int).sum(-1)[0]

    assert (np.diff(steps) > 0).all()
    assert error_map(scene(), scene()).max() == 0


def test_large_pictures_are_kept_small():
    """At most 1024 pixels a side, and a few bits a pixel."""
    wide = np.random.default_rng(1).integers(0, 256, (40, 2048, 3)).astype(np.uint8)

    data = compressed(wide)

    assert imagecodecs.webp_decode(data).shape == (20, 1024, 3)
    assert len(data) < 20 * 1024 * 3 / 2
