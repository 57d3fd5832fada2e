import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deghost.radiometry.contradiction import contradictions, listed
from deghost.radiometry.exposure import (
    NOMINAL_TIMES,
    Step,
    ev100,
    exposures_from_bias,
    exposures_from_captures,
    fit_ratios,
    fit_steps,
    fitted_exposures,
    relative_exposure,
    snap_time,
)
from deghost.types import Capture, Exposure


@given(
    time=st.floats(1e-5, 60),
    iso=st.floats(25, 102400),
    aperture=st.floats(0.7, 64),
)
def test_exposure_value_is_the_textbook_formula(time, iso, aperture):
    """EV100 = log2(N² / t) - log2(S / 100)."""
    expected = math.log2(aperture**2 / time) - math.log2(iso / 100)

    assert ev100(relative_exposure(time, iso, aperture)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("nominal", "true"),
    [(1 / 30, 1 / 32), (1 / 60, 1 / 64), (1 / 125, 1 / 128), (1 / 2000, 1 / 2048), (15, 16)],
)
def test_nominal_times_snap_to_powers_of_two(nominal, true):
    """Full stops of a shutter are powers of two, whatever is printed on the dial."""
    assert snap_time(nominal) == true


@pytest.mark.parametrize("nominal", NOMINAL_TIMES)
def test_snapping_moves_a_time_by_less_than_a_tenth_of_a_stop(nominal):
    """Every time that cameras print lies close to a third of a stop."""
    assert abs(math.log2(snap_time(nominal) / nominal)) < 0.1


def test_times_of_phones_are_left_alone():
    """A time that no dial shows, or that the shutter speed value contradicts, is true as it is."""
    assert snap_time(1 / 33) == 1 / 33
    assert snap_time(1 / 60, shutter_speed=5.5) == 1 / 60


def test_one_true_time_makes_all_times_true():
    """A camera that writes 1/240 s for one frame means 1/60 s by 1/60 s in the next."""
    first, second = exposures_from_captures([Capture(time=1 / 240), Capture(time=1 / 60)])

    assert second.value / first.value == pytest.approx(4)


def test_iso_counts_as_much_as_time():
    """Two frames of one time, one at four times the ISO, are two stops apart."""
    captures = [Capture(time=0.02, iso=125, aperture=2), Capture(time=0.02, iso=500, aperture=2)]

    first, second = exposures_from_captures(captures)

    assert second.value / first.value == pytest.approx(4)


def test_an_aperture_missing_from_one_frame_is_ignored_in_all():
    """A manual lens, f-number 0 or absent, never makes an exposure infinite."""
    captures = [Capture(time=0.01, aperture=8.0), Capture(time=0.04, aperture=None)]

    first, second = exposures_from_captures(captures)

    assert second.value / first.value == pytest.approx(4, rel=0.05)


def test_missing_times_give_no_exposures():
    """Without a time in every frame nothing is guessed from the others."""
    assert exposures_from_captures([Capture(time=0.1), Capture(iso=100)]) is None


def test_repeated_biases_say_nothing():
    """Two bursts of -2, 0, +2 in one bracket would make three pairs of equal exposure."""
    assert exposures_from_bias([Capture(bias=b) for b in (-2.0, 0.0, 2.0, -2.0)]) is None
    assert [e.value for e in exposures_from_bias([Capture(bias=b) for b in (0.0, 2.0)])] == [1, 4]


def scene(seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 24, 32, generator=generator) ** 3
    fine = torch.nn.functional.interpolate(coarse, (192, 256), mode="bilinear")[0]
    return fine * 4


@given(stops=st.floats(0.5, 4.0), gain=st.floats(0.05, 0.5))
def test_ratios_are_found_from_pixels_alone(stops, gain):
    """Two noisy, clipped, quantised linear frames tell their ratio to 3 % of a stop."""
    generator = torch.Generator().manual_seed(1)
    frames = []
    for exposure in (gain / 2**stops * 2, gain * 2):
        light = scene() * exposure
        light = light + torch.randn(light.shape, generator=generator) * (1e-4 * light).sqrt()
        frames.append((light.clamp(0, 1) * 4095).round() / 4095)

    (ratio,) = fit_ratios(torch.stack(frames))

    assert ratio == pytest.approx(stops, abs=0.03)


def test_a_moving_object_does_not_move_the_ratio():
    """The median holds when a fifth of the picture shows something else."""
    dark, bright = scene() / 8, scene() / 2
    bright[:, :, :51] = 0.5

    (ratio,) = fit_ratios(torch.stack([dark.clamp(max=1), bright.clamp(max=1)]))

    assert ratio == pytest.approx(2, abs=0.1)


def test_frames_without_common_pixels_have_no_ratio():
    """A black frame beside a white one tells nothing, and the step is assumed and said so."""
    frames = torch.stack([torch.zeros(3, 64, 64), torch.ones(3, 64, 64)])

    ratios = fit_ratios(frames)

    assert ratios == [None]
    assert "assumed" in fitted_exposures(ratios)[1].source


def test_only_gross_errors_contradict_the_exposures():
    """A tone curve bends a ratio by half; a stop and a half of nothing for two stops is wrong."""
    exposures = [Exposure(1.0, ""), Exposure(4.0, "")]

    assert contradictions("ab", exposures, [Step(2.9, 0.0)]) == []
    assert contradictions("ab", exposures, [None]) == []
    assert contradictions("ab", exposures, [Step(0.1, 0.0)])[0].certain


def test_a_contradiction_is_certain_only_if_the_picture_agrees_on_it():
    """A wrong time leaves one ratio everywhere; a frame that lies upside down leaves none."""
    exposures = [Exposure(1.0, ""), Exposure(16.0, "")]
    dark, bright = scene() / 16, scene() / 8

    (wrong_time,) = contradictions("ab", exposures, fit_steps(torch.stack([dark, bright])))
    (turned,) = contradictions("ab", exposures, fit_steps(torch.stack([dark, bright.flip(1, 2)])))

    assert wrong_time.certain
    assert not turned.certain


def test_many_contradictions_are_not_all_told():
    """Three are named and the rest counted, so that the note stays one line."""
    exposures = [Exposure(4.0**k, "") for k in range(6)]

    note = listed(contradictions("abcdef", exposures, [Step(-0.001, 0.0)] * 5))

    assert note.endswith("c to d is +2.00 EV, but +0.00 EV in the pixels, and 2 more")
