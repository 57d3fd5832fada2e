"""Put a plate, moving things and a camera's pose together: noise-free radiance and exact maps."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Float, Float32

from deghost.data.figures import Part
from deghost.data.motion import Actor, Points, Ripple, Shot, nearness
from deghost.data.views import Plate


Picture = Float32[np.ndarray, "h w 3"]
Map = Float32[np.ndarray, "h w"]
Axes = Float[np.ndarray, "p 2 2"]

LATTICE = 8  # pixels between the points where smooth fields are computed
MOVED = 1.0  # pixels: less than that is not motion
LIT = 0.1  # relative change of light that counts as motion
SHADOW = 0.5  # how much light a shadow takes at most


@dataclass(frozen=True)
class Stage:
    """What all frames of a scene share."""

    plate: Plate
    actors: tuple[Actor, ...] = ()  # the farthest first
    ripples: tuple[Ripple, ...] = ()

    @cached_property
    def parts(self) -> tuple[tuple[Part, bool], ...]:
        """All parts in the order of `all_axes`, and whether each is mirrored."""
        parts: list[tuple[Part, bool]] = []
        for actor in self.actors:
            if actor.figure.footprint:
                parts.append((shadow(actor), False))
            parts += [(part, actor.figure.mirrored) for part in actor.figure.parts]
        return tuple(parts)


@dataclass(frozen=True)
class Patch:
    """One part as drawn into a frame: where, how much of each pixel it covers, who it is."""

    rows: slice
    columns: slice
    cover: Map
    part: int


@dataclass(frozen=True)
class Drawn:
    """A frame without noise: radiance, and the parts at each instant of its exposure."""

    radiance: Picture
    instants: tuple[tuple[Patch, ...], ...]
    places: Float[np.ndarray, "s p 2 2"]  # axes of all parts in the view, camera not applied
    matrices: Float[np.ndarray, "p 2 3"]  # pixel of each part -> pixel of the frame, half-way


def draw(stage: Stage, shot: Shot, instants: int) -> Drawn:
    """Render what a camera without noise sees, averaged over some instants of the exposure."""
    still = background(stage, shot)
    moment = shot.moment
    total, drawn, places, matrices = np.zeros_like(still), [], [], []
    for step in range(instants):
        time = moment.start + moment.duration * (step + 0.5) / instants
        canvas = still.copy() if instants > 1 else still
        axes = all_axes(stage.actors, time, shot.shift)
        matrices.append(_matrices(stage, axes, shot.camera))
        patches = tuple(_patches(stage, matrices[-1]))
        for patch, colour in patches:
            area = canvas[patch.rows, patch.columns]
            area *= cv2.cvtColor(1 - patch.cover, cv2.COLOR_GRAY2RGB)
            area += colour
        total = canvas if instants == 1 else total + canvas
        drawn.append(tuple(patch for patch, _ in patches))
        places.append(axes)
    radiance = total if instants == 1 else total / np.float32(instants)
    radiance = _shaken(_in_light(radiance, shot), shot.shake)
    return Drawn(radiance, tuple(drawn), np.stack(places), matrices[instants // 2])


def all_axes(actors: Sequence[Actor], time: float, shift: tuple[float, float]) -> Axes:
    """Axes of the parts of all actors in the view, each actor's shadow first."""
    axes = [np.zeros((0, 2, 2))]
    for actor in actors:
        segments = actor.segments(time, shift)
        if actor.figure.footprint:
            low = segments[..., 1].max()
            middle = (segments[..., 0].min() + segments[..., 0].max()) / 2
            axes.append(np.array([[[middle, low], [middle + actor.scale, low]]]))
        axes.append(segments)
    return np.concatenate(axes)


def shadow(actor: Actor) -> Part:
    """Make the soft dark patch under a figure, its axis a metre long from its middle."""
    wide, high = 0.7 * actor.figure.footprint * actor.scale, 0.09 * actor.scale
    high = max(1.5, high)
    y = np.arange(-math.ceil(2 * high), math.ceil(2 * high) + 1)[:, None] / high
    x = np.arange(-math.ceil(1.3 * wide), math.ceil(1.3 * wide) + 1)[None] / wide
    sprite = np.zeros((y.size, x.size, 4), np.float32)
    sprite[..., 3] = SHADOW * np.exp(-(np.abs(x) ** 4) * 1.5 - y * y)
    return Part(sprite, ((x.size - 1) / 2, (y.size - 1) / 2), actor.scale)


def background(stage: Stage, shot: Shot) -> Picture:
    """Look at the plate through the camera's pose, with ripples and parallax."""
    plate = stage.plate
    if not stage.ripples and not any(shot.shift):
        matrix = plate.matrix @ np.linalg.inv(shot.camera)
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpPerspective(
            plate.pixels, matrix, plate.size[::-1], flags=how, borderMode=cv2.BORDER_REFLECT
        )
    points = transform(np.linalg.inv(shot.camera), lattice(plate.size))
    seen = transform(plate.matrix, points + offset(stage, shot, points))
    grid = spread(seen, plate.size)
    columns, rows = cv2.split(grid)
    how = cv2.BORDER_REFLECT
    return cv2.remap(plate.pixels, columns, rows, cv2.INTER_LINEAR, borderMode=how)


def offset(stage: Stage, shot: Shot, points: Points) -> Points:
    """Where from, relative to points of the view, the picture at the time of a shot comes."""
    total = np.zeros_like(points)
    for ripple in stage.ripples:
        total += ripple.offset(points, shot.moment.middle)
    if any(shot.shift):
        focal = stage.plate.focal
        near = nearness(points, stage.plate.horizon, focal) - nearness(
            np.array([[0.0, -1e9]]), stage.plate.horizon, focal
        )
        total += focal * near[:, None] * np.array(shot.shift)
    return total


