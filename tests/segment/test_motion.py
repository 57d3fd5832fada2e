import torch
from hypothesis import given
from hypothesis import strategies as st

from deghost.segment.motion import MotionSettings, contradiction, moved


values = st.floats(0, 8)


@given(known=values, frame=values)
def test_a_clipped_scene_is_contradicted_only_from_below(known, frame):
    """What clips is at least as bright as it reads, so only a darker frame contradicts it."""
    one = torch.ones(3, 1, 1)

    difference = contradiction(known * one, 0 * one, frame * one, one)

    assert torch.allclose(
        difference, torch.tensor(min(frame - known, 0.0)).expand(3, 1, 1), atol=1e-6
    )


@given(known=values, frame=values)
def test_a_clipped_frame_contradicts_only_from_above(known, frame):
    """A frame that clips contradicts a scene that is darker than the frame reads."""
    one = torch.ones(3, 1, 1)

    difference = contradiction(known * one, one, frame * one, 0 * one)

    assert torch.allclose(
        difference, torch.tensor(max(frame - known, 0.0)).expand(3, 1, 1), atol=1e-6
    )


def test_two_clipped_values_never_contradict():
    """Neither lower bound says anything against the other."""
    one = torch.ones(3, 1, 1)

    assert not contradiction(one, 0 * one, 3 * one, 0 * one).any()
    assert not contradiction(3 * one, 0 * one, one, 0 * one).any()


def picture_with_block(level, size=30):
    difference = torch.full((200, 300), 0.8)
    difference[80 : 80 + size, 100 : 100 + size] = level
    return difference


def test_a_moving_block_is_covered_with_a_margin():
    """Every pixel of a clear difference is in the mask, and nothing far from it."""
    mask = moved(picture_with_block(9.0), MotionSettings())

    assert float(mask[80:110, 100:130].min()) > 0.9
    assert float(mask[:60].max()) == 0
    assert float(mask[:, 160:].max()) == 0


def test_noise_alone_is_not_motion():
    """Differences of one standard deviation leave the mask empty."""
    noise = torch.randn(3, 200, 300, generator=torch.Generator().manual_seed(0))

    assert not moved(noise.square().mean(0).sqrt(), MotionSettings()).any()


def test_a_hollow_thing_is_filled():
    """A thing whose inside looks like what it covers is found by its rim, and filled."""
    difference = picture_with_block(9.0, size=40)
    difference[88:112, 108:132] = 0.5

    assert float(moved(difference, MotionSettings())[100, 120]) > 0.9


def test_strength_never_loses_motion():
    """A stronger setting finds all that a weaker one finds; off finds nothing."""
    difference = picture_with_block(4.5)
    masks = [moved(difference, MotionSettings(strength=s)) for s in (0.0, 0.25, 0.5, 0.75, 1.0)]

    assert not masks[0].any()
    assert all(
        bool((after >= before).all()) for before, after in zip(masks, masks[1:], strict=False)
    )
    assert masks[-1].any()


def test_a_speck_is_not_a_moving_thing():
    """A hot pixel does not open a hole in the merge."""
    assert not moved(picture_with_block(9.0, size=1), MotionSettings()).any()
