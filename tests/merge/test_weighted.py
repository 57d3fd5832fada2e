import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deghost.merge.weighted import (
    Layer,
    bare_pair,
    disagreement,
    extend,
    filled,
    grey,
    known,
    start_fusion,
    variance,
)
from deghost.radiometry.noise import NoiseModel, unclipped


NOISE = NoiseModel(shot=2e-4, read=1e-6)


def scene():
    generator = torch.Generator().manual_seed(0)
    return 2.0 ** (6 * torch.rand(3, 60, 80, generator=generator) - 5)


def shoot(radiance, exposure, seed=None):
    linear = radiance * exposure
    if seed is not None:
        noise = torch.randn(linear.shape, generator=torch.Generator().manual_seed(seed))
        linear = linear + noise * NOISE.variance(linear).sqrt()
    linear = linear.clamp(0, 1)
    return Layer(linear / exposure, unclipped(linear), exposure, NOISE)


def merge(layers):
    fusion = start_fusion(layers[0])
    for layer in layers[1:]:
        fusion = extend(fusion, layer)
    return fusion


def test_a_still_scene_is_recovered_exactly():
    """Without noise or motion, and clipped nowhere in the darkest frame, the scene comes back."""
    truth = scene()

    merged = merge([shoot(truth, e) for e in (1.0, 0.25, 4.0)])

    assert torch.allclose(merged.radiance, truth, rtol=1e-4)


def test_more_frames_come_closer_to_the_truth():
    """Every frame added lowers the error of a noisy still scene."""
    truth = scene()
    layers = [shoot(truth, e, seed) for seed, e in enumerate((0.25, 1.0, 4.0))]

    errors = [
        float(((merge(layers[:count]).radiance - truth) / truth).square().mean())
        for count in (1, 2, 3)
    ]

    assert errors[0] > errors[1] > errors[2]


def test_the_weights_are_the_best_there_are():
    """The error is that of inverse-variance weighting, which no other weighting goes below."""
    truth = torch.full((3, 200, 200), 0.1)
    exposures = (1.0, 0.25, 4.0)

    merged = merge([shoot(truth, e, seed) for seed, e in enumerate(exposures)])

    best = sum(1 / float(variance(truth, shoot(truth, e))[0, 0, 0]) for e in exposures)
    error = merged.radiance - truth
    assert float(error.square().mean()) == pytest.approx(1 / best, rel=0.05)
    assert abs(float(error.mean())) < 0.02 * (1 / best) ** 0.5


def test_clipped_values_take_no_part():
    """Where the reference clips, the result is the dark frame's, not pulled down by the clip."""
    truth = torch.full((3, 8, 8), 3.0)

    merged = merge([shoot(truth, 1.0), shoot(truth, 0.25), shoot(truth, 4.0)])

    assert torch.allclose(merged.radiance, truth, rtol=1e-3)


def test_where_everything_clips_the_darkest_frame_is_the_bound():
    """Nothing is known but a lower bound; the highest one stands."""
    truth = torch.full((3, 8, 8), 100.0)

    merged = merge([shoot(truth, 1.0), shoot(truth, 0.25), shoot(truth, 4.0)])

    assert torch.allclose(merged.radiance, torch.full_like(truth, 4.0), rtol=1e-3)
    assert not merged.trust.any()


def test_what_moved_does_not_count():
    """With stillness 0 the other frame changes nothing, clipped or not."""
    truth = scene()
    still = torch.zeros(60, 80)

    reference = shoot(truth, 1.0)
    merged = extend(start_fusion(reference), shoot(10 * truth, 0.25), still)

    assert torch.allclose(merged.radiance, reference.radiance, rtol=1e-4)


def test_a_hole_is_raised_to_the_fill_but_never_lowered():
    """The fill stands only where nothing was measured, and never below what clipped."""
    truth = torch.full((3, 4, 4), 5.0)
    fusion = extend(start_fusion(shoot(truth, 1.0)), shoot(0.1 * truth, 0.25), torch.zeros(4, 4))

    high, low = filled(fusion, torch.full_like(truth, 4.0)), filled(fusion, 0.5 * truth / 5)

    assert torch.allclose(high, torch.full_like(truth, 4.0), rtol=1e-3)
    assert torch.allclose(low, torch.ones_like(truth), rtol=1e-3)
    seen = extend(start_fusion(shoot(truth, 1.0)), shoot(truth, 0.1))
    assert torch.allclose(filled(seen, 20 * truth), truth, rtol=1e-2)