def background_flow(
    stage: Stage, shot: Shot, settle: Float[np.ndarray, "3 3"]
) -> tuple[Points, Points]:
    """How far points of the lattice move beyond `settled`, and from the reference to the frame."""
    points = lattice(stage.plate.size)
    moved = _followed(stage, shot, points)
    return moved - transform(settle, points), transform(shot.camera, moved) - points


def settled(stage: Stage, shot: Shot) -> Float[np.ndarray, "3 3"]:
    """The homography that follows the background best, by least squares; the rest is parallax."""
    if not any(shot.shift):
        return np.eye(3)
    points = lattice(stage.plate.size)
    moved = _followed(replace(stage, ripples=()), shot, points)
    matrix, _ = cv2.findHomography(points, moved, 0)
    return np.asarray(matrix, np.float64)


def _followed(stage: Stage, shot: Shot, points: Points) -> Points:
    """Where in the view the background at points of the reference is at the time of a shot."""
    moved = points
    if stage.ripples or any(shot.shift):
        for _ in range(8):
            moved = points - offset(stage, shot, moved)
    return moved


def lattice(size: tuple[int, int]) -> Points:
    """Points every LATTICE pixels, from 0 until beyond the last row and column."""
    steps = [np.arange(n // LATTICE + 2) * float(LATTICE) for n in size]
    y, x = np.meshgrid(*steps, indexing="ij")
    return np.stack([x.ravel(), y.ravel()], axis=1)


def spread(values: Float[np.ndarray, "m k"], size: tuple[int, int]) -> Float32[np.ndarray, "h w k"]:
    """Interpolate values at the points of a lattice linearly to all pixels."""
    rows, columns = (n // LATTICE + 2 for n in size)
    grid = values.reshape(rows, columns, -1).astype(np.float32)
    matrix = np.array([[1 / LATTICE, 0, 0], [0, 1 / LATTICE, 0]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    wide = cv2.warpAffine(grid, matrix, size[::-1], flags=how, borderMode=cv2.BORDER_REPLICATE)
    return wide.reshape(*size, -1)


def transform(matrix: Float[np.ndarray, "3 3"], points: Points) -> Points:
    """Apply a homography to points.

    Example:
        >>> transform(np.diag([2.0, 2.0, 1.0]), np.array([[1.0, 3.0]])).tolist()
        [[2.0, 6.0]]
    """
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return moved[:, :2] / moved[:, 2:]


def _matrices(
    stage: Stage, axes: Axes, camera: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "p 2 3"]:
    """Lead from the pixels of every part to those of the frame."""
    seen = transform(camera, axes.reshape(-1, 2)).reshape(axes.shape)
    pairs = zip(stage.parts, seen, strict=True)
    return np.array([part_matrix(p, axis, m) for (p, m), axis in pairs]).reshape(-1, 2, 3)


def _patches(stage: Stage, matrices: Float[np.ndarray, "p 2 3"]) -> Iterator[tuple[Patch, Picture]]:
    """Warp every part that touches the frame, the farthest first."""
    height, width = stage.plate.size
    for number, ((part, _), matrix) in enumerate(zip(stage.parts, matrices, strict=True)):
        rows, columns = part.sprite.shape[:2]
        corners = np.array([[0, 0], [columns, 0], [0, rows], [columns, rows]]) - 0.5
        corners = corners @ matrix[:, :2].T + matrix[:, 2]
        left, top = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
        right, bottom = np.minimum(np.ceil(corners.max(axis=0)) + 1, (width, height)).astype(int)
        if right <= left or bottom <= top:
            continue
        local = matrix - [[0, 0, left], [0, 0, top]]
        piece = cv2.warpAffine(part.sprite, local, (right - left, bottom - top))
        where = slice(top, bottom), slice(left, right)
        yield Patch(*where, piece[..., 3], number), piece[..., :3]


def part_matrix(
    part: Part, axis: Float[np.ndarray, "2 2"], mirrored: bool
) -> Float[np.ndarray, "2 3"]:
    """Lay a part's axis onto a segment of a frame: turned and stretched along it."""
    along = (axis[1] - axis[0]) / part.length
    stretch = float(np.hypot(*along))
    if stretch < 0.15:  # seen end on
        along = along * (0.15 / stretch) if stretch > 1e-6 else np.array([0.15, 0.0])
        stretch = 0.15
    across = np.array([-along[1], along[0]]) / stretch * (-1 if mirrored else 1)
    start = axis[0] - along * part.origin[0] - across * part.origin[1]
    return np.column_stack([along, across, start])


def _in_light(radiance: Picture, shot: Shot) -> Picture:
    """Apply a change of light."""
    lamp = shot.lamp
    if lamp.region == 1 and not lamp.bands[0]:
        return radiance if lamp.overall == 1 else radiance * np.float32(lamp.overall)
    size = radiance.shape[0], radiance.shape[1]
    points = transform(np.linalg.inv(shot.camera), lattice(size))
    return radiance * spread(lamp.gain(points)[:, None], size)


def _shaken(radiance: Picture, shake: tuple[float, float]) -> Picture:
    """Blur along the way that a camera turns while its shutter is open."""
    length = math.hypot(*shake)
    if length < 0.5:
        return radiance
    radius = math.ceil(length / 2) + 1
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1), np.float32)
    for share in np.linspace(-0.5, 0.5, 4 * radius + 1):
        x, y = radius + share * shake[0], radius + share * shake[1]
        left, top = int(x), int(y)
        for row, down in ((top, 1 - (y - top)), (top + 1, y - top)):
            kernel[row, left] += down * (1 - (x - left))
            kernel[row, left + 1] += down * (x - left)
    return cv2.filter2D(radiance, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
