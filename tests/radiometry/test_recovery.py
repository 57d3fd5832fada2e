import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deghost.errors import BracketError
from deghost.radiometry.disagreement import explains_better, response_disagreement
from deghost.radiometry.recovery import _isotonic, recover_response
from deghost.radiometry.response import encode, named_response
from deghost.radiometry.sampling import choose_samples
from deghost.types import Response


def film(linear):
    """A steep S-curve on top of sRGB, as picture styles have it."""
    code = encode(linear, "srgb")
    return code**1.4 / (code**1.4 + 0.8 * (1 - code).clamp(min=0) ** 1.4)


CAMERAS = {
    "srgb": lambda linear: encode(linear, "srgb"),
    "gamma2.2": lambda linear: encode(linear, "gamma2.2"),
    "film": film,
}
THREE = torch.tensor([0.25, 1.0, 4.0])
FIVE = torch.tensor([0.25, 0.5, 1.0, 2.0, 4.0])


def photograph(light, exposures, camera, seed=0, noise=0.005):
    """Frames of a scene as 8-bit codes, with photon-like and read noise."""
    generator = torch.Generator().manual_seed(seed)
    linear = light * exposures.view(-1, *[1] * light.dim())
    linear = linear * (1 + noise * torch.randn(linear.shape, generator=generator))
    linear = linear + noise / 20 * torch.randn(linear.shape, generator=generator)
    return (CAMERAS[camera](linear.clamp(0, 1)) * 255).round() / 255


def scene_points(count=1500, seed=1):
    """Light of points whose brightness is spread over twelve stops."""
    generator = torch.Generator().manual_seed(seed)
    return 2 ** (12 * torch.rand(3, count, generator=generator) - 9)


def scene_image(h=160, w=240, seed=2):
    """A smooth scene of about eleven stops with a little texture."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, 3, 6, 8, generator=generator)
    stops = torch.nn.functional.interpolate(coarse, (h, w), mode="bicubic")[0]
    return 2 ** (2.2 * stops - 2 + 0.02 * torch.randn(3, h, w, generator=generator))


def log_error(response, camera, channel=1):
    """Greatest error in ln exposure over the codes 26 to 230, the free scale aside."""
    linear = torch.linspace(0, 1, 200_001, dtype=torch.float64)
    codes = CAMERAS[camera](linear).numpy()
    middle = slice(26, 231)
    truth = np.interp(np.linspace(0, 1, 256)[middle], codes, linear.numpy())
    error = np.log(response.table[channel, middle] / truth)
    return np.abs(error - np.median(error)).max()


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("exposures", [THREE, FIVE], ids=["three", "five"])
@pytest.mark.parametrize("method", ["debevec", "robertson"])
def test_the_camera_is_recovered(camera, exposures, method):
    """From noisy 8-bit samples either method finds the curve to 0.03 in ln exposure."""
    samples = photograph(scene_points(), exposures, camera)

    response = recover_response(samples, exposures, method)

    assert max(log_error(response, camera, channel) for channel in range(3)) < 0.03


@pytest.mark.parametrize("method", ["debevec", "robertson"])
def test_things_that_move_do_not_bend_the_curve(method):
    """One sample in ten shows something else in one frame, and the curve stays."""
    samples = photograph(scene_points(), THREE, "film")
    generator = torch.Generator().manual_seed(3)
    moved = torch.rand(samples.shape, generator=generator) < 0.1
    other = photograph(scene_points(seed=4), THREE, "film")

    response = recover_response(torch.where(moved, other, samples), THREE, method)

    assert log_error(response, "film") < 0.03


def test_debevec_agrees_with_opencv():
    """On clean samples OpenCV's own implementation finds the same curve."""
    samples = photograph(scene_points(), FIVE, "film")
    images = [
        np.repeat((code[1] * 255).round().byte().numpy().reshape(30, 50, 1), 3, 2)
        for code in samples
    ]
    calibration = cv2.createCalibrateDebevec(samples=400, lambda_=10)

    theirs = calibration.process(images, FIVE.numpy())[26:231, 0, 1]
    ours = recover_response(samples, FIVE).table[1, 26:231]

    difference = np.log(ours / theirs)
    assert np.abs(difference - np.median(difference)).max() < 0.03


