"""The two numbers of the visual-attention paper, which are near the challenge's but not its.

A. R. Omrani and D. Moroni, High dynamic range imaging via visual attention modules, 2023, and the
program published with it. Give them pictures that are filled up with zeros, as it does.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.evaluate.comparable import of_comparable
from deghost.evaluate.psnr import NTIRE_GAMMA, NTIRE_SHARE, psnr
from deghost.radiometry.tonemap import mu_law


@of_comparable
def psnr_vam(test: Float[Tensor, "3 h w"], truth: Float[Tensor, "3 h w"]) -> Float[Tensor, ""]:
    """Compare encoded values of 0 and above by PSNR; the peak is the greatest of the truth.

    Example:
        >>> test, truth = torch.full((3, 2, 2), 3.8), torch.full((3, 2, 2), 4.0)
        >>> psnr_vam(test, truth).round(decimals=2)  # 20 log10(4 / 0.2)
        tensor(26.0200)
    """
    truth = truth.clamp(min=0)
    return psnr(test.clamp(min=0), truth, truth.amax())


@of_comparable
def psnr_mu_vam(test: Float[Tensor, "3 h w"], truth: Float[Tensor, "3 h w"]) -> Float[Tensor, ""]:
    """Compare as `psnr_mu_ntire`, but against the greatest tone-mapped value of the truth.

    That value is below 1, which costs a fraction of a decibel. The 99th percentile is the nearest
    value, not an interpolated one, and zeros filled up lower it.
    """
    light, true_light = (image.clamp(min=0) ** NTIRE_GAMMA for image in (test, truth))
    white = _nearest(true_light, NTIRE_SHARE)
    shown, true_shown = (mu_law(torch.tanh(image / white)) for image in (light, true_light))
    return psnr(shown, true_shown, true_shown.amax())


def _nearest(values: Float[Tensor, "..."], share: float) -> Float[Tensor, ""]:
    """Give the value whose place among the sorted ones is nearest to a share of them.

    Example:
        >>> _nearest(torch.arange(12.0), 0.99)
        tensor(11.)
    """
    place = math.floor(share * (values.numel() - 1) + 0.5)
    return values.flatten().kthvalue(place + 1).values
