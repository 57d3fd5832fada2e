"""Compute a planned merge at full size, tile by tile."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.io.radiance_file import RadiancePixels
from deghost.merge.blending import blend, extended
from deghost.merge.classic import AVERAGES
from deghost.merge.guides import Guides
from deghost.merge.measured import merge_tile
from deghost.merge.reading import Source
from deghost.merge.settings import NETWORKS
from deghost.merge.tile_methods import TileMethod
from deghost.merge.tiles import Window, single_threaded_operators, tile_windows


HALF_MAX = 65504.0
AHEAD = 3  # windows begun for each worker before the first of them is taken

Piece = tuple[Window, Float[Tensor, "h w 3"]]


@dataclass(frozen=True)
class RenderedTile:
    """One merged piece, linear Rec. 709."""

    window: Window  # in the reference
    pixels: RadiancePixels  # of the planned type


def choose_tile_method(source: Source) -> TileMethod:
    """Choose how windows are computed, by the method of the plan.

    Raises a DeghostError if a network cannot be had.
    """
    method = source.plan.method
    if method in AVERAGES:
        return TileMethod(lambda source, guides, window: AVERAGES[method](source, window))
    if method == "deghostnet":
        from deghost.merge.refined import refined_method

        return refined_method(source)
    if method in NETWORKS:
        from deghost.merge.learned import learned_method

        return learned_method(source)
    return TileMethod(merge_tile)


def render(
    source: Source, guides: Guides, scale: float = 1.0, method: TileMethod | None = None
) -> Iterator[RenderedTile]:
    """Yield the merged tiles of a planned bracket; the caller writes or assembles them.

    Values are radiance, 1.0 = clipping of the reference, times `scale`.
    """
    way = method or choose_tile_method(source)
    frame = source.bracket.frames[source.plan.reference]
    matrix = torch.from_numpy(frame.to_rec709).float()
    neutral = bool(torch.equal(matrix, torch.eye(3)))
    half = source.plan.pixel_type == "half"
    area = source.plan.crop

    @torch.inference_mode()  # which is a thread's own, and lets threads run side by side
    def compute(window: Window) -> Piece:
        radiance = way.compute(source, guides, window)
        if not neutral:
            radiance = torch.einsum("oc,chw->ohw", matrix, radiance)
        radiance = (radiance * scale).clamp_(0, HALF_MAX if half else None)
        pixels = radiance.permute(1, 2, 0)
        return window, (pixels.half() if half and not way.overlap else pixels).contiguous()

    windows = [extended(window, area, way.overlap) for window in tile_windows(area, way.tile)]
    with _spread(compute, windows, way.workers) as pieces:
        for window, pixels in blend(pieces, windows, area, way.overlap) if way.overlap else pieces:
            yield RenderedTile(window, (pixels.half() if half else pixels).numpy())


@contextmanager
def _spread(
    compute: Callable[[Window], Piece], windows: Sequence[Window], workers: int
) -> Iterator[Iterator[Piece]]:
    """Compute windows in order, by several threads or in this one."""
    if workers == 1:
        yield map(compute, windows)
        return
    with single_threaded_operators(), ThreadPoolExecutor(workers) as pool:
        yield _in_order(pool, compute, windows, AHEAD * workers)


def _in_order(
    pool: Executor, compute: Callable[[Window], Piece], windows: Sequence[Window], ahead: int
) -> Iterator[Piece]:
    """Yield results in order; no more than `ahead` wait for whoever takes them."""
    waiting: deque[Future[Piece]] = deque()
    try:
        for window in windows:
            waiting.append(pool.submit(compute, window))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
