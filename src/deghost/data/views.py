"""Views of panoramas: the still background that simulated frames look at."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from jaxtyping import Float, Float16, Float32
from numpy.random import Generator

from deghost.data.shading import surroundings


FINEST = 1.5  # plate pixels per view pixel, at most: finer ones would alias when sampled linearly
TALLEST, WIDEST = 0.94, 0.9  # shares of a panorama's height and width that a crop may take
LARGEST = 65504.0  # of a half: what an infinite sun is taken for


@dataclass(frozen=True)
class Panorama:
    """An equirectangular picture of everything around a place, the horizon in its middle row."""

    name: str
    pixels: Float16[np.ndarray, "h w 3"] | Float32[np.ndarray, "h w 3"]  # linear Rec. 709
    light: Float[np.ndarray, "9 3"]  # what it sends from everywhere, see `surroundings`
    open_sky: bool  # whether vehicles and birds belong there
    ground: bool  # whether there is a ground to stand on, not only sky

    def __reduce__(self) -> tuple[Any, ...]:
        """Send another process the place of a file that is mapped into memory, not its pixels."""
        pixels: Any = self.pixels
        if isinstance(pixels, np.memmap) and pixels.filename is not None:
            pixels = Path(pixels.filename)
        return _received, (self.name, pixels, self.light, self.open_sky, self.ground)

    @property
    def density(self) -> float:
        """Pixels per radian along the horizon."""
        return self.pixels.shape[1] / (2 * math.pi)


@dataclass(frozen=True)
class Plate:
    """A part of a panorama with a margin around it, at most as fine as the panorama.

    `matrix` leads from pixels of the view (x, y, 1) to pixels of the plate. `axes` are unit
    vectors of the panorama's world along the view's right, up and backwards (to the camera).
    """

    name: str
    pixels: Float32[np.ndarray, "h w 3"]
    size: tuple[int, int]  # height and width of the view
    matrix: Float[np.ndarray, "3 3"]
    projection: Literal["equirectangular", "rectilinear"]
    focal: float  # view pixels per radian at the centre
    horizon: float  # row of the view that looks straight ahead
    axes: Float[np.ndarray, "3 3"]


def _received(
    name: str, pixels: Path | np.ndarray, light: np.ndarray, open_sky: bool, ground: bool
) -> Panorama:
    """Take a panorama from another process."""
    mapped = np.load(pixels, mmap_mode="r") if isinstance(pixels, Path) else pixels
    return Panorama(name, mapped, light, open_sky, ground)


def make_panorama(name: str, pixels: np.ndarray) -> Panorama:
    """Take an equirectangular picture, half or single floats, and measure its light."""
    target = min(pixels.shape[1], 128), min(pixels.shape[0], 64)
    small = cv2.resize(finite(pixels), target, interpolation=cv2.INTER_AREA)
    return Panorama(
        name, pixels, surroundings(small), _is_sky(small[4:26]), _is_ground(small[38:56])
    )


def _is_sky(above: Float32[np.ndarray, "h w 3"]) -> bool:
    """Tell a sky from a ceiling: bluish, and smooth from row to row."""
    bluish = float(np.median(above[..., 2] / (above[..., 0] + 1e-6))) > 1.15
    steps = np.abs(np.diff(np.log2(above.mean(axis=2) + 1e-5), axis=0))
    return bluish and float(steps.mean()) < 0.25


def _is_ground(below: Float32[np.ndarray, "h w 3"]) -> bool:
    """Tell a ground from the blurred filling under a picture of the sky alone."""
    steps = np.abs(np.diff(np.log2(below.mean(axis=2) + 1e-5), axis=1))
    return float(np.median(steps)) > 0.02


def finite(pixels: np.ndarray) -> Float32[np.ndarray, "h w 3"]:
    """Copy pixels as single floats from 0 to the largest half."""
    copy = np.array(pixels, np.float32)
    cv2.patchNaNs(copy, 0)
    return np.clip(copy, 0, LARGEST, out=copy)


def draw_plate(
    panorama: Panorama, size: tuple[int, int], generator: Generator, perspective: float = 0.3
) -> Plate:
    """Choose a part of a panorama at random: a crop, or a perspective view where one is possible.

    The edges of a perspective view with focal length f spread a radian over f + r**2 / f pixels,
    r pixels from the centre. Nothing may be magnified, so that the view must be small compared
    with the panorama: 115 x 115 for one of 1024 x 512, 512 x 384 for one of 4096 x 2048.
    """
    radius = math.hypot(*size) / 2 + margin(size)
    room = panorama.density**2 / 4 - radius**2
    if room >= 0 and generator.random() < perspective:
        middle, spread = panorama.density / 2, math.sqrt(room)
        focal = generator.uniform(max(0.6 * radius, middle - spread), middle + spread)
        return _perspective(panorama, size, focal, generator)
    return _crop(panorama, size, generator)


def made_motley(plate: Plate, generator: Generator) -> Plate:
    """Lay fine detail over a plate whose colours have nothing to do with one another.

    Photographs seldom have such; who learns from it cannot rely on colours being alike.
    """
    height, width = plate.pixels.shape[:2]
    cell = float(np.exp(generator.uniform(np.log(1.5), np.log(6.0))))  # pixels
    stops = generator.uniform(0.1, 0.8)
    coarse = math.ceil(height / cell), math.ceil(width / cell), 3
    cells = generator.standard_normal(coarse, np.float32) * np.float32(stops)
    detail = cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
    return replace(plate, pixels=plate.pixels * np.exp2(detail))


def margin(size: tuple[int, int]) -> int:
    """Pixels around a view that a moving camera may look into."""
    return 8 + max(size) // 24


def fits(size: tuple[int, int], panorama: tuple[int, int]) -> bool:
    """Tell whether a view with its margin can be cut out of a panorama, unmagnified (h, w).

    Example:
        >>> fits((384, 512), (512, 1024)), fits((480, 640), (512, 1024))
        (True, False)
    """
    border = 2 * margin(size)
    return size[0] + border <= TALLEST * panorama[0] and size[1] + border <= WIDEST * panorama[1]


def _crop(panorama: Panorama, size: tuple[int, int], generator: Generator) -> Plate:
    """Cut out a window near the horizon, reduced by a random factor."""
    height, width = panorama.pixels.shape[:2]
    border = margin(size)
    most = min(TALLEST * height / (size[0] + 2 * border), WIDEST * width / (size[1] + 2 * border))
    reduction = max(1.0, min(most, math.exp(generator.uniform(-0.25, 0.8))))
    around = (size[0] + 2 * border) * reduction, (size[1] + 2 * border) * reduction
    slack = max(0.0, (height - around[0]) / 2)
    lift = np.clip(generator.normal(0.0, 0.07) * height, -slack, slack)
    left = int(generator.integers(width))
    top = int(max(0, round((height - around[0]) / 2 - lift)))
    rows = slice(top, min(height, top + round(around[0])))
    columns = np.arange(left, left + round(around[1])) % width
    window = finite(panorama.pixels[rows].take(columns, axis=1))
    finer = min(FINEST, reduction)
    if reduction / finer > 1.001:
        target = (round(around[1] / reduction * finer), round(around[0] / reduction * finer))
        window = cv2.resize(window, target, interpolation=cv2.INTER_AREA)
    start = border * finer + generator.uniform(-0.5, 0.5, 2)  # no frame is sharper than the others
    matrix = np.array([[finer, 0, start[0]], [0, finer, start[1]], [0, 0, 1.0]])
    axes = _axes((left + around[1] / 2) / panorama.density)
    horizon = (height / 2 - top) / reduction - border
    focal = panorama.density / reduction
    plate = Plate(panorama.name, window, size, matrix, "equirectangular", focal, horizon, axes)
    return _maybe_mirrored(plate, generator)


def _perspective(
    panorama: Panorama, size: tuple[int, int], focal: float, generator: Generator
) -> Plate:
    """Project a window as a lens without distortion does."""
    border = margin(size)
    yaw, pitch = generator.uniform(0, 2 * math.pi), generator.normal(0, 0.12)
    grid = np.mgrid[-border : size[0] + border, -border : size[1] + border].astype(np.float32)
    down = (grid[0] - (size[0] - 1) / 2) / focal
    right = (grid[1] - (size[1] - 1) / 2) / focal
    ahead = math.cos(pitch) + down * math.sin(pitch)
    up = math.sin(pitch) - down * math.cos(pitch)
    columns = (np.arctan2(right, ahead) + yaw) * panorama.density - 0.5
    rows = panorama.pixels.shape[0] / 2 - np.arctan2(up, np.hypot(right, ahead)) * panorama.density
    first = math.floor(float(columns.min())) - 1
    wide = np.arange(first, math.ceil(float(columns.max())) + 2) % panorama.pixels.shape[1]
    top, bottom = max(0, int(rows.min()) - 2), int(rows.max()) + 3
    window = finite(panorama.pixels[top:bottom].take(wide, axis=1))
    coarser = panorama.density / focal
    if coarser > 1.3:
        window = cv2.GaussianBlur(window, (0, 0), 0.4 * math.sqrt(coarser**2 - 1))
    columns = (columns - first).astype(np.float32)
    rows = (rows - 0.5 - top).astype(np.float32)
    pixels = cv2.remap(window, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    matrix = np.array([[1.0, 0, border], [0, 1, border], [0, 0, 1]])
    horizon = (size[0] - 1) / 2 + math.tan(pitch) * focal
    plate = Plate(panorama.name, pixels, size, matrix, "rectilinear", focal, horizon, _axes(yaw))
    return _maybe_mirrored(plate, generator)


def _axes(yaw: float) -> Float[np.ndarray, "3 3"]:
    """Right, up and backwards of a level view; the world is (right, up, ahead) at yaw 0."""
    sine, cosine = math.sin(yaw), math.cos(yaw)
    return np.array([[cosine, 0, -sine], [0, 1, 0], [-sine, 0, -cosine]])


def _maybe_mirrored(plate: Plate, generator: Generator) -> Plate:
    """Swap left and right half of the time."""
    if generator.random() < 0.5:
        return plate
    pixels = cv2.flip(plate.pixels, 1)
    axes = plate.axes * np.array([[-1], [1], [1]])
    matrix = plate.matrix.copy()
    matrix[0, 2] = pixels.shape[1] - 1 - plate.matrix[0, 0] * (plate.size[1] - 1) - matrix[0, 2]
    return replace(plate, pixels=pixels, matrix=matrix, axes=axes)