@pytest.mark.parametrize("method", ["debevec", "robertson"])
def test_a_response_rises_from_black_to_white(method):
    """Black is 0, white is 1, nothing falls in between, and the mid code is grey."""
    table = recover_response(photograph(scene_points(), THREE, "film"), THREE, method).table

    assert np.all(table[:, 0] == 0)
    np.testing.assert_allclose(table[:, -1], 1)
    assert np.all(np.diff(table, axis=1) >= 0)
    np.testing.assert_allclose(table[:, 128], table[0, 128], rtol=0.02)


def test_grey_stays_grey():
    """A camera that treats its channels alike gets three like curves from coloured light."""
    light = scene_points() * torch.tensor([[2.0], [1.0], [0.4]])

    table = recover_response(photograph(light, FIVE, "film"), FIVE).table

    spread = table.max(0) / table.min(0).clip(1e-9)
    assert spread[26:].max() < 1.02


def test_only_ratios_of_exposures_matter():
    """Seconds or relative exposures give the same response."""
    samples = photograph(scene_points(), THREE, "film")

    np.testing.assert_allclose(
        recover_response(samples, THREE).table,
        recover_response(samples, THREE / 128).table,
        rtol=1e-6,
    )


def test_where_no_data_are_the_curve_runs_parallel_to_srgb():
    """Samples between codes 0.2 and 0.7 leave the shape of the rest to sRGB."""
    samples = photograph(scene_points(4000), FIVE, "srgb")
    inside = ((samples > 0.2) & (samples < 0.7)).sum(0).amin(0) >= 2
    limited = torch.where((samples > 0.2) & (samples < 0.7), samples, torch.ones(()))

    response = recover_response(limited[:, :, inside], FIVE)

    ratio = response.table[1, 5:] / named_response("srgb").table[1, 5 * 257 :: 257]
    assert ratio.max() / ratio.min() < 1.03


@pytest.mark.parametrize(
    ("samples", "exposures"),
    [
        (torch.full((3, 3, 500), 0.999), THREE),
        (torch.zeros(3, 3, 500), THREE),
        (torch.full((1, 3, 500), 0.5), torch.ones(1)),
        (torch.full((2, 3, 500), 0.5), torch.ones(2)),
        (torch.full((3, 3, 10), 0.5), THREE),
    ],
)
def test_a_bracket_that_cannot_tell_says_so(samples, exposures):
    """Clipped, single, equal or too few samples end in one readable line."""
    with pytest.raises(BracketError, match="cannot be recovered"):
        recover_response(samples, exposures)


def test_samples_are_smooth_spread_and_rising():
    """The chosen points lie in smooth parts, at all brightnesses, and rise with the exposure."""
    light = scene_image()
    light[:, 80:, :] *= 2 ** torch.randn(80, 240, generator=torch.Generator().manual_seed(5))
    frames = photograph(light, THREE, "film")

    samples = choose_samples(frames, 300)

    assert samples.shape == (3, 3, 300)
    assert (samples.diff(dim=0) > -2 / 255).all()
    assert samples[1].quantile(0.9) - samples[1].quantile(0.1) > 0.5
    in_smooth_half = torch.isin(samples[1, 0], frames[1, 0, :80]).float().mean()
    assert in_smooth_half > 0.5


def test_a_bracket_in_the_wrong_order_offers_no_samples():
    """Frames that get darker with the exposure are not sampled at all."""
    frames = torch.stack([torch.full((3, 40, 40), level) for level in (0.8, 0.5, 0.2)])

    with pytest.raises(BracketError, match="no pixel gets brighter"):
        choose_samples(frames, 100)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 50))
@settings(max_examples=30, deadline=None)
def test_any_size_of_image_gives_samples(h, w, count):
    """Sampling needs no minimal size, and never gives more than asked."""
    frames = torch.linspace(0.1, 0.9, 3)[:, None, None, None].expand(3, 3, h, w)

    samples = choose_samples(frames, count)

    assert 1 <= samples.shape[2] <= count


