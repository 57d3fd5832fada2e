"""Tiles: how a picture is cut, and how maps made on the proxy are read at full size."""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import torch
from jaxtyping import Float
from torch import Tensor

from deghost.align.warp import Warp, Window, warp_window


def tile_windows(area: Window, tile: tuple[int, int]) -> list[Window]:
    """Cut an area into windows of at most `tile` (height, width), in reading order.

    Example:
        >>> tile_windows((10, 0, 3, 4), (2, 4))
        [(10, 0, 2, 4), (12, 0, 1, 4)]
    """
    top, left, height, width = area
    return [
        (y, x, min(tile[0], top + height - y), min(tile[1], left + width - x))
        for y in range(top, top + height, tile[0])
        for x in range(left, left + width, tile[1])
    ]


def read_map(small: Float[Tensor, "c h w"], window: Window, factor: int) -> Float[Tensor, "c y x"]:
    """Interpolate a proxy map, made of blocks of `factor` pixels, in a window of the full picture.

    Every pixel gets the value it would have if the whole map were enlarged. Beyond the outermost
    block centres the nearest value holds.

    Example:
        >>> read_map(torch.tensor([[[0.0, 1.0]]]), (0, 0, 1, 4), 2).flatten()
        tensor([0.0000, 0.2500, 0.7500, 1.0000])
    """
    if factor == 1:
        y, x, height, width = window
        return small[:, y : y + height, x : x + width]
    rows, down = _positions(window[0], window[2], factor, small.shape[1])
    columns, across = _positions(window[1], window[3], factor, small.shape[2])
    left, right = int(columns[0]), int(columns[-1]) + 2
    strip = small[:, :, left:right]
    upper = strip[:, rows].lerp(strip[:, (rows + 1).clamp(max=small.shape[1] - 1)], down[:, None])
    after = (columns + 1).clamp(max=small.shape[2] - 1) - left
    return upper[:, :, columns - left].lerp(upper[:, :, after], across)


def _positions(
    start: int, length: int, factor: int, blocks: int
) -> tuple[Tensor, Float[Tensor, " length"]]:
    """Index of the block before each pixel, and the share of the block after it."""
    place = (torch.arange(start, start + length) + 0.5) / factor - 0.5
    place = place.clamp(0, blocks - 1)
    before = place.floor().long().clamp(max=max(0, blocks - 1))
    return before, place - before


def read_unless(
    small: Float[Tensor, "c h w"], usual: float, window: Window, factor: int
) -> Float[Tensor, "c y x"] | None:
    """Read a map in a window; None if it has its `usual` value all over it, quick to tell."""
    y, x, height, width = (value // factor for value in window)
    blocks = small[:, max(0, y - 1) : y + height + 3, max(0, x - 1) : x + width + 3]
    if blocks.numel() and float(blocks.amin()) == usual == float(blocks.amax()):
        return None
    return read_map(small, window, factor)


def warp_planes(
    source: Float[Tensor, "c h w"], warp: Warp, window: Window
) -> tuple[Float[Tensor, "c y x"], Float[Tensor, "y x"]]:
    """Warp any number of planes, which hold `source_window(warp, window)`, into a window."""
    parts = [warp_window(part, warp, window) for part in source.split(4)]
    return torch.cat([part for part, _ in parts]) if len(parts) > 1 else parts[0][0], parts[0][1]


@contextmanager
def single_threaded_operators() -> Iterator[None]:
    """Let operators run on one thread each while tiles are spread over the cores."""
    torch_threads, cv2_threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(torch_threads)
        cv2.setNumThreads(cv2_threads)
