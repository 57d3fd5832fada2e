"""Tiles: how a picture is cut, and how maps made on the proxy are read at full size."""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
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
    y, x, height, width = window
    top, bottom = _blocks(y, height, factor, small.shape[1])
    left, right = _blocks(x, width, factor, small.shape[2])
    planes = small[:, top:bottom, left:right].permute(1, 2, 0).contiguous().numpy()
    size = ((right - left) * factor, (bottom - top) * factor)
    large = cv2.resize(planes, size, interpolation=cv2.INTER_LINEAR) if factor > 1 else planes
    rows = np.arange(y, y + height) - top * factor
    columns = np.arange(x, x + width) - left * factor
    beyond = rows[-1] >= size[1] or columns[-1] >= size[0]  # left over beyond the last block
    part = large[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if beyond:
        part = large[np.minimum(rows, size[1] - 1)[:, None], np.minimum(columns, size[0] - 1)]
    return torch.from_numpy(part.reshape(height, width, -1)).permute(2, 0, 1).contiguous()


def _blocks(start: int, length: int, factor: int, count: int) -> tuple[int, int]:
    """The blocks that a stretch of pixels lies in, with one more at either end."""
    first = min(max(0, start // factor - 1), count - 1)
    return first, max(first + 1, min(count, (start + length - 1) // factor + 2))


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
