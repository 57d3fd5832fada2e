"""The default picture: the whole range shown, but natural contrast, as a photographer would."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.radiometry.bilateral import Place, build_grid, read_grid
from deghost.radiometry.gainmap import luminance
from deghost.radiometry.luminance import measure_light, quantile, stops_above
from deghost.radiometry.tone_global import Curve
from deghost.radiometry.tone_local import whole
from deghost.types import Radiance


GREY = 0.22  # the middle of the scene is shown near this
HIGH, LOW = 2.4, 4.2  # stops above and below grey at which the ends of the base are shown
ENDS = (0.005, 0.998)  # shares of the base layer that are the ends of the scene
CONTRAST = 1.1  # slope at the middle: prints and screens are looked at in less light than scenes
TEXTURE = 0.5  # stops; a detail that is stronger is an edge, bent with the base
COLOUR = 0.95  # of the saturation is kept: compressing luminance alone makes colours look stronger


def plan_photographic(proxy: Radiance) -> Curve:
    """Show the whole range of the scene without flattening it.

    The base layer of a bilateral grid is bent around the scene's middle by asinh curves, just as
    flat at the ends as these require; a scene that fits the display only gains a little contrast.
    Faint details keep theirs; strong ones are bent with the base, or else they would draw a line
    along the rim of a lamp, where the base cannot follow. Dark scenes stay darker than light ones,
    a shoulder leads into white, and colours too strong for the display fade in their hue.
    """
    light = measure_light(proxy)
    grid = build_grid(light.stops, spatial=0.03, step=1.0)
    base = read_grid(grid, light.stops, whole(light.stops))
    low, high = (quantile(base, share) for share in ENDS)
    middle = base.clamp(low, high).mean().item()
    lift = 0.5 * _key(low, middle, high)
    grey = math.log2(GREY) + lift
    above = _softness(high - middle, HIGH - lift)
    below = _softness(middle - low, LOW + lift)

    def curve(radiance: Radiance, place: Place) -> Radiance:
        stops = stops_above(radiance, light.floor)
        detail = stops - read_grid(grid, stops, place)
        base = stops - TEXTURE * (detail / TEXTURE).tanh()
        brighter, darker = (base - middle).clamp(min=0), (middle - base).clamp(min=0)
        shown = grey + _bend(brighter, above) - _bend(darker, below)
        return _fit(radiance * (shown - base).exp2())

    return curve


def _key(low: float, middle: float, high: float) -> float:
    """Where the middle lies between the ends, from -1 (a dark scene) to 1 (a light one).

    Reinhard, Parameter estimation for photographic tone reproduction, J. Graphics Tools 2002.
    """
    return (2 * middle - low - high) / (high - low) if high - low > 1e-3 else 0.0


def _bend(distance: Float[Tensor, "h w"], softness: float) -> Float[Tensor, "h w"]:
    """Compress a distance in stops: slope CONTRAST at 0, logarithmic far beyond `softness`."""
    return softness * torch.asinh(CONTRAST * distance / softness)


def _softness(distance: float, wanted: float) -> float:
    """The softness that bends a distance to the one wanted, by bisection.

    Example:
        >>> softness = _softness(8.0, 4.0)
        >>> round(softness * math.asinh(CONTRAST * 8.0 / softness), 3)
        4.0
    """
    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = math.sqrt(low * high)
        if middle * math.asinh(CONTRAST * distance / middle) < wanted:
            low = middle
        else:
            high = middle
    return low


def _fit(light: Radiance) -> Radiance:
    """Lead luminance softly into white, and pull colours inside the display towards grey."""
    level = luminance(light)
    shown = shoulder(level)
    colour = COLOUR * (light * (shown / level.clamp(min=1e-30)) - shown)
    highest = colour.amax(0, keepdim=True).clamp(min=1e-9)
    return shown + colour * ((1 - shown) / highest).clamp(max=1.0)


def shoulder(level: Float[Tensor, "*shape"], start: float = 0.5) -> Float[Tensor, "*shape"]:
    """Leave light below `start` alone and bend what is above it towards 1, with no kink.

    Example:
        >>> shoulder(torch.tensor([0.25, 0.5, 1.0, 100.0])).round(decimals=3)
        tensor([0.2500, 0.5000, 0.8160, 1.0000])
    """
    rest = 1 - start
    return torch.where(
        level > start, 1 - rest * torch.exp(-(level.clamp(min=start) - start) / rest), level
    )
