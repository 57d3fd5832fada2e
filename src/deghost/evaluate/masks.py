"""How well a mask found agrees with the true one.

The measures and their mean in Omrani and Moroni, Supervised image segmentation for high dynamic
range imaging, VISAPP 2024. A pixel belongs to a mask from 0.5 up.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from deghost.evaluate.comparable import comparable


THRESHOLD = 0.5

Masks = Float[Tensor, "*batch h w"]
Scores = Float[Tensor, "*batch"]


@dataclass(frozen=True)
class Agreement:
    """Counts of pixels of each mask; ratios of nothing to nothing are 1, as nothing is missed.

    Counts may be added over images before ratios are taken; means of ratios differ from that.
    """

    hits: Scores  # in both
    false_alarms: Scores  # found, but not there
    misses: Scores  # there, but not found
    rest: Scores  # in neither

    @property
    def dice(self) -> Scores:
        """2 |A and B| / (|A| + |B|), also called F1."""
        return _ratio(2 * self.hits, self.false_alarms + self.misses)

    @property
    def jaccard(self) -> Scores:
        """|A and B| / |A or B|, also called IoU."""
        return _ratio(self.hits, self.false_alarms + self.misses)

    @property
    def sensitivity(self) -> Scores:
        """The share of the true mask that was found, also called recall."""
        return _ratio(self.hits, self.misses)

    @property
    def specificity(self) -> Scores:
        """The share of what lies outside the true mask that was left out."""
        return _ratio(self.rest, self.false_alarms)

    @property
    def area(self) -> Scores:
        """AUC of a single threshold: 1 - (FPR + FNR) / 2, the mean of the two above."""
        return (self.sensitivity + self.specificity) / 2

    @property
    def average(self) -> Scores:
        """The mean of the five others, "AVG"."""
        five = (self.dice, self.jaccard, self.sensitivity, self.specificity, self.area)
        return torch.stack(five).mean(0)


def compare_masks(test: Float[Tensor, "..."], truth: Float[Tensor, "..."]) -> Agreement:
    """Count the pixels in which two masks agree and differ, image by image.

    Raises SettingsError for masks of two shapes, of integers, or with values that are not finite.

    Example:
        >>> found, true = torch.tensor([[1.0, 1.0, 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0, 0.0]])
        >>> agreement = compare_masks(found, true)
        >>> agreement.dice, agreement.jaccard, agreement.specificity
        (tensor(0.6667), tensor(0.5000), tensor(0.6667))
    """
    test, truth = comparable(test, truth, "mask")
    found, true = test >= THRESHOLD, truth >= THRESHOLD
    return Agreement(
        _count(found & true), _count(found & ~true), _count(~found & true), _count(~found & ~true)
    )


def _count(pixels: Bool[Tensor, "*batch h w"]) -> Scores:
    return pixels.sum((-2, -1)).to(torch.get_default_dtype())


def _ratio(good: Scores, bad: Scores) -> Scores:
    """The share of good ones; 1 where there is neither."""
    total = good + bad
    return torch.where(total > 0, good / total.clamp(min=1), 1.0)
