"""Peak signal-to-noise ratios of the field, in decibels: one number an image, over all its colours.

They differ in the domain, in the peak and in what is clipped; only equal ones can be compared.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.evaluate.comparable import of_comparable
from deghost.radiometry.tonemap import mu_law


NTIRE_GAMMA = 2.24  # of the codes of HdM-HDR-2014, from which the challenge was made
NTIRE_SHARE = 0.99  # of the truth's values lie below the one that is taken as 1


@of_comparable
def psnr(
    test: Float[Tensor, "*batch 3 h w"],
    truth: Float[Tensor, "*batch 3 h w"],
    peak: Float[Tensor, "*batch"] | float = 1.0,
) -> Float[Tensor, "*batch"]:
    """Compare values as they are, against a peak; on linear light it is the field's PSNR-L.

    Nothing is clipped, and the peak is 1 even where the truth goes further or not so far: linear
    light of four times the scale loses 12 dB. Infinite for equal images.

    Example:
        >>> psnr(torch.full((3, 2, 2), 0.6), torch.full((3, 2, 2), 0.5)).round(decimals=3)
        tensor(20.)
    """
    error = (test - truth).square().mean((-3, -2, -1), dtype=torch.float64)
    return (10 * torch.log10(peak**2 / error)).to(test.dtype)


@of_comparable
def psnr_mu(
    test: Float[Tensor, "*batch 3 h w"], truth: Float[Tensor, "*batch 3 h w"], clip: bool = False
) -> Float[Tensor, "*batch"]:
    """Compare by PSNR what `mu_law` (mu = 5000) makes of linear light; `clip` ends it at 1 before.

    Kalantari and Ramamoorthi, Deep high dynamic range imaging of dynamic scenes, SIGGRAPH 2017.
    Published programs do not clip; they neither normalise by a maximum nor by a percentile.

    Example:
        >>> test, truth = torch.full((3, 2, 2), 2.0), torch.ones(3, 2, 2)
        >>> psnr_mu(test, truth).round(decimals=2), psnr_mu(test, truth, clip=True)
        (tensor(21.7900), tensor(inf))
    """
    return psnr(*(mu_law(image.clamp(max=1) if clip else image) for image in (test, truth)))


@of_comparable
def psnr_ntire(
    test: Float[Tensor, "*batch 3 h w"], truth: Float[Tensor, "*batch 3 h w"]
) -> Float[Tensor, "*batch"]:
    """Compare gamma-encoded values, divided by their alignment ratio, against the truth's greatest.

    The "PSNR" of Perez-Pellitero et al., NTIRE challenge on high dynamic range imaging, CVPRW 2021
    and 2022. The values are codes, not light.

    Example:
        >>> test, truth = torch.full((3, 2, 2), 3.8), torch.full((3, 2, 2), 4.0)
        >>> psnr_ntire(test, truth).round(decimals=2)  # 20 log10(4 / 0.2)
        tensor(26.0200)
    """
    return psnr(test, truth, truth.amax((-3, -2, -1)))


@of_comparable
def psnr_mu_ntire(
    test: Float[Tensor, "*batch 3 h w"], truth: Float[Tensor, "*batch 3 h w"]
) -> Float[Tensor, "*batch"]:
    """Compare encoded values, divided by their alignment ratio, as the NTIRE challenges tone-map.

    Light is `codes ** 2.24`, divided by the 99th percentile of the truth's, bent by tanh, then by
    the mu-law; the peak is 1. Its source is that of `psnr_ntire`.
    """
    light, true_light = (image.clamp(min=0) ** NTIRE_GAMMA for image in (test, truth))
    white = percentile(true_light, NTIRE_SHARE)[..., None, None, None]
    return psnr(mu_law(torch.tanh(light / white)), mu_law(torch.tanh(true_light / white)))


def percentile(images: Float[Tensor, "*batch 3 h w"], share: float) -> Float[Tensor, "*batch"]:
    """Give the value below which a share of each image's values lies, interpolated linearly.

    Example:
        >>> percentile(torch.arange(12.0).reshape(3, 2, 2), 0.99).round(decimals=2)
        tensor(10.8900)
    """
    flat = images.flatten(-3)
    position = share * (flat.shape[-1] - 1)
    below = int(position)
    low = flat.kthvalue(below + 1).values
    high = flat.kthvalue(min(below + 2, flat.shape[-1])).values
    return torch.lerp(low, high, position - below)
