"""Edge-preserving smoothing that is learned on a small image and read at any size.

The bilateral grid (Chen, Paris and Durand, Real-time edge-aware image processing with the bilateral
grid, SIGGRAPH 2007): pixels are gathered in coarse cells of place and level, the cells are blurred,
and each pixel, of any size of the image, reads the cell at its own place and level.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


EMPTY = 1e-4  # weight, in pixels, with which a level nearby unknown stays as it is
MOST_BINS = 128


@dataclass(frozen=True)
class Place:
    """Where a tile lies in its image."""

    top: int
    left: int
    size: tuple[int, int]  # height and width of the whole image


@dataclass(frozen=True)
class Grid:
    """Blurred sums of levels and of weights in cells of level, row and column."""

    cells: Float[Tensor, "2 z y x"]
    low: float  # level of the first bin
    step: float  # between bins


def build_grid(level: Float[Tensor, "h w"], spatial: float, step: float) -> Grid:
    """Gather a bilateral filter of `level`: Gaussian in place and in level.

    `spatial` is its standard deviation as a fraction of the longer side of the image, `step`
    that in level.
    """
    low, high = level.min().item(), level.max().item()
    step = max(step, (high - low) / MOST_BINS)
    h, w = level.shape
    rows, columns = (round(side / max(h, w) / spatial) + 1 for side in (h, w))
    bins = int((high - low) / step) + 2
    position = (level - low) / step
    below = position.long().clamp(max=bins - 2)
    row = (_centres(h, 0, h, level) * (rows - 1)).round().long()
    column = (_centres(w, 0, w, level) * (columns - 1)).round().long()
    cell = (below * rows + row[:, None]) * columns + column
    cells = level.new_zeros(2, bins * rows * columns)
    for offset, share in ((0, 1 + below - position), (rows * columns, position - below)):
        index = (cell + offset).flatten()
        cells[0].index_add_(0, index, (share * level).flatten())
        cells[1].index_add_(0, index, share.flatten())
    cells = _blurred(cells.view(2, bins, rows, columns))
    centre = low + step * torch.arange(bins, dtype=level.dtype, device=level.device)
    prior = torch.stack([EMPTY * centre, torch.full_like(centre, EMPTY)])
    return Grid(cells + prior[:, :, None, None], low, step)


def read_grid(grid: Grid, level: Float[Tensor, "h w"], place: Place) -> Float[Tensor, "h w"]:
    """Read the smoothed level of each pixel of a tile.

    A level that no pixel nearby had when the grid was built, such as a spark that the small
    image has lost, is read as itself, as far as the grid goes.
    """
    h, w = level.shape
    depth = 2 * (level - grid.low) / grid.step / (grid.cells.shape[1] - 1) - 1
    row = 2 * _centres(h, place.top, place.size[0], level) - 1
    column = 2 * _centres(w, place.left, place.size[1], level) - 1
    where = torch.stack([column.expand(h, w), row[:, None].expand(h, w), depth], dim=-1)
    total, weight = functional.grid_sample(
        grid.cells[None], where[None, None], padding_mode="border", align_corners=True
    )[0, :, 0]
    return total / weight


def _centres(count: int, first: int, whole: int, like: Tensor) -> Float[Tensor, " count"]:
    """Pixel centres as fractions of the whole side."""
    steps = torch.arange(first, first + count, dtype=like.dtype, device=like.device)
    return (steps + 0.5) / whole


def _blurred(cells: Float[Tensor, "2 z y x"]) -> Float[Tensor, "2 z y x"]:
    """Blur along each axis with a Gaussian of one cell, nothing lying beyond the border."""
    taps = torch.arange(-3, 4, dtype=cells.dtype, device=cells.device)
    kernel = torch.exp(-taps.square() / 2)
    kernel = kernel / kernel.sum()
    for axis in (2, 3, 4):
        shape, padding = [1, 1, 1, 1, 1], [0, 0, 0]
        shape[axis], padding[axis - 2] = len(taps), 3
        cells = functional.conv3d(cells[:, None], kernel.view(shape), padding=tuple(padding))[:, 0]
    return cells
