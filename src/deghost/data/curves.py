"""Camera curves: named ones and a family like those measured on real cameras' JPEG files."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from jaxtyping import Float32, Float64
from numpy.random import Generator

from deghost.radiometry.response import encode


ROOTS = 65536  # entries of the encoding table, even in the root of the light: curves are tame there
BETWEEN = 15  # a divisor of ROOTS - 1: one in so many entries of a drawn curve is computed
DECODED = 1024  # entries of the decoding table
NAMED = ("srgb", "gamma2.2", "gamma2.24", "rec709", "linear")

Samples = Float64[np.ndarray, " k"]


@dataclass(frozen=True)
class Curve:
    """How a camera turns linear light into codes, and the table that turns them back.

    `encoding[i, c]` is the code of the light `(i / 65535) ** 2`; `decoding` is None for a curve
    that `named_response` knows, else a `Response` table.
    """

    name: str
    encoding: Float32[np.ndarray, "r 3"]
    decoding: Float32[np.ndarray, "3 k"] | None = None


@lru_cache(maxsize=8)
def named_curve(name: str) -> Curve:
    """Tabulate a curve that `named_response` knows."""
    light = torch.linspace(0, 1, ROOTS, dtype=torch.float64).square()
    codes = encode(light, name).numpy().astype(np.float32)
    return Curve(name, np.stack([codes] * 3, axis=1))


def tone_curve(light: Samples, contrast: float, middle: float, lift: float) -> Samples:
    """Encode light as a camera's picture style does: brightened, with toe, slope and shoulder.

    An sRGB code `u` is brightened to `u + lift * u * (1 - u)`, then bent by a logistic function of
    slope `contrast` around `middle`, scaled to lead from 0 to 1. A contrast of 5 around 0.45 makes
    mid-tones 1.5 times as steep as sRGB. Grows strictly.

    Example:
        >>> tone_curve(np.array([0.0, 0.18, 1.0]), 5.0, 0.45, 0.0).round(3).tolist()
        [0.0, 0.496, 1.0]
    """
    plain = encode(torch.from_numpy(np.ascontiguousarray(light, np.float64)), "srgb").numpy()
    bright = plain * (1 + lift * (1 - plain))
    if contrast < 1e-3:
        return bright
    start, end = _logistic(contrast * (np.array([0.0, 1.0]) - middle))
    return (_logistic(contrast * (bright - middle)) - start) / (end - start)


def _logistic(value: Samples) -> Samples:
    return 1 / (1 + np.exp(-value))


def draw_tone_curve(generator: Generator) -> Curve:
    """Draw a curve of the measured kind; its channels differ a little."""
    contrast, middle = generator.uniform(1.5, 6.0), generator.uniform(0.36, 0.5)
    lift = generator.uniform(0.0, 0.5)
    root = np.linspace(0, 1, (ROOTS - 1) // BETWEEN + 1)
    codes = np.linspace(0, 1, DECODED)
    channels = [
        tone_curve(root * root, contrast, middle * tint, lift)
        for tint in 1 + generator.normal(0, 0.015, 3) * np.array([1, 0, 1])
    ]
    decoding = [np.interp(codes, channel, root).astype(np.float32) ** 2 for channel in channels]
    return Curve("measured", _refined(np.stack(channels, axis=1)), np.stack(decoding))


def _refined(coarse: Float64[np.ndarray, "k 3"]) -> Float32[np.ndarray, "r 3"]:
    """Interpolate the entries in between."""
    share = (np.arange(BETWEEN, dtype=np.float32) / BETWEEN)[:, None]
    start, rise = coarse[:-1, None].astype(np.float32), np.diff(coarse, axis=0)[:, None]
    fine = start + share * rise.astype(np.float32)
    return np.concatenate([fine.reshape(-1, 3), coarse[-1:].astype(np.float32)])


def encode_light(
    linear: Float32[np.ndarray, "h w 3"], curve: Curve
) -> Float32[np.ndarray, "h w 3"]:
    """Turn linear light from 0 to 1 into codes; right to within a code of 16 bits."""
    position = np.sqrt(linear)
    position *= np.float32(ROOTS - 1)
    position += np.float32(0.5)
    return np.asarray(cv2.LUT(position.astype(np.uint16), curve.encoding[None]))