def test_a_whole_bracket_with_a_passer_by_gives_the_camera():
    """Images in, response out, though something bright crosses the picture."""
    frames = photograph(scene_image(), THREE, "film")
    frames[1, :, 40:120, 60:110] = 0.9

    response = recover_response(choose_samples(frames, 1500), THREE)

    assert log_error(response, "film") < 0.04


def test_the_right_response_is_told_from_the_wrong_one():
    """sRGB fails visibly on a film-like camera; the recovered curve explains its pixels."""
    frames = photograph(scene_image(), THREE, "film")

    assumed = response_disagreement(frames, THREE, named_response("srgb"))
    response = recover_response(choose_samples(frames, 1500), THREE)
    recovered = response_disagreement(frames, THREE, response)

    assert assumed.bias > 0.2
    assert recovered.bias < 0.03
    assert explains_better(recovered, assumed)
    assert len(recovered.codes) == len(recovered.errors) > 5
    assert recovered.pixels == assumed.pixels > 10_000


def test_srgb_is_kept_where_it_is_right():
    """Pixels of an sRGB camera give no reason to leave sRGB."""
    frames = photograph(scene_image(), THREE, "srgb")

    assumed = response_disagreement(frames, THREE, named_response("srgb"))
    recovered = response_disagreement(
        frames, THREE, recover_response(choose_samples(frames, 1500), THREE)
    )

    assert assumed.bias < 0.03
    assert not explains_better(recovered, assumed)


def test_a_wrong_gamma_is_off_by_its_share_of_the_step():
    """Gamma 2.2 read as gamma 1.1 halves every step of two stops: one stop too few."""
    frames = photograph(scene_image(), THREE, "gamma2.2", noise=0.0)
    response = Response("half", np.linspace(0, 1, 4096)[None].repeat(3, 0) ** 1.1)

    error = response_disagreement(frames, THREE, response)

    assert error.bias == pytest.approx(1, abs=0.02)
    assert np.median(error.errors) == pytest.approx(-1, abs=0.02)


def test_frames_without_overlap_disagree_about_nothing():
    """Where no pixel is well exposed twice, nothing is claimed."""
    frames = torch.stack([torch.zeros(3, 20, 20), torch.ones(3, 20, 20)])

    error = response_disagreement(frames, torch.tensor([1.0, 4.0]), named_response("srgb"))

    assert (error.bias, error.pixels, error.codes) == (0, 0, ())


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
@settings(deadline=None)
def test_the_isotonic_projection_rises_and_keeps_the_mean(values):
    """Pooling makes a curve rise without moving its mean; a rising curve stays as it is."""
    curve = torch.tensor(values, dtype=torch.float64)

    rising = _isotonic(curve)

    assert (rising.diff() >= -1e-12).all()
    assert rising.mean().item() == pytest.approx(curve.mean().item(), abs=1e-9)
    torch.testing.assert_close(_isotonic(rising), rising)


def test_wide_steps_leave_no_ripple():
    """Frames 3 EV apart cannot see a ripple of that period; the recovered curve has none."""
    generator = torch.Generator().manual_seed(3)
    light = 2.0 ** (9 * torch.rand(1, 3, 1500, generator=generator) - 9)
    exposures = torch.tensor([1 / 64, 1 / 8, 1.0, 8.0])
    linear = light * exposures[:, None, None]
    linear = (linear * (1 + 0.03 * torch.randn(linear.shape, generator=generator))).clamp(0, 1)
    moved = torch.rand(linear.shape, generator=generator) < 0.1
    linear = torch.where(moved, torch.rand(linear.shape, generator=generator) ** 3, linear)
    codes = (encode(linear, "srgb") * 255).round() / 255

    table = recover_response(codes, exposures).table[1]

    codes = np.array([32, 48, 64, 96, 128, 160, 192, 224]) / 255
    recovered = np.log2(np.interp(codes, np.linspace(0, 1, len(table)), table))
    truth = np.log2(((codes + 0.055) / 1.055) ** 2.4)
    assert np.ptp(recovered - truth) < 0.1
