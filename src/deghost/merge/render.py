"""Compute a planned merge at full size, tile by tile."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float32

from deghost.align.warp import source_window
from deghost.merge.curves import FrameCurve, read_light
from deghost.merge.guides import Guides
from deghost.merge.plan import MergePlan
from deghost.merge.tiles import (
    Window,
    read_map,
    read_mask,
    single_threaded_operators,
    tile_windows,
    warp_planes,
)
from deghost.merge.weighted import Layer, disagreement, extend, filled, grey, known, start_fusion
from deghost.types import Bracket, Frame, Radiance


TILE = (256, 1024)  # small enough for the processor's cache, wide enough for its vectors
WORKERS = 2


@dataclass(frozen=True)
class RenderedTile:
    """One merged piece, linear Rec. 709."""

    window: Window  # in the reference
    radiance: Radiance


def render(
    bracket: Bracket,
    plan: MergePlan,
    curves: Sequence[FrameCurve],
    guides: Guides,
    tile: tuple[int, int] = TILE,
) -> Iterator[RenderedTile]:
    """Yield the merged tiles of a planned bracket; the caller writes or assembles them."""
    matrix = torch.from_numpy(bracket.frames[plan.reference].to_rec709).float()
    neutral = bool(torch.equal(matrix, torch.eye(3)))

    def compute(window: Window) -> RenderedTile:
        radiance = merge_tile(bracket, plan, curves, guides, window)
        if not neutral:
            radiance = torch.einsum("oc,chw->ohw", matrix, radiance).clamp(min=0)
        return RenderedTile(window, radiance)

    with single_threaded_operators(), ThreadPoolExecutor(WORKERS) as pool:
        yield from pool.map(compute, tile_windows(plan.crop, tile))


def merge_tile(
    bracket: Bracket,
    plan: MergePlan,
    curves: Sequence[FrameCurve],
    guides: Guides,
    window: Window,
) -> Radiance:
    """Merge one tile; frames that moved all over it are not even read."""
    first, *others = plan.order
    fusion = start_fusion(read_layer(bracket, plan, curves, first, window))
    for k in others:
        if plan.motion.strength <= 0:
            fusion = extend(fusion, read_layer(bracket, plan, curves, k, window))
            continue
        still = read_mask(guides.still[k], window, guides.factor)
        if still is not None and not bool(still.any()):
            continue
        layer = read_layer(bracket, plan, curves, k, window)
        score = disagreement(*grey(known(fusion), layer))
        agreement = (score - plan.motion.certain).clamp_(min=0).square_().mul_(-0.5).exp_()
        fusion = extend(fusion, layer, agreement if still is None else agreement.mul_(still))
    fill = None if guides.fill is None else read_map(guides.fill, window, guides.factor)
    return fusion.radiance if fill is None or not bool(fill.any()) else filled(fusion, fill)


def read_layer(
    bracket: Bracket, plan: MergePlan, curves: Sequence[FrameCurve], k: int, window: Window
) -> Layer:
    """Read what frame `k` shows in a window of the reference."""
    warp = plan.warps[k]
    source = source_window(warp, window)
    light, trust = _read_source(
        bracket.frames[k], curves[k], source, resampled=warp.integer_shift is None
    )
    both = torch.from_numpy(np.concatenate([light, trust], axis=2)).permute(2, 0, 1)
    warped, covered = warp_planes(both, warp, window)
    warped = warped.contiguous()  # planes one after the other: masks multiply them fast
    exposure = plan.relative[k]
    radiance = warped[:3].mul_(1 / exposure)
    certain = warped[3:].mul_(1 / 255).clamp_(0, 1).mul_(covered)
    return Layer(radiance, certain, exposure, plan.noise[k], plan.tolerances[k])


def _read_source(
    frame: Frame, curve: FrameCurve, source: Window, *, resampled: bool
) -> tuple[Float32[np.ndarray, "h w 3"], Float32[np.ndarray, "h w c"]]:
    """Read light and trust of a part of a frame.

    Interpolation mixes neighbours, so if the part will be `resampled` a pixel is trusted only as
    much as the least of its eight neighbours.
    """
    y, x, height, width = source
    rim = 1 if resampled else 0
    top, left = max(0, y - rim), max(0, x - rim)
    outer = frame.pixels[top : y + height + rim, left : x + width + rim]
    light, trust = read_light(np.ascontiguousarray(outer), curve, frame)
    if resampled:
        trust = cv2.erode(trust, np.ones((3, 3), np.uint8)).reshape(trust.shape)
    inner = (slice(y - top, y - top + height), slice(x - left, x - left + width))
    return light[inner], trust[inner].astype(np.float32)
