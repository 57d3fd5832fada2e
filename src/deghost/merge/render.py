"""Compute a planned merge at full size, tile by tile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from deghost.io.radiance_file import RadiancePixels
from deghost.merge.classic import AVERAGES
from deghost.merge.guides import Guides
from deghost.merge.plan import MergePlan
from deghost.merge.reading import Source, read_flowed, read_layer
from deghost.merge.tiles import (
    Window,
    read_unless,
    single_threaded_operators,
    tile_windows,
)
from deghost.merge.weighted import (
    Fusion,
    Layer,
    disagreement,
    extend,
    filled,
    grey,
    known,
    start_fusion,
)
from deghost.types import Mask, Radiance


TILE = (128, 1024)  # small enough for the processor's cache, wide enough for its vectors
WORKERS = 2
HALF_MAX = 65504.0


@dataclass(frozen=True)
class RenderedTile:
    """One merged piece, linear Rec. 709."""

    window: Window  # in the reference
    pixels: RadiancePixels  # of the planned type


def render(
    source: Source, guides: Guides, scale: float = 1.0, tile: tuple[int, int] = TILE
) -> Iterator[RenderedTile]:
    """Yield the merged tiles of a planned bracket; the caller writes or assembles them.

    Values are radiance, 1.0 = clipping of the reference, times `scale`.
    """
    frame = source.bracket.frames[source.plan.reference]
    matrix = torch.from_numpy(frame.to_rec709).float()
    neutral = bool(torch.equal(matrix, torch.eye(3)))
    half = source.plan.pixel_type == "half"

    @torch.inference_mode()  # which is a thread's own, and lets threads run side by side
    def compute(window: Window) -> RenderedTile:
        radiance = merge_tile(source, guides, window)
        if not neutral:
            radiance = torch.einsum("oc,chw->ohw", matrix, radiance)
        radiance = (radiance * scale).clamp_(0, HALF_MAX if half else None)
        pixels = radiance.permute(1, 2, 0)
        return RenderedTile(window, (pixels.half() if half else pixels).contiguous().numpy())

    with single_threaded_operators(), ThreadPoolExecutor(WORKERS) as pool:
        yield from pool.map(compute, tile_windows(source.plan.crop, tile))


def merge_tile(source: Source, guides: Guides, window: Window) -> Radiance:
    """Merge one tile; frames that moved all over it are not even read.

    Whether a pixel moved is judged on the mean of the channels, which is merged alongside.
    """
    if source.plan.method in AVERAGES:
        return AVERAGES[source.plan.method](source, window)
    first, *others = source.plan.order
    reference = read_layer(source, first, window)
    state = (start_fusion(reference), start_fusion(grey(reference)))
    for k in others:
        still = read_unless(guides.still[k][None], 1.0, window, guides.factor)
        if still is not None and float(still.amax()) == 0:
            continue
        layer = read_layer(source, k, window)
        state = _merge_in(state, layer, None if still is None else still[0], source.plan)
    for k in others:
        if (guide := guides.flows[k]) is None:
            continue
        usable = read_unless(guide.usable[None], 0.0, window, guides.factor)
        if usable is not None:
            layer = read_flowed(source, k, window, guide, guides.factor)
            state = _merge_in(state, layer, usable[0], source.plan)
    fill = read_unless(guides.fill, 0.0, window, guides.factor)
    return state[0].radiance if fill is None else filled(state[0], fill)


def _merge_in(
    state: tuple[Fusion, Fusion], layer: Layer, still: Mask | None, plan: MergePlan
) -> tuple[Fusion, Fusion]:
    """Add a layer to the merge and to its grey companion where it agrees with what is known."""
    fusion, grey_fusion = state
    if plan.motion.strength <= 0:
        return extend(fusion, layer, still), grey_fusion
    grey_layer = grey(layer)
    score = disagreement(known(grey_fusion), grey_layer)
    agreement = (score - plan.motion.certain).clamp_(min=0).square_().mul_(-0.5).exp_()
    still = agreement if still is None else agreement.mul_(still)
    return extend(fusion, layer, still), extend(grey_fusion, grey_layer, still)
