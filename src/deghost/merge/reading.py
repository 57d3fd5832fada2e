"""Read what a frame shows in a window of the reference: codes, light, warp."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from deghost.align.flow import upsample_flow
from deghost.align.warp import MARGIN, source_window, transform
from deghost.merge.curves import FrameCurve, read_light
from deghost.merge.guides import FlowGuide
from deghost.merge.plan import MergePlan
from deghost.merge.tiles import Window, warp_planes
from deghost.merge.weighted import Layer
from deghost.types import Bracket


@dataclass(frozen=True)
class Source:
    """The frames as stored, how they are to be merged, and their curves."""

    bracket: Bracket
    plan: MergePlan
    curves: tuple[FrameCurve, ...]


def read_layer(source: Source, k: int, window: Window) -> Layer:
    """Read what frame `k` shows in a window of the reference."""
    return _as_layer(source.plan, k, *read_planes(source, k, window))


def read_planes(
    source: Source, k: int, window: Window
) -> tuple[Float[Tensor, "planes y x"], Float[Tensor, "y x"]]:
    """Read a frame's planes in a window of the reference, and where the frame covers it."""
    warp = source.plan.warps[k]
    planes = _read(source, k, source_window(warp, window), resampled=warp.integer_shift is None)
    return warp_planes(torch.from_numpy(planes).permute(2, 0, 1), warp, window)


def read_flowed(source: Source, k: int, window: Window, guide: FlowGuide, factor: int) -> Layer:
    """Read what frame `k` shows where its flow leads from a window of the reference."""
    y, x, height, width = window
    blocks = (guide.flow.shape[1] * factor, guide.flow.shape[2] * factor)
    flow = upsample_flow(guide.flow, blocks, window).numpy()
    columns = flow[0] + np.arange(x, x + width, dtype=np.float64)
    rows = flow[1] + np.arange(y, y + height, dtype=np.float64)[:, None]
    points = np.stack([columns.ravel(), rows.ravel()], 1)
    places = transform(source.plan.warps[k].matrix, points).reshape(height, width, 2)
    limit = np.array([source.plan.size[1] - 1, source.plan.size[0] - 1])
    covered = ((places >= 0) & (places <= limit)).all(2)
    low = np.clip(np.floor(places.min((0, 1))).astype(int) - MARGIN, 0, limit)
    high = np.clip(np.ceil(places.max((0, 1))).astype(int) + MARGIN, 0, limit)
    part = (int(low[1]), int(low[0]), int(high[1] - low[1] + 1), int(high[0] - low[0] + 1))
    planes = _read(source, k, part, resampled=True)
    places = (places - low).astype(np.float32)
    pieces = [
        cv2.remap(
            np.ascontiguousarray(piece),
            places[..., 0],
            places[..., 1],
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        ).reshape(height, width, -1)
        for piece in np.split(planes, [3], axis=2)
    ]
    warped = torch.from_numpy(np.maximum(np.concatenate(pieces, 2), 0)).permute(2, 0, 1)
    return _as_layer(source.plan, k, warped, torch.from_numpy(covered.astype(np.float32)))


def _as_layer(
    plan: MergePlan, k: int, warped: Float[Tensor, "c h w"], covered: Float[Tensor, "h w"]
) -> Layer:
    warped = warped.contiguous()  # planes one after the other: masks multiply them fast
    exposure = plan.relative[k]
    radiance = warped[:3].mul_(1 / exposure)
    certain = warped[3:].clamp_(0, 1).mul_(covered)
    return Layer(radiance, certain, exposure, plan.noise[k], plan.tolerances[k])


def _read(
    source: Source, k: int, part: Window, *, resampled: bool
) -> Float32[np.ndarray, "h w planes"]:
    """Read light and trust of a part of a frame, with a rim for neighbours that are mixed."""
    y, x, height, width = part
    frame = source.bracket.frames[k]
    rim = 1 if resampled or frame.kind == "raw" else 0
    top, left = max(0, y - rim), max(0, x - rim)
    outer = frame.pixels[top : y + height + rim, left : x + width + rim]
    planes = read_light(np.ascontiguousarray(outer), source.curves[k], frame, spread=resampled)
    return planes[y - top : y - top + height, x - left : x - left + width]
