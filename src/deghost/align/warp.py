"""A frame's rigid warp, and the warping of tiles by it.

Coordinates are those of pixel centres: the middle of the top left pixel is (0, 0), x runs right.
"""

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from deghost.types import Matrix


Model = Literal["none", "shift", "rigid", "affine", "homography"]  # rigid: shifted and turned
Window = tuple[int, int, int, int]  # y, x, height, width
Coordinates = Float32[np.ndarray, "h w"]

LADDER: tuple[Model, ...] = ("none", "shift", "rigid", "affine", "homography")  # poor to rich
MARGIN = 2  # pixels around a sample that a cubic touches
BAND = 64  # rows of coordinates computed at once, which stay in the cache
STEPS = 1024.0  # coordinates are rounded to 1/1024 pixel, so that every tile rounds alike


@dataclass(frozen=True)
class Warp:
    """Where one frame shows what the reference shows, and why that is believed.

    `matrix` takes a pixel (x, y, 1) of a reference of `size` (height, width) to the pixel of the
    frame, of the same size, that shows the same thing. Residuals are 0 where both agree up to
    brightness and contrast, and about 1 where they are unrelated; they are NaN where unmeasured.
    """

    matrix: Matrix
    size: tuple[int, int]
    model: Model = "none"
    residual_before: float = float("nan")
    residual_after: float = float("nan")
    inliers: float = 0.0  # share of the compared pixels that agree under the warp
    reason: str = ""
    failed: bool = False  # the frames show different things here, and no warp was found

    def scaled_to(self, size: tuple[int, int]) -> "Warp":
        """Return the same warp between frames of another size.

        Example:
            >>> half = Warp(np.array([[1.0, 0, 3], [0, 1, 0], [0, 0, 1]]), (10, 20), "shift")
            >>> half.scaled_to((20, 40)).matrix[0].tolist()
            [1.0, 0.0, 6.0]
        """
        if size == self.size or np.array_equal(self.matrix, np.eye(3)):
            return replace(self, size=size)  # rounding must not turn a copy into a resampling
        return replace(self, matrix=rescaled(self.matrix, self.size, size), size=size)

    @property
    def integer_shift(self) -> tuple[int, int] | None:
        """Rows and columns to shift by if that is all the warp does, else None."""
        shift = np.rint(self.matrix[:2, 2])
        whole = np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]])
        return (int(shift[1]), int(shift[0])) if np.array_equal(self.matrix, whole) else None


def scaling(size: tuple[int, int], to: tuple[int, int]) -> Matrix:
    """Map pixel centres of an image to those of its resized copy: x' = (x + 1/2) s - 1/2."""
    sy, sx = to[0] / size[0], to[1] / size[1]
    return np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1.0]])


def rescaled(matrix: Matrix, size: tuple[int, int], to: tuple[int, int]) -> Matrix:
    """Turn a warp between images of one size into that between their resized copies."""
    scaled = scaling(size, to) @ matrix @ scaling(to, size)
    return scaled / scaled[2, 2]


def nearest_model(matrix: Matrix, model: Model, size: tuple[int, int]) -> Matrix:
    """Fit a simpler model to a warp: least squares over a 3 x 3 grid on the picture."""
    if model == "homography":
        return matrix
    rows, columns = np.meshgrid(*(np.linspace(0, n - 1, 3) for n in size), indexing="ij")
    grid = np.stack([columns.ravel(), rows.ravel()], 1)
    mapped = transform(matrix, grid)
    nearest = np.eye(3)
    if model == "shift":
        nearest[:2, 2] = (mapped - grid).mean(0)
    elif model == "rigid":
        nearest = _nearest_rigid(grid, mapped)
    elif model == "affine":
        nearest[:2] = np.linalg.lstsq(np.c_[grid, np.ones(9)], mapped, rcond=None)[0].T
    return nearest