@given(exposure=st.sampled_from([0.0625, 0.25, 4.0, 16.0]))
def test_frames_of_a_still_scene_agree_within_their_noise(exposure):
    """The disagreement of a still scene is about one standard deviation, clipped or not."""
    truth = scene()
    fusion = start_fusion(shoot(truth, 1.0, seed=5))

    score = disagreement(known(fusion), shoot(truth, exposure, seed=6))

    assert float(score.mean()) < 1.1
    assert float((score > 4).float().mean()) < 1e-3


def test_a_dark_thing_before_a_clipped_sky_disagrees():
    """A frame far darker than a clipped reference contradicts it; one far brighter does not."""
    sky = torch.full((3, 4, 4), 6.0)
    fusion = start_fusion(shoot(sky, 1.0))

    assert float(disagreement(known(fusion), shoot(0.05 * sky, 0.25)).min()) > 4
    assert float(disagreement(known(fusion), shoot(0.6 * sky, 0.25)).max()) < 1


def test_grey_judges_still_scenes_alike():
    """The mean of the channels of a still scene disagrees by one standard deviation, too."""
    truth = scene()
    fusion = start_fusion(grey(shoot(truth, 1.0, seed=5)))

    score = disagreement(known(fusion), grey(shoot(truth, 0.25, seed=6)))

    assert 0.3 < float(score.square().mean()) < 1.3


def merged_beyond_clipping(truth, exposure):
    """A reference that clips all over, and a noisy frame that does not."""
    return merge([shoot(truth, 1.0), shoot(truth, exposure, seed=3)])


def spread(radiance):
    """How far apart the colours of every pixel are."""
    return radiance.amax(0) - radiance.amin(0)


def test_codes_buried_in_noise_do_not_colour_what_the_reference_clips():
    """A frame 12 stops darker knows little of light just above clipping, and then says little."""
    truth = torch.full((3, 60, 80), 1.3)

    merged = merged_beyond_clipping(truth, 2.0**-12).radiance

    dark = shoot(truth, 2.0**-12, seed=3).radiance
    assert merged.min() >= 1
    assert (merged - truth).square().mean() < 0.1 * (dark - truth).square().mean()
    assert spread(merged).mean() < 0.05 * spread(dark).mean()


def test_light_far_above_noise_stands_whatever_the_step():
    """A lamp that even a very dark frame shows is as bright as that frame says."""
    truth = torch.full((3, 60, 80), 1000.0)

    merged = merged_beyond_clipping(truth, 2.0**-12).radiance

    torch.testing.assert_close(merged, shoot(truth, 2.0**-12, seed=3).radiance, rtol=1e-3, atol=0)


@pytest.mark.parametrize("level", [1.02, 1.5, 4.0])
def test_usual_steps_are_averaged_as_ever_beyond_clipping(level):
    """Where noise is a few percent of clipping, nothing is doubted, and nothing biased."""
    truth = torch.full((3, 60, 80), level)

    merged = merged_beyond_clipping(truth, 0.125).radiance

    torch.testing.assert_close(merged, shoot(truth, 0.125, seed=3).radiance, rtol=1e-4, atol=0)


def test_a_pair_shows_what_is_known_beyond_the_edges_of_a_layer():
    """So that a network that sees colours only finds no motion there; clipped light it sees."""
    radiance = scene()
    layer = shoot(radiance, 4.0)
    light, trust = layer.radiance.clone(), layer.trust.clone()
    light[:, :, :9], trust[:, :, :9] = 0, 0
    warped = Layer(light, trust, 4.0, NOISE)

    pair = bare_pair(start_fusion(shoot(radiance, 1.0)), warped)

    assert torch.equal(pair[3:, :, :9], pair[:3, :, :9])
    assert torch.equal(pair[3:, :, 9:], layer.radiance[:, :, 9:])
