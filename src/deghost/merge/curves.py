"""From stored codes to light and trust, by one table look-up a frame."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, Shaped
from torch import Tensor

from deghost.radiometry.matching import Match, matched
from deghost.radiometry.noise import unclipped
from deghost.radiometry.response import linear_table, linearise
from deghost.types import Frame, Image, Pixels, Response


# Codes from which a frame is trusted less and less, up to where it is not trusted at all. A
# finished picture has a shoulder there; RAW and float values are linear up to clipping.
NEIGHBOURS = np.ones((3, 3), np.uint8)
RAMPS = {"encoded": (0.905, 0.98), "raw": (0.88, 0.985), "float": (0.97, 0.999)}
LATE_RAMP = (0.92, 0.99)  # of finished pictures, where a network watches over clipping as well


@dataclass(frozen=True)
class FrameCurve:
    """The tables of a frame; None for float pixels, which are linear as they are.

    The colour conversion of a finished picture mixes channels before they clip, so a pixel that
    clips in one channel is not trusted in the others: its one trust is that of its largest code.
    RAW and float channels clip for themselves and have a trust each.
    """

    table: Float32[np.ndarray, "1 k planes"] | None  # light of red, green, blue; then trust
    match: Match | None
    kind: str

    @property
    def light(self) -> Float32[np.ndarray, "k 3"] | None:
        """The linear value of every code."""
        return None if self.table is None else self.table[0, :, :3]


def frame_curve(frame: Frame, response: Response | None, match: Match | None) -> FrameCurve:
    """Build the tables of a frame; `response` replaces the frame's own where it is given."""
    if frame.pixels.dtype == np.float32:
        return FrameCurve(None, match, "float")
    light = torch.from_numpy(linear_table(response or frame.response, int(frame.white)))
    if match is not None:
        light = matched(match, light.T).T
    trust = _trust(torch.linspace(0, 1, len(light)), frame.kind)[:, None]
    columns = [light, trust] if frame.kind == "encoded" else [light, trust, trust, trust]
    return FrameCurve(torch.cat(columns, 1)[None].contiguous().numpy(), match, frame.kind)


def trusting_longer(curve: FrameCurve) -> FrameCurve:
    """Trust codes of a finished picture nearer to white."""
    if curve.kind != "encoded" or curve.table is None:
        return curve
    codes = torch.linspace(0, 1, curve.table.shape[1])
    trust = unclipped(codes, *LATE_RAMP).numpy()[None, :, None]
    return replace(curve, table=np.concatenate([curve.table[..., :3], trust], axis=2))


def read_light(
    pixels: Pixels, curve: FrameCurve, frame: Frame, *, spread: bool = False
) -> Float32[np.ndarray, "h w planes"]:
    """Return stored pixels as planes: linear red, green and blue, then one trust or three.

    With `spread` a pixel is trusted no more than the least of its eight neighbours, as it must be
    if interpolation is to mix them. RAW is always spread: demosaicing has mixed them already.
    """
    if curve.table is None:
        return _read_float(pixels, curve, frame, spread=spread)
    codes = _largest(pixels) if curve.kind == "encoded" else pixels
    if spread or curve.kind == "raw":
        codes = cv2.dilate(codes, NEIGHBOURS)  # the larger the code, the less trusted
    if curve.kind == "encoded":
        return cv2.LUT(cv2.merge([pixels, codes]), curve.table)
    light, trust = cv2.LUT(pixels, curve.table[..., :3]), cv2.LUT(codes, curve.table[..., 3:])
    return np.concatenate([light, trust], axis=2)


def _read_float(
    pixels: Pixels, curve: FrameCurve, frame: Frame, *, spread: bool
) -> Float32[np.ndarray, "h w planes"]:
    light = linearise(pixels, frame.response)
    trust = _trust(light, "float").permute(1, 2, 0).contiguous().numpy()
    if spread:
        trust = cv2.erode(trust, NEIGHBOURS)
    if curve.match is not None:
        light = matched(curve.match, light)
    return np.concatenate([light.permute(1, 2, 0).numpy(), trust], axis=2)


def _trust(codes: Float[Tensor, "*shape"], kind: str) -> Float[Tensor, "*shape"]:
    return unclipped(codes, *RAMPS[kind])


def _largest(pixels: Pixels) -> Shaped[np.ndarray, "h w"]:
    red, green, blue = cv2.split(pixels)
    return cv2.max(cv2.max(red, green), blue)


def codes_of(linear: Image, curve: FrameCurve) -> Image:
    """Return the codes in [0, 1] that stand for linear values."""
    if curve.light is None:
        return linear.clamp(0, 1)
    light = np.maximum.accumulate(curve.light, axis=0)
    places = np.linspace(0, 1, len(light))
    values = linear.numpy()
    codes = [np.interp(values[c], light[:, c], places) for c in range(3)]
    return torch.from_numpy(np.stack(codes).astype(np.float32))
