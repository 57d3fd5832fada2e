import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deghost.errors import SettingsError
from deghost.evaluate.masks import compare_masks


FOUND = torch.tensor([[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
TRUE = torch.tensor([[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])


def test_counts_and_ratios_by_hand():
    """Two hits, one false alarm, one miss and four others."""
    agreement = compare_masks(FOUND, TRUE)

    assert [agreement.hits, agreement.false_alarms, agreement.misses, agreement.rest] == [
        2,
        1,
        1,
        4,
    ]
    assert agreement.dice == pytest.approx(2 * 2 / (3 + 3))
    assert agreement.jaccard == pytest.approx(2 / 4)
    assert agreement.sensitivity == pytest.approx(2 / 3)
    assert agreement.specificity == pytest.approx(4 / 5)
    assert agreement.area == pytest.approx(1 - (1 / 5 + 1 / 3) / 2)
    assert agreement.average == pytest.approx((2 / 3 + 1 / 2 + 2 / 3 + 4 / 5 + 11 / 15) / 5)


@given(st.integers(1, 8), st.integers(1, 8))
def test_dice_follows_from_jaccard(height, width):
    """Dice is 2 J / (1 + J), never less than Jaccard, for any two masks."""
    found, true = torch.rand(3, height, width), torch.rand(3, height, width)

    agreement = compare_masks(found, true)

    expected = 2 * agreement.jaccard / (1 + agreement.jaccard)
    assert torch.allclose(agreement.dice, expected)
    assert (agreement.dice >= agreement.jaccard).all()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_equal_masks_are_perfect(value):
    """Empty and full masks too: there is nothing to miss."""
    mask = torch.full((4, 4), value)

    assert compare_masks(mask, mask).average == 1


def test_an_empty_guess_at_something():
    """It has no hits, but leaves out all that it should."""
    agreement = compare_masks(torch.zeros(2, 4), TRUE)

    assert [agreement.dice, agreement.jaccard, agreement.sensitivity] == [0, 0, 0]
    assert agreement.specificity == 1
    assert agreement.area == 0.5


def test_half_belongs_to_the_mask():
    """Soft masks are cut at 0.5."""
    soft = torch.tensor([[0.5, 0.49]])

    assert compare_masks(soft, torch.tensor([[1.0, 0.0]])).dice == 1


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (FOUND[:1], "masks of 4x1 and 4x2 pixels cannot be compared"),
        (FOUND[None], "masks of 1x2x4 and 2x4 cannot be compared"),
        (FOUND / 0, "a mask has values that are not finite"),
    ],
)
def test_masks_that_cannot_be_compared_are_refused(test, message):
    """They would be stretched over each other, or counted as empty."""
    with pytest.raises(SettingsError, match=message):
        compare_masks(test, TRUE)


def test_masks_of_a_batch_count_for_themselves():
    """Scores have the shape of the batch."""
    agreement = compare_masks(torch.stack([FOUND, TRUE]), torch.stack([TRUE, TRUE]))

    assert agreement.dice.tolist() == pytest.approx([2 / 3, 1])
    assert math.isclose(agreement.hits.sum().item(), 5)
