"""What training of `segdeghost` and of its ablations makes small.

Segmentation Guided Deep HDR Deghosting (see docs/design.md): eq. 13 and tables II and IV.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from deghost.evaluate.ms_ssim import EXPONENTS, halved
from deghost.evaluate.ssim import RADIUS, compare, gaussian_inside
from deghost.train.brackets import TruthBatch
from deghost.train.loop import Loss
from deghost.train.losses import dice, toned


Images = Float[Tensor, "b c h w"]
Value = Float[Tensor, ""]


def ms_ssim_loss(found: Images, truth: Images) -> Value:
    """Compare images by 1 - MS-SSIM (Wang, Simoncelli and Bovik, Asilomar 2003).

    The paper's crops of 128 pixels hold four of the five scales: as many as fit are used, and
    their exponents scaled to the same sum.

    Example:
        >>> image = torch.rand(1, 3, 32, 32)
        >>> ms_ssim_loss(image, image).abs() < 1e-6
        tensor(True)
    """
    scales = 1 + int(math.log2((min(truth.shape[-2:]) - 1) / (2 * RADIUS)))
    exponents = EXPONENTS[: min(max(scales, 1), len(EXPONENTS))]
    total = found.new_ones(found.shape[:2], dtype=torch.float64)
    for level, exponent in enumerate(exponents):
        similarity = compare(found, truth, gaussian_inside)
        last = level == len(exponents) - 1
        kept = similarity.whole if last else similarity.structure
        power = exponent * sum(EXPONENTS) / sum(exponents)
        total = total * kept.mean((-2, -1)).clamp(min=1e-6) ** power
        if not last:
            found, truth = halved(found), halved(truth)
    return 1 - total.mean().to(found.dtype)


def l1(found: Images, truth: Images) -> Value:
    """Give the mean absolute difference."""
    return (found - truth).abs().mean()


def l2(found: Images, truth: Images) -> Value:
    """Give the mean squared difference."""
    return (found - truth).square().mean()


# table IV: the sum of these, of tone-mapped images
TONE_MAPPED: Mapping[str, tuple[Callable[[Images, Images], Value], ...]] = {
    "l2": (l2,),
    "l1": (l1,),
    "l2+l1": (l2, l1),
    "l1+ms-ssim": (l1, ms_ssim_loss),
    "l2+ms-ssim": (l2, ms_ssim_loss),
    "l1+l2+ms-ssim": (l1, l2, ms_ssim_loss),
}


def tone_mapped(found: Images, truth: Images, name: str = "l2") -> Value:
    """Compare radiance after the mu-law (mu = 5000) by a loss of `TONE_MAPPED`.

    Example:
        >>> black, white = torch.zeros(1, 3, 1, 1), torch.ones(1, 3, 1, 1)
        >>> tone_mapped(black, white, "l2+l1")
        tensor(2.)
    """
    first, second = toned(found), toned(truth)
    return torch.stack([part(first, second) for part in TONE_MAPPED[name]]).sum()


def segdeghost_loss(
    network: nn.Module, batch: TruthBatch, alpha: float, beta: float, name: str = "l2"
) -> Value:
    """Weigh the Dice loss of the other frames' motion maps against that of the picture (eq. 13).

    Without motion maps, or without their truth, or with `alpha` 0, the picture alone counts.
    """
    made = network(batch.bracket)
    value = beta * tone_mapped(made.radiance, batch.truth, name)
    if alpha == 0 or batch.motion is None or "motion" not in made.maps:
        return value
    others = [k for k in range(batch.motion.shape[1]) if k != batch.bracket.reference]
    found, moved = made.maps["motion"][:, others], batch.motion[:, others]
    return value + alpha * len(others) * dice(found, moved)


@dataclass(frozen=True)
class SegDeghostTraining:
    """How a network is trained: the stages are (share of the steps before it, alpha, beta).

    The paper changes over after 50 of 200 epochs.
    """

    stages: tuple[tuple[float, float, float], ...] = ((0.0, 1.0, 1e-4), (0.25, 1e-2, 1.0))
    pretrained: bool = True  # the motion networks start from trained weights
    name: str = "l2"  # of `TONE_MAPPED`

    def losses(self) -> tuple[tuple[float, Loss[TruthBatch]], ...]:
        """Give the losses, and the shares of all steps after which they take over."""
        return tuple(
            (share, partial(segdeghost_loss, alpha=alpha, beta=beta, name=self.name))
            for share, alpha, beta in self.stages
        )


# the ablations that train otherwise; all others train as the paper's network does
TRAININGS: Mapping[str, SegDeghostTraining] = {
    "A1": SegDeghostTraining(((0.0, 0.0, 1.0),), pretrained=False),
    "A2": SegDeghostTraining(((0.0, 1e-2, 1.0),), pretrained=False),
    **{name: SegDeghostTraining(name=name) for name in TONE_MAPPED},
}