def _nearest_rigid(points: Float[np.ndarray, "n 2"], mapped: Float[np.ndarray, "n 2"]) -> Matrix:
    """Shift and turn points so that they come nearest to others (Kabsch 1976)."""
    (x, y), (u, v) = ((p - p.mean(0)).T for p in (points, mapped))
    angle = np.arctan2((x * v - y * u).sum(), (x * u + y * v).sum())
    rigid = np.eye(3)
    rigid[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    rigid[:2, 2] = mapped.mean(0) - rigid[:2, :2] @ points.mean(0)
    return rigid


def simplest_model(matrix: Matrix, size: tuple[int, int], tolerance: float) -> tuple[Matrix, Model]:
    """Find the simplest model within some pixels of a warp all over the picture."""
    for model in LADDER[:-1]:
        nearest = nearest_model(matrix, model, size)
        if displacement(nearest, matrix, size) < tolerance:
            return nearest, model
    return matrix, "homography"


def displacement(first: Matrix, second: Matrix, size: tuple[int, int]) -> float:
    """Return how far two warps differ at most at the picture's corners, in pixels."""
    frame = corners((0, 0, *size))
    return float(np.linalg.norm(transform(first, frame) - transform(second, frame), axis=1).max())


def transform(matrix: Matrix, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """Map points (x, y) by a projective matrix.

    Example:
        >>> transform(np.array([[1, 0, 3.0], [0, 1, 0], [0, 0, 2]]), np.array([[1.0, 4.0]]))
        array([[2., 2.]])
    """
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped[:, :2] / mapped[:, 2:]


def corners(window: Window) -> Float[np.ndarray, "4 2"]:
    """List the centres of a window's corner pixels (x, y), clockwise from the top left."""
    y, x, height, width = window
    bottom, right = y + height - 1, x + width - 1
    return np.array([[x, y], [right, y], [right, bottom], [x, bottom]], dtype=np.float64)


def source_window(warp: Warp, window: Window) -> Window:
    """Find the part of the frame needed to fill a window of the reference.

    It holds the margin of interpolation, is clipped to the frame, and has at least one pixel.
    """
    bounds = transform(warp.matrix, corners(window))
    margin = 0 if warp.integer_shift is not None else MARGIN
    limit = np.array([warp.size[1] - 1, warp.size[0] - 1])
    low = np.clip(np.floor(bounds.min(0)) - margin, 0, limit).astype(int)
    high = np.clip(np.ceil(bounds.max(0)) + margin, 0, limit).astype(int)
    return int(low[1]), int(low[0]), int(high[1] - low[1] + 1), int(high[0] - low[0] + 1)


def warp_window(
    source: Float[Tensor, "c h w"], warp: Warp, window: Window
) -> tuple[Float[Tensor, "c y x"], Float[Tensor, "y x"]]:
    """Resample the frame's pixels into a window of the reference.

    `source` holds the frame's `source_window(warp, window)`, in one to four channels. The mask is
    1 where the frame shows the window's pixel and 0 beyond the frame's edge, where the edge is
    repeated. Interpolation is cubic (Keys 1981, a = -0.75), floored at zero; shifts by whole
    pixels copy. A tile has, to the bit, the values it would have in the whole image.
    """
    origin = source_window(warp, window)
    if source.shape[1:] != origin[2:]:
        raise ValueError(f"source is {tuple(source.shape[1:])}, but the window needs {origin[2:]}")
    shift = warp.integer_shift
    if shift is not None:
        return _copy_shifted(source, shift, warp.size, window, origin)
    columns, rows = _coordinates(warp.matrix, window, origin)
    pixels = source.permute(1, 2, 0).numpy()
    warped = cv2.remap(pixels, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    warped = np.maximum(warped, 0, out=warped).reshape(*window[2:], -1)
    if _all_inside(warp, window):
        coverage = torch.ones(window[2:])
    else:
        inside = _inside(rows, warp.size[0], origin[0]) & _inside(columns, warp.size[1], origin[1])
        coverage = torch.from_numpy(inside.astype(np.float32))
    return torch.from_numpy(warped).permute(2, 0, 1), coverage


def _copy_shifted(
    source: Float[Tensor, "c h w"],
    shift: tuple[int, int],
    size: tuple[int, int],
    window: Window,
    origin: Window,
) -> tuple[Float[Tensor, "c y x"], Float[Tensor, "y x"]]:
    rows = torch.arange(window[0], window[0] + window[2]) + shift[0]
    columns = torch.arange(window[1], window[1] + window[3]) + shift[1]
    covered_rows = (rows >= 0) & (rows < size[0])
    covered_columns = (columns >= 0) & (columns < size[1])
    coverage = (covered_rows[:, None] & covered_columns).to(source.dtype)
    if bool(covered_rows.all()) and bool(covered_columns.all()):
        return source, coverage
    rows = (rows - origin[0]).clamp(0, origin[2] - 1)
    columns = (columns - origin[1]).clamp(0, origin[3] - 1)
    copied = source.permute(1, 2, 0)[rows[:, None], columns]
    return copied.permute(2, 0, 1), coverage


def _coordinates(matrix: Matrix, window: Window, origin: Window) -> tuple[Coordinates, Coordinates]:
    y, x, height, width = window
    down = np.arange(y, y + height, dtype=np.float64)[:, None]
    across = np.arange(x, x + width, dtype=np.float64)
    columns = np.empty((height, width), np.float32)
    rows = np.empty((height, width), np.float32)
    scaled = matrix * np.array([[STEPS], [STEPS], [1.0]])
    flat = not matrix[2, :2].any()
    for start in range(0, height, BAND):
        band = slice(start, start + BAND)
        depth = matrix[2, 0] * across + (matrix[2, 1] * down[band] + matrix[2, 2])
        for out, row, offset in ((columns, scaled[0], origin[1]), (rows, scaled[1], origin[0])):
            place = row[0] * across + (row[1] * down[band] + row[2])
            if not flat:
                place /= depth
            np.rint(place, out=place)
            place -= offset * STEPS
            np.multiply(place, 1 / STEPS, out=out[band], casting="same_kind")
    return columns, rows


def _all_inside(warp: Warp, window: Window) -> bool:
    places = transform(warp.matrix, corners(window))
    limit = np.array([warp.size[1] - 1, warp.size[0] - 1])
    return bool((places > 1 / STEPS).all() and (places < limit - 1 / STEPS).all())


def _inside(place: Coordinates, length: int, offset: int) -> np.ndarray:
    return (place >= -offset) & (place <= length - 1 - offset)
