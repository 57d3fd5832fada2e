import torch
from hypothesis import given
from hypothesis import strategies as st

from deghost.radiometry.matching import LEVELS, Match, fit_match, matched


def radiance(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 2.0 ** (-8 * torch.rand(3, 150, 200, generator=generator))


@given(red=st.floats(-0.4, 0.4), blue=st.floats(-0.4, 0.4))
def test_a_change_of_white_balance_is_taken_back(red, blue):
    """A gain per channel, noise and a fifth of moved pixels leave the channels matched to 2 %."""
    target = radiance()
    gains = torch.tensor([red, 0.0, blue])[:, None, None].exp2()
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(1))
    frame = target / gains * (1 + 0.02 * noise)
    frame[:, :30] = 0.3

    match = fit_match(target, frame, 1.0, torch.ones_like(target, dtype=torch.bool))

    corrected = matched(match, frame)[:, 30:]
    error = (corrected / target[:, 30:]).log2()
    assert float(error.median(1).values.median(1).values.abs().max()) < 0.03


def test_frames_that_agree_are_left_alone():
    """With nothing but noise between two frames the gains stay below one per cent."""
    target = radiance()
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(2))
    frame = target * (1 + 0.05 * noise)

    match = fit_match(target, frame, 1.0, torch.ones_like(target, dtype=torch.bool))

    assert max(abs(stop) for channel in match.stops for stop in channel) < 0.015


def test_without_pixels_nothing_is_matched():
    """No usable pixel means no gain."""
    target = radiance()

    match = fit_match(target, target, 1.0, torch.zeros_like(target, dtype=torch.bool))

    assert all(stop == 0 for channel in match.stops for stop in channel)


@given(stops=st.lists(st.floats(-1, 1), min_size=len(LEVELS), max_size=len(LEVELS)))
def test_matching_is_continuous(stops):
    """Values that differ by little are matched to values that differ by little."""
    match = Match((tuple(stops),) * 3, 0.0, 0.0)
    values = torch.linspace(1e-4, 1, 4000).expand(3, 4000)

    ratio = (matched(match, values) / values).log2()

    level = values.log2()
    assert float((ratio.diff() / level.diff()).abs().max()) < 2.01


def test_a_few_wild_pixels_bend_no_gain():
    """Six pixels, ten times too dark, where nothing else says anything; thousands agree below."""
    generator = torch.Generator().manual_seed(0)
    frame = 2 ** (-8 + 4 * torch.rand(3, 60, 60, generator=generator))
    target = frame.clone()
    frame[:, 0, :6], target[:, 0, :6] = 2**-1.35, 2**-4.65

    match = fit_match(target, frame, 1.0, torch.ones_like(frame, dtype=torch.bool))

    assert max(abs(stops) for channel in match.stops for stops in channel) < 0.1
