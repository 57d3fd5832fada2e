"""Which pixels of a frame are well exposed: by range, by Otsu's threshold, or by noise."""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.radiometry.noise import NoiseModel, unclipped
from deghost.types import Image, Mask


Side = Literal["dark", "bright"]  # darker or brighter than the reference


def luma(encoded: Float[Tensor, "3 h w"]) -> Mask:
    """Return the Y of YCbCr (ITU-R BT.601) of encoded RGB, in [0, 1].

    Example:
        >>> luma(torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1))
        tensor([[0.2990]])
    """
    weights = torch.tensor([0.299, 0.587, 0.114], dtype=encoded.dtype, device=encoded.device)
    return torch.tensordot(weights, encoded, 1)


def otsu_threshold(level: Mask, bins: int = 256) -> float:
    """Return the 8-bit level that best splits a histogram in two, in [0, 1] (Otsu 1979).

    With the field's convention, for levels `i / 255`: pixels above the threshold are one class.

    Example:
        >>> otsu_threshold(torch.tensor([[0.1, 0.1, 0.2], [0.7, 0.8, 0.8]])) * 255
        51.0
    """
    codes = (level.clamp(0, 1) * (bins - 1)).round().flatten()
    count = torch.histc(codes.float(), bins, min=-0.5, max=bins - 0.5).double()
    value = torch.arange(bins, dtype=torch.float64, device=level.device)
    below, mass = count.cumsum(0), (count * value).cumsum(0)
    above = below[-1] - below
    gap = mass / below.clamp(min=1) - (mass[-1] - mass) / above.clamp(min=1)
    return float((below * above * gap.square()).argmax()) / (bins - 1)


def otsu_mask(encoded: Float[Tensor, "3 h w"], side: Side) -> Mask:
    """Return the well-exposed pixels of a frame by Otsu's threshold `t` on its luma.

    `Y >= t` in a dark frame, `Y < t` in a bright one (Visual attention modules, and Supervised
    exposure segmentation; see docs/design.md).
    """
    level = (luma(encoded) * 255).round()
    threshold = otsu_threshold(level / 255) * 255
    chosen = level >= threshold if side == "dark" else level < threshold
    return chosen.to(encoded.dtype)


def manual_mask(encoded: Float[Tensor, "3 h w"], side: Side) -> Mask:
    """Return the well-exposed pixels by fixed 8-bit luma ranges.

    120 to 255 in a dark frame, 0 to 200 in a bright one (Supervised exposure segmentation).

    Example:
        >>> manual_mask(torch.full((3, 1, 2), 0.8), "dark")
        tensor([[1., 1.]])
    """
    level = (luma(encoded) * 255).round()
    low, high = (120, 255) if side == "dark" else (0, 200)
    return ((level >= low) & (level <= high)).to(encoded.dtype)


def noise_mask(linear: Image, noise: NoiseModel, signal_to_noise: float = 10.0) -> Mask:
    """Return the pixels that are unclipped and stand clear of the noise, with soft edges."""
    return unclipped(linear.amax(0)) * above_noise(linear, noise, signal_to_noise)


def above_noise(linear: Image, noise: NoiseModel, signal_to_noise: float = 10.0) -> Mask:
    """Return how far pixels stand clear of the noise.

    A pixel counts fully when its brightest channel has `signal_to_noise`, half at half of it.

    Example:
        >>> above_noise(torch.full((3, 1, 1), 0.01), NoiseModel(shot=0.0, read=4e-6))
        tensor([[0.5000]])
    """
    brightest = linear.amax(0)
    return (brightest / noise.variance(brightest).sqrt() / signal_to_noise).clamp(0, 1)


MASKS: dict[str, Callable[[Float[Tensor, "3 h w"], Side], Mask]] = {
    "otsu": otsu_mask,
    "manual": manual_mask,
}
