import numpy as np
import pytest
import torch

from deghost.align.signal import Light, common_pyramids, measure_light


def agreement(first, second):
    """Mean difference of contrast where both are trusted."""
    both = (first.trust & second.trust) > 0
    assert both.mean() > 0.1
    return np.abs(first.contrast - second.contrast)[both].mean()


@pytest.mark.parametrize("stops", [-3.0, 0.0, 3.0])
def test_contrast_does_not_change_with_exposure(studio, stops):
    """Two exposures of a grey scene, without noise, have the same contrast where both show it."""
    scene = torch.from_numpy(studio.scene(1)).mean(2).expand(3, -1, -1)
    frames = [(scene * 2 * e).clamp(max=1) for e in (1.0, 2.0**stops)]

    first, second = common_pyramids(*map(measure_light, frames), stops)

    assert agreement(first[0], second[0]) < 1e-4


def test_contrast_hardly_changes_with_the_tone_curve(studio):
    """A camera's curve, which shifts brightness by tens of per cent, shifts contrast by few."""
    scene = studio.scene(1)
    plain, curved = (studio.expose(scene, 2.0, 0, curve) for curve in (0.0, 0.05))
    brightness = (curved / plain.clamp(min=1e-3)).flatten()
    assert brightness.quantile(0.9) / brightness.quantile(0.1) > 1.3

    first, second = common_pyramids(measure_light(plain), measure_light(curved), 0.0)

    assert agreement(first[0], second[0]) < 0.06


def test_clipped_and_black_places_are_not_trusted():
    """One clipped channel is enough to distrust a pixel and its neighbours."""
    image = torch.full((3, 60, 80), 0.2)
    image[0, 20, 30] = 1.0
    image[:, 40:, :] = 1e-4

    trust = common_pyramids(measure_light(image), measure_light(image), 0.0)[0][0].trust

    assert not trust[19:22, 29:32].any()
    assert not trust[39:].any()
    assert trust[5:15, 5:75].all()


def test_light_that_one_frame_clips_is_not_trusted_in_the_other():
    """The darker frame knows from the exposures what the brighter one cannot show."""
    dark, bright = torch.full((3, 40, 40), 0.2), torch.full((3, 40, 40), 1.0)

    first, _ = common_pyramids(measure_light(dark), measure_light(bright), 3.0)

    assert not first[0].trust.any()


def test_large_frames_are_reduced():
    """The finest level has at most the pixels asked for, and the mean stays."""
    image = torch.rand(3, 300, 400, generator=torch.Generator().manual_seed(0))

    light = measure_light(image, 30_000)

    assert isinstance(light, Light)
    assert light.luminance.shape == (150, 200)
    weighted = (image * torch.tensor([0.25, 0.5, 0.25])[:, None, None]).sum(0)
    assert light.luminance.mean() == pytest.approx(weighted.mean().item(), rel=1e-4)
