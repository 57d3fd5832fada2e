"""Losses of masks and of radiance."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from deghost.train.losses import (
    MASK_LOSSES,
    cross_entropy,
    dice,
    dice_cross_entropy,
    dice_of_logits,
    focal,
    mu_l1,
    mu_l2,
)


def logits_and_truth(seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 5, 6, generator=generator)
    return logits, (torch.rand(2, 5, 6, generator=generator) > 0.5).float()


@pytest.mark.parametrize("name", MASK_LOSSES)
def test_a_sure_and_right_mask_costs_nothing(name):
    """A mask that agrees everywhere has a loss of nearly 0, its opposite a large one."""
    truth = logits_and_truth()[1]
    loss = MASK_LOSSES[name]

    assert loss(40 * truth - 20, truth).item() == pytest.approx(0, abs=1e-4)
    assert loss(20 - 40 * truth, truth).item() > 0.5


def test_focal_without_focus_is_half_the_cross_entropy():
    """With gamma 0 and alpha 1/2 every pixel weighs one half."""
    logits, truth = logits_and_truth()

    assert torch.allclose(focal(logits, truth, 0.5, 0.0), cross_entropy(logits, truth) / 2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_focal_is_the_paper_s_formula(seed):
    """It is -alpha_t (1 - p_t)^gamma log p_t, written out."""
    logits, truth = logits_and_truth(seed)
    p = torch.where(truth == 1, logits.sigmoid(), 1 - logits.sigmoid())
    alpha = torch.where(truth == 1, 0.25, 0.75)

    expected = (-alpha * (1 - p) ** 2 * p.log()).mean()

    assert torch.allclose(focal(logits, truth), expected, rtol=1e-4)


def test_dice_counts_mask_by_mask():
    """Of two masks, one found whole and one missed, half is lost: no mask drowns in another."""
    truth = torch.zeros(2, 10, 10)
    truth[0] = 1
    truth[1, 0, 0] = 1
    found = truth.clone()
    found[1] = 0

    assert dice(found, truth, smooth=0).item() == pytest.approx(0.5)


def test_an_empty_mask_that_stays_empty_costs_nothing():
    """The smoothing makes nothing found of nothing there a full agreement."""
    assert dice(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)).item() == 0


def test_dice_cross_entropy_is_the_sum():
    """Both parts count alike, each a mean."""
    logits, truth = logits_and_truth()

    both = dice_cross_entropy(logits, truth)

    assert torch.allclose(both, dice_of_logits(logits, truth) + cross_entropy(logits, truth))


def test_masks_of_half_precision_are_compared_in_single():
    """A network in bfloat16 does not make the loss coarse."""
    logits, truth = logits_and_truth()
    half = logits.bfloat16()

    assert cross_entropy(half, truth).dtype == torch.float32
    assert torch.allclose(
        cross_entropy(half, truth), functional.binary_cross_entropy(half.float().sigmoid(), truth)
    )


def test_radiance_is_compared_as_it_is_seen():
    """The same difference weighs more in the dark, and both losses have their known values."""
    dark, bright = torch.full((1, 3, 2, 2), 0.01), torch.full((1, 3, 2, 2), 0.9)

    assert mu_l1(dark + 0.05, dark) > 10 * mu_l1(bright + 0.05, bright)
    assert mu_l2(bright * 0 + 1, bright * 0).item() == pytest.approx(1)


def test_radiance_below_zero_still_learns():
    """A value below 0 has a gradient towards the truth."""
    radiance = torch.full((1, 3, 1, 1), -0.1, requires_grad=True)

    mu_l1(radiance, torch.full((1, 3, 1, 1), 0.2)).backward()

    assert (radiance.grad < 0).all()
