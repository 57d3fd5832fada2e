"""What a result loses in the file it is measured from."""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor


Picture = Float[Tensor, "3 h w"]
Rounding = Literal["none", "rgbe", "ntire-png", "16-bit"]

MANTISSA_BITS = 8
SMALLEST = 1e-32  # below which OpenCV writes black
WHITE = 65535


def as_rgbe(radiance: Picture) -> Picture:
    """Write and read a Radiance file as OpenCV and MATLAB do, without the file.

    Mantissas of eight bits under one exponent a pixel, cut off and not rounded: the brightest
    colour of a pixel loses up to 0.8 %, darker ones more. Negative values become 0.

    Example:
        >>> as_rgbe(torch.tensor([1.0, 0.7, 0.3]).view(3, 1, 1)).flatten()
        tensor([1.0000, 0.6953, 0.2969])
    """
    brightest = radiance.amax(0)
    step = torch.ldexp(torch.ones_like(brightest), brightest.frexp().exponent - MANTISSA_BITS)
    kept = (radiance / step).floor().clamp(min=0) * step
    return torch.where(brightest < SMALLEST, 0.0, kept)


def as_ntire_png(encoded: Picture) -> Picture:
    """Round to 65535 steps up to the brightest value, as NTIRE's results are written.

    The file's `alignratio` is 65535 divided by that value. Negative values become 0.

    Example:
        >>> as_ntire_png(torch.tensor([2.0, 1.0, 0.00002]).view(3, 1, 1)).flatten()
        tensor([2.0000e+00, 1.0000e+00, 3.0518e-05])
    """
    step = (encoded.amax() / WHITE).clamp(min=torch.finfo(encoded.dtype).tiny)
    return (encoded.clamp(min=0) / step).round() * step


def as_16_bit(encoded: Picture) -> Picture:
    """Cut off to 16-bit codes of [0, 1], as BracketIRE's results are written.

    Example:
        >>> as_16_bit(torch.tensor([0.5, 1.5, -1.0]).view(3, 1, 1)).flatten() * 65535
        tensor([32767., 65535.,     0.])
    """
    return (encoded * WHITE).clamp(0, WHITE).floor() / WHITE


def as_it_is(picture: Picture) -> Picture:
    """Keep floating-point values, as a file of floats does."""
    return picture


ROUNDINGS: dict[Rounding, Callable[[Tensor], Tensor]] = {
    "none": as_it_is,
    "rgbe": as_rgbe,
    "ntire-png": as_ntire_png,
    "16-bit": as_16_bit,
}
