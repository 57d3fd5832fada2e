"""Luminance of a radiance image as tone mapping needs it: logarithmic, safe, and summarised."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from deghost.radiometry.gainmap import luminance
from deghost.types import Radiance


BRIGHTEST = 1e15  # infinite radiance is read as this
DARKEST = 1e-15
LOW_SHARE = 0.001  # of the lit pixels may be darker than the floor


@dataclass(frozen=True)
class Light:
    """The luminance of an image, in stops, and the floor below which it is taken as black."""

    stops: Float[Tensor, "h w"]  # log2 of the luminance, never below that of the floor
    floor: float


def positive(radiance: Radiance) -> Radiance:
    """Clip light to finite values from 0 up; what is not a number is black."""
    return radiance.nan_to_num(nan=0.0, posinf=BRIGHTEST).clamp(0, BRIGHTEST)


def measure_light(radiance: Radiance) -> Light:
    """Take the luminance of a small image; its floor is the darkest one that is worth showing.

    Black borders and a few lost pixels do not count: the floor is the 0.1 % quantile of the lit.
    """
    level = luminance(positive(radiance))[0]
    lit = level[level > 0]
    floor = max(quantile(lit, LOW_SHARE), DARKEST) if lit.numel() else 1.0
    return Light(level.clamp(min=floor).log2(), floor)


def stops_above(radiance: Radiance, floor: float) -> Float[Tensor, "h w"]:
    """log2 of the luminance of positive light, at least that of the floor."""
    return luminance(radiance)[0].clamp(min=floor).log2()


def relight(
    radiance: Radiance, stops: Float[Tensor, "h w"], wanted: Float[Tensor, "h w"]
) -> Radiance:
    """Scale colours from the luminance they have to the one wanted, both in stops."""
    return radiance * (wanted - stops).exp2()


def quantile(values: Float[Tensor, "..."], share: float) -> float:
    """The value that a share of all values lies below.

    Example:
        >>> quantile(torch.arange(11.0), 0.9)
        9.0
    """
    flat = values.detach().flatten()
    return flat.kthvalue(1 + round(share * (flat.numel() - 1))).values.item()
