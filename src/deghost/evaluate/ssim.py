"""Structural similarity in the three ways in which the field's programs compute it.

Wang, Bovik, Sheikh and Simoncelli, Image quality assessment: from error visibility to structural
similarity, IEEE TIP 2004. Windows, borders and ranges differ, and so do the numbers.
Statistics are computed in double precision: in single, they are noise where an image is flat.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from deghost.errors import SettingsError
from deghost.evaluate.comparable import of_comparable
from deghost.radiometry.tonemap import mu_law


K1, K2 = 0.01, 0.03
SIGMA, RADIUS = 1.5, 5  # pixels, of the Gaussian window
SIDE = 2 * RADIUS + 1
UNIFORM = 7  # pixels: the side of scikit-image's window
STRIP = 48  # rows at a time: what the caches like
UNIFORM_PEAK = 2.0  # what old releases take as the range of floating-point images

Images = Float[Tensor, "*batch c h w"]
Average = Callable[[Images], Float[Tensor, "*batch c y x"]]


@dataclass(frozen=True)
class Similarity:
    """How alike two images are around each pixel."""

    luminance: Float[Tensor, "*batch c y x"]
    structure: Float[Tensor, "*batch c y x"]  # contrast and structure

    @property
    def whole(self) -> Float[Tensor, "*batch c y x"]:
        """The product of both: the SSIM map."""
        return self.luminance * self.structure


@of_comparable
def ssim(
    test: Float[Tensor, "*batch 3 h w"], truth: Float[Tensor, "*batch 3 h w"]
) -> Float[Tensor, "*batch"]:
    """Compare as the Python programs of the field do: in 2-D, per colour, clipped to [0, 1].

    Gaussian window of 11 x 11 pixels, sigma 1.5, only where it fits whole; range 1; biased
    variances. Those programs compute with 255 as white, which is the same.
    Raises SettingsError for an image smaller than the window.

    Example:
        >>> ssim(torch.full((3, 16, 16), 0.6), torch.full((3, 16, 16), 0.5)).round(decimals=4)
        tensor(0.9836)
    """
    check_size(truth, SIDE)
    similarity = compare(test.clamp(0, 1), truth.clamp(0, 1), gaussian_inside)
    return pooled(similarity.whole).to(test.dtype)


@of_comparable
def ssim_volume(
    test: Float[Tensor, "*batch 3 h w"], truth: Float[Tensor, "*batch 3 h w"]
) -> Float[Tensor, "*batch"]:
    """Compare as MATLAB's `ssim` does an h x w x 3 array of reals: as a volume of three slices.

    The Gaussian window is 11 x 11 x 11, so colours mix; all three axes go on past their ends with
    the last value; range 1; nothing is clipped.
    """
    return pooled(compare(test, truth, _volume).whole).to(test.dtype)


@of_comparable
def ssim_uniform(
    test: Float[Tensor, "*batch 3 h w"], truth: Float[Tensor, "*batch 3 h w"]
) -> Float[Tensor, "*batch"]:
    """Compare as scikit-image up to 0.19 does by default: in 7 x 7 windows of equal weight.

    Sample variances, only where the window fits whole, and range 2, as its floating-point images
    may go from -1 to 1: values are higher than with range 1.
    Raises SettingsError for an image smaller than the window.
    """
    check_size(truth, UNIFORM)
    samples = UNIFORM**2
    average = partial(_slide, weights=(1 / UNIFORM,) * UNIFORM)
    similarity = compare(test, truth, average, UNIFORM_PEAK, samples / (samples - 1))
    return pooled(similarity.whole).to(test.dtype)


@of_comparable
def ssim_mu(
    test: Float[Tensor, "*batch 3 h w"],
    truth: Float[Tensor, "*batch 3 h w"],
    ssim: Callable[[Tensor, Tensor], Tensor] = ssim,
) -> Float[Tensor, "*batch"]:
    """Compare by a kind of SSIM what `mu_law` (mu = 5000) makes of linear light."""
    return ssim(mu_law(test), mu_law(truth))


def compare(
    test: Images, truth: Images, average: Average, peak: float = 1.0, excess: float = 1.0
) -> Similarity:
    """Compare two images by their local means, variances and covariance, in double precision.

    `average` gives the mean around each pixel, `excess` is what variances are multiplied by.
    """
    test, truth = test.double(), truth.double()
    mean, true_mean = average(test), average(truth)
    squares = average(test.square() + truth.square())
    products = average(test * truth)
    mean_squares, mean_product = mean.square() + true_mean.square(), mean * true_mean
    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    return Similarity(
        luminance=(2 * mean_product + c1) / (mean_squares + c1),
        structure=(2 * excess * (products - mean_product) + c2)
        / (excess * (squares - mean_squares) + c2),
    )


def pooled(similarity: Images) -> Float[Tensor, "*batch"]:
    """Average a map over places and colours."""
    return similarity.mean((-3, -2, -1))


def gaussian(radius: int = RADIUS, sigma: float = SIGMA) -> tuple[float, ...]:
    """Give the weights of a Gaussian window, whose sum is 1.

    Example:
        >>> [round(weight, 4) for weight in gaussian(1)]
        [0.3078, 0.3844, 0.3078]
    """
    weights = [math.exp(-(x**2) / (2 * sigma**2)) for x in range(-radius, radius + 1)]
    return tuple(weight / sum(weights) for weight in weights)


def gaussian_inside(images: Images) -> Float[Tensor, "*batch c y x"]:
    """Average by the Gaussian window wherever it fits whole."""
    return _slide(images, gaussian())


def gaussian_everywhere(images: Images) -> Images:
    """Average by the Gaussian window; images go on past their edges with the last value."""
    flat = images.reshape(-1, *images.shape[-3:])
    padded = functional.pad(flat, (RADIUS,) * 4, mode="replicate")
    return gaussian_inside(padded).reshape(images.shape)


def check_size(images: Images, least: int) -> None:
    """Raise SettingsError where an image is smaller than a window."""
    h, w = images.shape[-2:]
    if min(h, w) < least:
        raise SettingsError(
            f"a picture of {w}x{h} pixels is too small: SSIM needs {least} each way"
        )


def _volume(images: Images) -> Images:
    """Average by the Gaussian window in rows, columns and colours."""
    places = torch.arange(-RADIUS, 3 + RADIUS).clamp(0, 2)
    mixing = torch.zeros(3, 3, dtype=images.dtype)
    for channel in range(3):
        weights = torch.tensor(gaussian(), dtype=images.dtype)
        mixing[channel].index_add_(0, places[channel : channel + SIDE], weights)
    averaged = gaussian_everywhere(images)
    return torch.einsum("d c, ... c h w -> ... d h w", mixing.to(images.device), averaged)


def _slide(images: Images, weights: tuple[float, ...]) -> Float[Tensor, "*batch c y x"]:
    """Sum places by the products of weights, wherever the window fits: STRIP rows at a time."""
    more = len(weights) - 1
    strips = [
        _sum(_sum(images[..., top : top + STRIP + more, :], weights, -1), weights, -2)
        for top in range(0, images.shape[-2] - more, STRIP)
    ]
    return torch.cat(strips, dim=-2)


def _sum(images: Images, weights: tuple[float, ...], axis: int) -> Float[Tensor, "*batch c y x"]:
    length = images.shape[axis] - len(weights) + 1
    total = weights[0] * images.narrow(axis, 0, length)
    for start, weight in enumerate(weights[1:], 1):
        total = torch.add(total, images.narrow(axis, start, length), alpha=weight)
    return total
