"""Camera curves: named ones and a family like those measured on real cameras' JPEG files."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64
from numpy.random import Generator

from deghost.radiometry.response import encode


STEPS = 4096  # of the encoding table, even in the root of the light, where the curves are tame
DECODED = 1024  # entries of the decoding table
NAMED = ("srgb", "gamma2.2", "gamma2.24", "rec709", "linear")

Samples = Float64[np.ndarray, " k"]


@dataclass(frozen=True)
class Curve:
    """How a camera turns linear light into codes, and the table that turns them back.

    `encoding[c, i]` is the code of the light `(i / STEPS) ** 2`; `decoding` is None for a curve
    that `named_response` knows, else a `Response` table.
    """

    name: str
    encoding: Float32[np.ndarray, "3 s"]
    decoding: Float32[np.ndarray, "3 k"] | None = None


def named_curve(name: str) -> Curve:
    """Tabulate a curve that `named_response` knows."""
    light = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64).square()
    codes = encode(light, name).numpy().astype(np.float32)
    return Curve(name, np.stack([codes] * 3))


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
    root = np.linspace(0, 1, STEPS + 1)
    codes, light = np.linspace(0, 1, DECODED), root * root
    encoding, decoding = [], []
    for tint in 1 + generator.normal(0, 0.015, 3) * np.array([1, 0, 1]):
        channel = tone_curve(light, contrast, middle * tint, lift)
        encoding.append(channel.astype(np.float32))
        decoding.append(np.interp(codes, channel, root).astype(np.float32) ** 2)
    return Curve("measured", np.stack(encoding), np.stack(decoding))


def encode_light(
    linear: Float32[np.ndarray, "h w 3"], curve: Curve
) -> Float32[np.ndarray, "h w 3"]:
    """Turn linear light from 0 to 1 into codes, interpolated between the samples of a curve."""
    position = np.sqrt(linear)
    position *= np.float32(STEPS)
    entry = position.astype(np.int32)
    np.minimum(entry, STEPS - 1, out=entry)
    position -= entry
    entry += np.arange(3, dtype=np.int32) * (STEPS + 1)
    position *= np.diff(curve.encoding, append=1).take(entry)
    position += curve.encoding.take(entry)
    return position
