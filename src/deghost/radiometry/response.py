"""Named camera and display curves, and the way from stored codes to linear light and back."""

import re
from functools import lru_cache

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from deghost.errors import SettingsError
from deghost.types import Image, Pixels, Response


SAMPLES = 65536  # every 8-bit and every 16-bit code is one of the samples
REC709_SCALE, REC709_KNEE = 1.09929682680944, 0.018053968510807  # unrounded: no step at the knee
KNOWN_RESPONSES = "srgb, rec709, linear, gamma2.2 (or any gamma from gamma1.0 to gamma4.0)"

Levels = Float32[np.ndarray, "levels 3"]  # one row a code, dark to bright


@lru_cache(maxsize=16)
def named_response(name: str) -> Response:
    """Build the response called srgb, rec709, linear or gammaX.Y.

    srgb is IEC 61966-2-1, rec709 the camera curve of Rec. ITU-R BT.709-6 item 1.2
    with the unrounded constants of BT.2020.
    Raises SettingsError for any other name.

    Example:
        >>> [round(named_response(name).table[0, 32768].item(), 4) for name in ("srgb", "gamma2.0")]
        [0.214, 0.25]
    """
    code = torch.linspace(0, 1, SAMPLES, dtype=torch.float64)
    curve = decode(code, name).float().numpy()
    table = np.stack([curve] * 3)
    table.setflags(write=False)
    return Response(name, table)


def decode(codes: Float[Tensor, "..."], name: str) -> Float[Tensor, "..."]:
    """Turn codes (1.0 = clipping) into linear light by the formula of a named curve."""
    if name == "srgb":
        return torch.where(
            codes <= 0.04045, codes / 12.92, ((codes.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4
        )
    if name == "rec709":
        curved = ((codes.clamp(min=REC709_KNEE) + REC709_SCALE - 1) / REC709_SCALE) ** (1 / 0.45)
        return torch.where(codes < 4.5 * REC709_KNEE, codes / 4.5, curved)
    return codes.clamp(min=0) ** _exponent(name)


def encode(linear: Float[Tensor, "..."], name: str) -> Float[Tensor, "..."]:
    """Turn linear light into codes by the formula of a named curve; the inverse of `decode`.

    Example:
        >>> encode(torch.tensor([0.0, 0.18, 1.0]), "srgb")
        tensor([0.0000, 0.4614, 1.0000])
    """
    if name == "srgb":
        return torch.where(
            linear <= 0.0031308,
            linear * 12.92,
            1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055,
        )
    if name == "rec709":
        curved = REC709_SCALE * linear.clamp(min=REC709_KNEE) ** 0.45 - (REC709_SCALE - 1)
        return torch.where(linear < REC709_KNEE, linear * 4.5, curved)
    return linear.clamp(min=0) ** (1 / _exponent(name))


def _exponent(name: str) -> float:
    """The exponent of linear (1) or gammaX.Y."""
    if name == "linear":
        return 1.0
    match = re.fullmatch(r"gamma(\d(?:\.\d{1,4})?)", name)
    if match is None or not 1 <= float(match[1]) <= 4:
        raise SettingsError(f"there is no response named {name!r}; there are: {KNOWN_RESPONSES}")
    return float(match[1])


def is_linear(response: Response) -> bool:
    """Whether the response leaves values as they are."""
    return response.name == "linear"


def linear_table(response: Response, white: int) -> Levels:
    """Tabulate the linear value of each code from 0 to `white`, one row a code.

    Example:
        >>> linear_table(named_response("gamma2.0"), 255)[[0, 51, 255], 1].round(4).tolist()
        [0.0, 0.03999999910593033, 1.0]
    """
    intervals = response.table.shape[1] - 1
    if intervals % white == 0:
        return np.ascontiguousarray(response.table[:, :: intervals // white].T, np.float32)
    position = np.linspace(0, intervals, white + 1)
    lower = np.minimum(position.astype(np.int64), intervals - 1)
    table = response.table
    step = table[:, lower + 1] - table[:, lower]
    return np.ascontiguousarray((table[:, lower] + (position - lower) * step).T, np.float32)


def quantisation_step(response: Response, white: int) -> Levels:
    """Tabulate the linear width of each code: half the distance between its two neighbours.

    A code hides a uniform rounding error of this width, so a variance of step squared over 12.

    Example:
        >>> round(255 * quantisation_step(named_response("linear"), 255)[7, 0].item(), 6)
        1.0
    """
    return np.gradient(linear_table(response, white).astype(np.float64), axis=0).astype(np.float32)


def linearise(pixels: Pixels, response: Response) -> Image:
    """Turn stored pixels into linear RGB, 1.0 = clipping; the memory stays height x width x RGB.

    Floating-point pixels of a linear response are passed on as they are, without a copy if they
    may be written to; those of any other response are clipped to the table's range.

    Example:
        >>> codes = np.full((1, 1, 3), 51, np.uint8)
        >>> linearise(codes, named_response("gamma2.0")).flatten()
        tensor([0.0400, 0.0400, 0.0400])
    """
    if pixels.dtype == np.float32:
        linear = np.require(pixels, requirements="W")
        if not is_linear(response):
            linear = _interpolated(pixels, response)
    else:
        # OpenCV's table look-up: 1.2 ns a 16-bit sample on two cores, np.take 2.5 ns
        table = linear_table(response, int(np.iinfo(pixels.dtype).max))
        linear = cv2.LUT(pixels, table[None])
    return torch.from_numpy(linear).permute(2, 0, 1)


def _interpolated(
    pixels: Float32[np.ndarray, "h w 3"], response: Response
) -> Float32[np.ndarray, "h w 3"]:
    """Look floating-point codes up between the samples of a response.

    The samples are evenly spaced, so no search is needed: ten times as fast as np.interp.
    """
    intervals = response.table.shape[1] - 1
    position = np.clip(pixels, 0, 1) * np.float32(intervals)
    lower = np.minimum(position.astype(np.int32), intervals - 1)
    position -= lower
    linear = np.empty_like(pixels)
    for channel, table in enumerate(response.table):
        start = lower[..., channel]
        linear[..., channel] = table[start] + position[..., channel] * np.diff(table)[start]
    return linear
