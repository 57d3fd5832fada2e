"""What BracketIRE measures: packed mosaics developed in one fixed way, without their borders.

Zhang, Zhang, Wang and Zuo, Bracketing is all you need: unifying image restoration and enhancement
tasks with multi-exposure images, ICLR 2025. With the demosaicing network of that benchmark, see
`deghost.evaluate.demosaic`, numbers are those of `bracketire`; with any other, they are
`bracketire-approx`. The truth that comes with it was developed by the network: an approximation
must develop the mosaic of the truth as well, as the two demosaics alone are about 30 dB apart.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from deghost.evaluate.comparable import of_comparable
from deghost.evaluate.demosaic import Demosaic
from deghost.evaluate.psnr import psnr
from deghost.evaluate.ssim import SIDE, check_size, compare, gaussian_inside, pooled
from deghost.radiometry.tonemap import mu_law


BRIGHTEST = 16.0  # what the shortest exposure can hold, in the scale of the middle one
CODES = 65535
CROP, LARGE_CROP = 10, 16  # pixels a side, the second for the four times larger truth
# The server of the NTIRE 2024 challenge crops nothing: crop = 0.

Packed = Float[Tensor, "*batch 4 h w"]  # R, G, G, B


@dataclass(frozen=True)
class Development:
    """How a camera's mosaic becomes a picture, as its metadata say."""

    red_gain: float
    blue_gain: float
    to_rgb: Float[Tensor, "3 3"]  # from white-balanced camera RGB


def develop(
    mosaic: Packed, development: Development, demosaic: Demosaic
) -> Float[Tensor, "*batch 3 y x"]:
    """Turn linear packed mosaics into mu-law pictures of 16 bits, as values in [0, 1].

    1.0 of the mosaic is the clipping of the middle exposure. Codes are cut off, not rounded.
    """
    gains = mosaic.new_tensor([development.red_gain, 1, 1, development.blue_gain])
    balanced = (mosaic / BRIGHTEST * gains[:, None, None]).clamp(0, 1)
    camera = demosaic(functional.pixel_shuffle(balanced, 2)[..., 0, :, :])
    matrix = development.to_rgb.to(camera)
    picture = torch.einsum("d c, ... c y x -> ... d y x", matrix, camera).clamp(0, 1)
    return (mu_law(picture) * CODES).floor() / CODES


@of_comparable
def psnr_bracketire(
    test: Float[Tensor, "*batch 3 h w"], truth: Float[Tensor, "*batch 3 h w"], crop: int = CROP
) -> Float[Tensor, "*batch"]:
    """Compare developed pictures inside their borders by PSNR of peak 1, which is code 65535."""
    return psnr(inside(test, crop), inside(truth, crop))


@of_comparable
def ssim_bracketire(
    test: Float[Tensor, "*batch 3 h w"], truth: Float[Tensor, "*batch 3 h w"], crop: int = CROP
) -> Float[Tensor, "*batch"]:
    """Compare developed pictures inside their borders by SSIM.

    Gaussian window of 11 x 11, only where it fits whole, variances of samples, range 1.
    Raises SettingsError for a picture smaller than the window.
    """
    test, truth = inside(test, crop), inside(truth, crop)
    check_size(truth, SIDE)
    samples = SIDE**2
    similarity = compare(test, truth, gaussian_inside, excess=samples / (samples - 1))
    return pooled(similarity.whole).to(test.dtype)


def inside(images: Float[Tensor, "*batch 3 h w"], crop: int) -> Float[Tensor, "*batch 3 y x"]:
    """Cut off as many pixels from each side; what is measured by LPIPS as well."""
    h, w = images.shape[-2:]
    return images[..., crop : h - crop, crop : w - crop]
