"""A merged picture for the eye: tone-mapped to 8 bits, a strip at a time."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Shaped, UInt8

from deghost.radiometry.response import decode
from deghost.radiometry.tonemap import Tone, mu_law, plan_tone
from deghost.types import Radiance


STRIP = 128  # rows at a time
PROXY_PIXELS = 750_000
OPERATORS = ("photographic", "filmic", "reinhard", "durand", "krawczyk", "mu-law")

Light = Shaped[np.ndarray, "h w 3"]  # linear Rec. 709, half or float


def shrink(pixels: Light) -> Radiance:
    """Average a picture down to what tone mapping is planned on."""
    height, width = pixels.shape[:2]
    factor = max(1, round((height * width / PROXY_PIXELS) ** 0.5))
    if min(height, width) < factor or factor == 1:
        return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)
    rows, columns = height // factor, width // factor
    small = np.empty((rows, columns, 3), np.float32)
    for row in range(rows):
        strip = pixels[row * factor : (row + 1) * factor, : columns * factor].astype(np.float32)
        small[row] = cv2.resize(strip, (columns, 1), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small).permute(2, 0, 1)


@dataclass(frozen=True)
class MuLaw:
    """The metric's domain as a picture; the largest value is white. Washed out by design."""

    peak: float

    def __call__(
        self, radiance: Radiance, top: int = 0, left: int = 0, size: tuple[int, int] | None = None
    ) -> Radiance:
        """Show a strip."""
        return mu_law(radiance.clamp(min=0) / self.peak).clamp(0, 1)


def plan_picture(pixels: Light, operator: str = "photographic") -> Tone | MuLaw:
    """Settle a tone mapping for a picture. Raises SettingsError for an unknown operator."""
    if operator == "mu-law":
        return MuLaw(max(float(pixels.max()), 1e-12))
    return plan_tone(shrink(pixels), operator)


def show(pixels: Light, tone: Tone | MuLaw) -> UInt8[np.ndarray, "h w 3"]:
    """Tone-map linear Rec. 709 pixels to 8-bit sRGB."""
    height, width = pixels.shape[:2]
    shown = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, STRIP):
        strip = torch.from_numpy(pixels[top : top + STRIP].astype(np.float32)).permute(2, 0, 1)
        codes = (tone(strip, top, 0, (height, width)) * 255).round()
        shown[top : top + STRIP] = codes.permute(1, 2, 0).numpy()
    return shown


def diffuse_white(pixels: Light, shown: UInt8[np.ndarray, "h w 3"]) -> float:
    """Return the radiance that the white of a shown picture stands for.

    Chosen so that a screen with headroom shows the middle tones as bright as the picture does, and
    what is above them brighter: the typical ratio of radiance to displayed light.
    """
    step = max(1, round((pixels.shape[0] * pixels.shape[1] / 100_000) ** 0.5))
    light = torch.from_numpy(pixels[::step, ::step].astype(np.float32)).mean(2)
    display = decode(torch.from_numpy(shown[::step, ::step] / np.float32(255)), "srgb").mean(2)
    usable = (display > 0.02) & (display < 0.7) & (light > 0)
    if int(usable.sum()) < 10:
        return max(float(light.median()), 1e-6)
    return float((light[usable] / display[usable]).log().median().exp())
