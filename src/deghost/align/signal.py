"""What alignment compares: local contrast, which no exposure and no tone curve changes."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from deghost.types import Image


Plane = Float32[np.ndarray, "h w"]
Trust = UInt8[np.ndarray, "h w"]

CLIPPED = 0.9  # linear; a reduced pixel above it may hold clipped ones
DARKEST = 0.002  # linear; below it 8-bit codes are steps and raw files are noise
LARGEST = 1_100_000  # pixels of the finest level
SMALLEST = 32  # pixels along the short side of the coarsest level
NEIGHBOURHOOD = 21  # pixels, over which contrast is normalised
FLAT = 0.04  # stops of contrast that count as much as noise in a mid-tone


@dataclass(frozen=True)
class Light:
    """A frame's linear luminance, reduced, and where none of its channels is clipped."""

    luminance: Plane
    unclipped: Trust


@dataclass(frozen=True)
class Signal:
    """One level of a frame's contrast pyramid."""

    contrast: Plane  # signed, about 1 in textured places, near 0 in flat and dark ones
    trust: Trust  # 1 where the neighbourhood is neither clipped nor black

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.contrast.shape[0], self.contrast.shape[1]


def measure_light(image: Image, largest: int = LARGEST) -> Light:
    """Reduce a linear frame (1.0 = clipping) to its luminance, of at most `largest` pixels."""
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).float().numpy())
    height, width = pixels.shape[:2]
    ratio = (largest / (height * width)) ** 0.5
    if ratio < 1:
        size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    luminance = cv2.transform(pixels, np.array([[0.25, 0.5, 0.25]], np.float32))
    red, green, blue = cv2.split(pixels)
    brightest = cv2.max(cv2.max(red, green), blue)
    return Light(luminance, (brightest < CLIPPED).astype(np.uint8))


def common_pyramids(
    reference: Light, frame: Light, more: float
) -> tuple[tuple[Signal, ...], tuple[Signal, ...]]:
    """Describe two frames by their contrast within the range of light that both show.

    The second frame is exposed by `more` stops. The finest level comes first.
    """
    low, high = common_range(more)
    return (
        contrast_pyramid(reference, 1.0, low, high),
        contrast_pyramid(frame, 0.5**more, low, high),
    )


def common_range(more: float) -> tuple[float, float]:
    """Return the darkest and brightest light that a frame and one `more` stops brighter show.

    Example:
        >>> common_range(1.0)
        (0.002, 0.45)
        >>> common_range(-1.0)
        (0.004, 0.9)
    """
    ratio = float(2.0**more)
    return DARKEST * max(1.0, 1 / ratio), CLIPPED * min(1.0, 1 / ratio)


def contrast_pyramid(light: Light, scale: float, low: float, high: float) -> tuple[Signal, ...]:
    """Describe a frame by its contrast where its luminance, scaled, is within a range."""
    stops, trust = log_light(light, scale, low, high)
    levels = [contrast_signal(stops, trust, low)]
    while min(stops.shape) >= 2 * SMALLEST:
        size = ((stops.shape[1] + 1) // 2, (stops.shape[0] + 1) // 2)
        stops = cv2.resize(stops, size, interpolation=cv2.INTER_AREA)
        trust = cv2.resize(trust, size, interpolation=cv2.INTER_AREA)
        levels.append(contrast_signal(stops, trust, low))
    return tuple(levels)


def log_light(light: Light, scale: float, low: float, high: float) -> tuple[Plane, Plane]:
    """Return log2 of scaled luminance, soft at `low` and cut at `high`, and 1 between them."""
    luminance = light.luminance * np.float32(scale)
    trust = light.unclipped * ((luminance > low) & (luminance < high)).astype(np.float32)
    return np.log2(np.clip(luminance, 0, np.float32(high)) + np.float32(low)), trust


def contrast_signal(stops: Plane, trust: Plane, darkest: float) -> Signal:
    """Normalise log2 luminance by the mean and the spread of its trusted neighbourhood.

    The spread is raised by what noise would give, so that flat and dark places stay near zero.
    """
    window = (NEIGHBOURHOOD, NEIGHBOURHOOD)
    share = cv2.blur(trust, window) + np.float32(1e-3)
    smooth = cv2.GaussianBlur(stops, (0, 0), 1.0)
    detail = smooth - cv2.blur(stops * trust, window) / share
    variance = cv2.blur(detail * detail * trust, window) / share
    spread = np.sqrt(np.maximum(variance, 0))  # a running sum may end below zero
    noise = np.float32(FLAT) * (1 + np.float32(8 * darkest) * np.exp2(-smooth))
    contrast = np.clip(detail / (spread + noise), -3, 3)
    eroded = cv2.erode((trust > 0.75).astype(np.uint8), np.ones((3, 3), np.uint8))
    return Signal(contrast, eroded)
