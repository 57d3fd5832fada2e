"""Tone mapping by one curve for the whole image: Reinhard's and a filmic one.

Each `plan` learns its numbers from a small image and returns a function from positive radiance to
display-linear light (1 = display white) that may be applied to any part of the full image.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.radiometry.bilateral import Place
from deghost.radiometry.gainmap import luminance
from deghost.radiometry.luminance import measure_light
from deghost.types import Radiance


Curve = Callable[[Radiance, Place], Radiance]

KEY = 0.18  # the grey that the log-average luminance is shown as
FILMIC_WHITE = 11.2  # input of `hable` that is shown as white
FILMIC_GREY = 0.52695  # input that is shown as 0.18 then


def plan_reinhard(proxy: Radiance) -> Curve:
    """Show by Reinhard's global operator with key 0.18, no luminance of the proxy burnt out.

    Reinhard, Stark, Shirley and Ferwerda, Photographic tone reproduction for digital images,
    SIGGRAPH 2002.
    """
    stops = measure_light(proxy).stops
    exposure = KEY / stops.mean().exp2()
    white = exposure * stops.max().exp2()

    def curve(radiance: Radiance, place: Place) -> Radiance:
        level = luminance(radiance) * exposure
        return radiance * exposure * (reinhard(level, white) / level.clamp(min=1e-30))

    return curve


def reinhard(
    level: Float[Tensor, "*shape"], white: Float[Tensor, ""] | float
) -> Float[Tensor, "*shape"]:
    """Compress luminance by equation 4 of the paper, L (1 + L / white^2) / (1 + L).

    Example:
        >>> reinhard(torch.tensor([0.0, 1.0, 4.0]), 4.0)
        tensor([0.0000, 0.5312, 1.0000])
    """
    return level * (1 + level / white / white) / (1 + level)


def plan_filmic(proxy: Radiance) -> Curve:
    """Show by Hable's curve, log-average luminance as 0.18; strong lights lose colour as in film.

    Hable, Uncharted 2: HDR lighting, Game Developers Conference 2010.
    """
    exposure = FILMIC_GREY / measure_light(proxy).stops.mean().exp2()
    white = hable(torch.tensor(FILMIC_WHITE))

    def curve(radiance: Radiance, place: Place) -> Radiance:
        return hable(radiance * exposure) / white

    return curve


def hable(light: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Compress each channel by a curve with a toe and a shoulder, with its author's constants.

    Example:
        >>> shown = hable(torch.tensor([0.0, FILMIC_GREY, FILMIC_WHITE]))
        >>> (shown / shown[2]).round(decimals=3)
        tensor([0.0000, 0.1800, 1.0000])
    """
    shoulder, linear, angle = 0.15, 0.50, 0.10
    toe, numerator, denominator = 0.20, 0.02, 0.30
    light = light.clamp(max=1e15)  # its square is a number still
    curved = shoulder * light
    return (light * (curved + angle * linear) + toe * numerator) / (
        light * (curved + linear) + toe * denominator
    ) - numerator / denominator
