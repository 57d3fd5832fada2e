"""PSNR and SSIM of what a display shows after tone mapping.

The comparisons T3, T4 and T5 of Prabhakar, Agrawal and Babu, Segmentation guided deep HDR
deghosting, 2022, by the operators of Krawczyk, Reinhard and Durand in `deghost.radiometry`. That
paper does not give their settings: its numbers can be compared in their order, not in decibels.
Each picture is mapped by numbers learned from itself alone, as a viewer would see it, so an error
in one place may change the tones everywhere. Gradients pass through the curves, but not through
those numbers.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.evaluate.comparable import of_comparable
from deghost.evaluate.psnr import psnr
from deghost.evaluate.ssim import ssim
from deghost.radiometry.tonemap import tone_map


TONES = ("krawczyk", "reinhard", "durand")

Measure = Callable[[Tensor, Tensor], Tensor]


def shown(images: Float[Tensor, "*batch 3 h w"], tone: str) -> Float[Tensor, "*batch 3 h w"]:
    """Tone-map each image by itself, to sRGB codes in [0, 1]. Raises SettingsError."""
    flat = images.reshape(-1, *images.shape[-3:])
    return torch.stack([tone_map(image, tone) for image in flat]).reshape(images.shape)


@of_comparable
def psnr_shown(
    test: Float[Tensor, "*batch 3 h w"], truth: Float[Tensor, "*batch 3 h w"], tone: str
) -> Float[Tensor, "*batch"]:
    """Compare tone-mapped codes by PSNR of peak 1. Raises SettingsError for unknown tones."""
    return psnr(shown(test, tone), shown(truth, tone))


@of_comparable
def ssim_shown(
    test: Float[Tensor, "*batch 3 h w"],
    truth: Float[Tensor, "*batch 3 h w"],
    tone: str,
    ssim: Measure = ssim,
) -> Float[Tensor, "*batch"]:
    """Compare tone-mapped codes by a kind of SSIM. Raises SettingsError for unknown tones."""
    return ssim(shown(test, tone), shown(truth, tone))
