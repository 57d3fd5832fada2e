"""From radiance to a picture: tone mapping by name, planned small and applied to any part."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import torch
from jaxtyping import Float
from torch import Tensor

from deghost.errors import SettingsError
from deghost.radiometry.bilateral import Place
from deghost.radiometry.luminance import positive
from deghost.radiometry.response import encode
from deghost.radiometry.tone_global import Curve, plan_filmic, plan_reinhard
from deghost.radiometry.tone_local import plan_durand, plan_krawczyk
from deghost.radiometry.tone_photographic import plan_photographic
from deghost.types import Image, Radiance


MU = 5000.0
PROXY_PIXELS = 750_000
STRIP_PIXELS = 400_000  # at a time: what the caches like
PLANNERS: dict[str, Callable[[Radiance], Curve]] = {
    "photographic": plan_photographic,
    "reinhard": plan_reinhard,
    "filmic": plan_filmic,
    "durand": plan_durand,
    "krawczyk": plan_krawczyk,
}


def mu_law(linear: Float[Tensor, "*shape"], mu: float = MU) -> Float[Tensor, "*shape"]:
    """Compress light in [0, 1] by log(1 + mu x) / log(1 + mu), for losses and metrics.

    Kalantari and Ramamoorthi, Deep high dynamic range imaging of dynamic scenes, SIGGRAPH 2017.
    It is no picture: a display shows it washed out. Negative values are as black.

    Example:
        >>> mu_law(torch.tensor([0.0, 0.01, 1.0])).round(decimals=4)
        tensor([0.0000, 0.4616, 1.0000])
    """
    return torch.log1p(mu * linear.clamp(min=0)) / math.log1p(mu)


def inverse_mu_law(encoded: Float[Tensor, "*shape"], mu: float = MU) -> Float[Tensor, "*shape"]:
    """Undo `mu_law`.

    Example:
        >>> inverse_mu_law(torch.tensor([0.4616, 1.0])).round(decimals=4)
        tensor([0.0100, 1.0000])
    """
    return torch.expm1(encoded * math.log1p(mu)) / mu


@dataclass(frozen=True)
class Tone:
    """A tone mapping whose numbers are settled: apply it to the whole image or to its parts."""

    name: str
    curve: Curve

    def __call__(
        self, radiance: Radiance, top: int = 0, left: int = 0, size: tuple[int, int] | None = None
    ) -> Image:
        """Show the tile at `top`, `left` of an image of a size, as sRGB codes in [0, 1]."""
        h, w = radiance.shape[1:]
        place = Place(top, left, size or (h, w))
        return encode(self.curve(positive(radiance), place).clamp(0, 1), "srgb")


def plan_tone(proxy: Radiance, name: str) -> Tone:
    """Settle the numbers of a tone mapping on a small version of the image.

    Names are those of `TONE_MAPPERS`; raises SettingsError for others.
    """
    if name not in PLANNERS:
        raise SettingsError(f"there is no tone mapping {name!r}; there are: {', '.join(PLANNERS)}")
    return Tone(name, PLANNERS[name](positive(proxy)))


def tone_map(radiance: Radiance, name: str = "photographic") -> Image:
    """Show a radiance image as sRGB codes in [0, 1], at any size in bounded extra memory.

    The result's memory is height x width x RGB.
    """
    tone = plan_tone(shrunk(radiance), name)
    h, w = radiance.shape[1:]
    shown = radiance.new_empty(h, w, 3).permute(2, 0, 1)
    rows = max(1, STRIP_PIXELS // w)
    for top in range(0, h, rows):
        strip = slice(top, top + rows)
        shown[:, strip] = tone(radiance[:, strip], top, 0, (h, w))
    return shown


def shrunk(radiance: Radiance, pixels: int = PROXY_PIXELS) -> Float[Tensor, "3 y x"]:
    """Average a large image down to about so many pixels, as `plan_tone` wants it.

    No copy is made of an image whose memory is height x width x RGB.
    """
    h, w = radiance.shape[1:]
    ratio = math.sqrt(pixels / (h * w))
    if ratio >= 1:
        return radiance
    size = (max(1, round(w * ratio)), max(1, round(h * ratio)))
    stored = radiance.detach().permute(1, 2, 0).cpu().numpy()
    small = cv2.resize(stored, size, interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small).permute(2, 0, 1).to(radiance.device)


TONE_MAPPERS: dict[str, Callable[[Radiance], Image]] = {
    name: partial(tone_map, name=name) for name in PLANNERS
}
