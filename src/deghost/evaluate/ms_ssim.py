"""Structural similarity at five scales.

Wang, Simoncelli and Bovik, Multi-scale structural similarity for image quality assessment,
Asilomar 2003.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from deghost.evaluate.comparable import of_comparable
from deghost.evaluate.ssim import SIDE, check_size, compare, gaussian_inside


EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # from the finest scale to the coarsest
SMALLEST = (SIDE - 1) * 2 ** (len(EXPONENTS) - 1) + 1  # pixels


@of_comparable
def ms_ssim(
    test: Float[Tensor, "*batch 3 h w"], truth: Float[Tensor, "*batch 3 h w"], peak: float = 1.0
) -> Float[Tensor, "*batch"]:
    """Compare contrast and structure at five scales and luminance at the coarsest, per colour.

    Each scale is half the one before, by averages of 2 x 2 pixels. A negative mean similarity of
    structure counts as 0. Raises SettingsError for an image of less than 161 pixels a side.

    Example:
        >>> ms_ssim(torch.full((3, 161, 161), 0.6), torch.full((3, 161, 161), 0.5)).item() ** (
        ...     1 / 0.1333
        ... )
        0.983...
    """
    check_size(truth, SMALLEST)
    first, second = test.double(), truth.double()
    total = test.new_ones(test.shape[:-2], dtype=torch.float64)
    for exponent in EXPONENTS[:-1]:
        structure = compare(first, second, gaussian_inside, peak).structure
        total = total * _power(structure, exponent)
        first, second = halved(first), halved(second)
    whole = compare(first, second, gaussian_inside, peak).whole
    return (total * _power(whole, EXPONENTS[-1])).mean(-1).to(test.dtype)


def halved(images: Float[Tensor, "*batch 3 h w"]) -> Float[Tensor, "*batch 3 y x"]:
    """Average blocks of 2 x 2 pixels; an odd last row or column is repeated.

    Example:
        >>> halved(torch.arange(3.0).expand(3, 1, 3))[0]
        tensor([[0.5000, 2.0000]])
    """
    flat = images.reshape(-1, *images.shape[-3:])
    below, right = (side % 2 for side in images.shape[-2:])
    small = functional.avg_pool2d(functional.pad(flat, (0, right, 0, below), mode="replicate"), 2)
    return small.reshape(*images.shape[:-2], *small.shape[-2:])


def _power(similarity: Float[Tensor, "*batch 3 y x"], exponent: float) -> Float[Tensor, "*batch 3"]:
    return similarity.mean((-2, -1)).clamp(min=0) ** exponent
