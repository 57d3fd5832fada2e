"""From stored codes to light and trust, by one table look-up a frame."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from deghost.radiometry.matching import Match, matched
from deghost.radiometry.noise import unclipped
from deghost.radiometry.response import linear_table, linearise
from deghost.types import Frame, Pixels, Response


# Codes from which a frame is trusted less and less, up to where it is not trusted at all. A
# finished picture has a shoulder there; RAW and float values are linear up to clipping.
RAMPS = {"encoded": (0.905, 0.98), "raw": (0.88, 0.985), "float": (0.97, 0.999)}


@dataclass(frozen=True)
class FrameCurve:
    """Tables over a frame's codes; None for float pixels, which are linear as they are.

    The colour conversion of a finished picture mixes channels before they clip, so a pixel that
    clips in one channel is not trusted in the others. RAW and float channels clip for themselves.
    """

    light: Float32[np.ndarray, "1 k 3"] | None
    trust: UInt8[np.ndarray, "1 k 3"] | None
    match: Match | None
    kind: str


def frame_curve(frame: Frame, response: Response | None, match: Match | None) -> FrameCurve:
    """Build the tables of a frame; `response` replaces the frame's own where it is given."""
    if frame.pixels.dtype == np.float32:
        return FrameCurve(None, None, match, "float")
    light = linear_table(response or frame.response, int(frame.white))
    if match is not None:
        light = matched(match, torch.from_numpy(light).T).T.numpy()
    trust = _trust(torch.linspace(0, 1, len(light)), frame.kind)
    return FrameCurve(
        np.ascontiguousarray(light[None], np.float32),
        np.ascontiguousarray(np.repeat(trust[None, :, None], 3, axis=2)),
        match,
        frame.kind,
    )


def read_light(
    pixels: Pixels, curve: FrameCurve, frame: Frame
) -> tuple[Float32[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w c"]]:
    """Return linear values and trust (255 = full; one or three channels) of stored pixels."""
    if curve.light is None or curve.trust is None:
        light = linearise(pixels, frame.response).permute(1, 2, 0).numpy()
        trust = _trust(torch.from_numpy(light), "float")
        if curve.match is not None:
            planes = torch.from_numpy(light).permute(2, 0, 1)
            light = matched(curve.match, planes).permute(1, 2, 0).numpy()
        return light, trust
    light, trust = cv2.LUT(pixels, curve.light), cv2.LUT(pixels, curve.trust)
    if curve.kind == "encoded":
        red, green, blue = cv2.split(trust)
        trust = cv2.min(cv2.min(red, green), blue)[..., None]
    return light, trust


def _trust(codes: Float[Tensor, "*shape"], kind: str) -> UInt8[np.ndarray, "*shape"]:
    return (255 * unclipped(codes, *RAMPS[kind])).round().to(torch.uint8).numpy()
