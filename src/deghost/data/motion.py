"""What changes from frame to frame: the camera's place, moving things, the scene, its light."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

from deghost.data.figures import Figure, Segments


Points = Float[np.ndarray, "m 2"]  # x, y in pixels of the view
Hold = Literal["tripod", "aligned", "hand"]

EYE = 1.55  # m, height of the camera above the ground
HORIZON_DISTANCE = 12.0  # m; nothing without a figure is nearer to a camera that has been aligned


SHORE = 24.0  # rows over which water begins to move
MOST_STRAIN = 0.6  # pixels a pixel; at 1 a picture folds over itself


@dataclass(frozen=True)
class Moment:
    """When a frame's shutter opens and for how long, s; 0 is half-way through the reference's."""

    start: float
    duration: float

    @property
    def middle(self) -> float:
        """Half-way between opening and closing."""
        return self.start + self.duration / 2


@dataclass(frozen=True)
class Actor:
    """A figure in the view: its place at time 0, in pixels, and how that changes."""

    figure: Figure
    place: tuple[float, float]  # x, y of the figure's own origin
    velocity: tuple[float, float]  # pixels a second
    acceleration: float  # pixels a second squared, downwards
    scale: float  # pixels a metre
    distance: float  # m

    def segments(self, time: float, shift: tuple[float, float]) -> Float[np.ndarray, "p 2 2"]:
        """Axes of the parts in the view at a time, for a camera moved by `shift` metres."""
        fall = self.velocity[1] * time + self.acceleration * time * time / 2
        x = self.place[0] + self.velocity[0] * time
        y = self.place[1] + fall
        nearer = 1 / self.distance - 1 / HORIZON_DISTANCE
        focal = self.scale * self.distance
        offset = np.array([x - focal * nearer * shift[0], y - focal * nearer * shift[1]])
        pose: Segments = self.figure.pose(time)
        return pose * [self.scale, -self.scale] + offset


@dataclass(frozen=True)
class Ripple:
    """Leaves, water, heat: a region where points swing about their place, smoothly over the view.

    `waves` rows are: cycles a pixel in x and y, cycles a second, phase, amplitude in x and in y.
    """

    waves: Float[np.ndarray, "w 6"]
    centre: tuple[float, float]
    spread: tuple[float, float]  # pixels, in x and y
    below: float | None  # only rows below this one, for water

    def strength(self, points: Points) -> Float[np.ndarray, " m"]:
        """How much each point takes part, from 0 to 1."""
        away = ((points - self.centre) / self.spread) ** 2
        strength = np.exp(-0.5 * away.sum(axis=1) ** 2)
        if self.below is not None:
            strength = strength * np.clip((points[:, 1] - self.below) / SHORE, 0, 1)
        return strength

    def offset(self, points: Points, time: float) -> Points:
        """Where from, relative to each point, the picture at a time comes; 0 at time 0."""
        total = np.zeros_like(points)
        for x, y, rate, phase, right, down in self.waves:
            angle = 2 * math.pi * (points @ [x, y]) + phase
            swing = np.sin(angle + 2 * math.pi * rate * time) - np.sin(angle)
            total += swing[:, None] * [right, down]
        return total * self.strength(points)[:, None]


@dataclass(frozen=True)
class Lamp:
    """Light that changes: a gain for the whole view and one for a soft region, none at time 0."""

    overall: float = 1.0
    region: float = 1.0
    centre: tuple[float, float] = (0.0, 0.0)
    spread: float = 1.0
    bands: tuple[float, float, float] = (0.0, 0.0, 0.0)  # strength, cycles a row, phase

    def gain(self, points: Points) -> Float[np.ndarray, " m"]:
        """Light at each point relative to that of the reference's moment."""
        away = ((points - self.centre) ** 2).sum(axis=1) / self.spread**2
        strength, rate, phase = self.bands
        band = 1 + strength * np.sin(2 * math.pi * rate * points[:, 1] + phase)
        return self.overall * band * np.exp(math.log(self.region) * np.exp(-0.5 * away**2))


@dataclass(frozen=True)
class Shot:
    """All that one frame does not share with the others.

    `camera` is how it is captured; it is then moved back by `resampled`, a part of a pixel, as
    aligned frames have been.
    """

    moment: Moment
    camera: Float[np.ndarray, "3 3"]  # pixel of the view -> pixel of the frame
    shift: tuple[float, float]  # m, right and down: how far the camera has moved
    shake: tuple[float, float]  # pixels that the camera turns while the shutter is open
    lamp: Lamp = Lamp()
    resampled: tuple[float, float] = (0.0, 0.0)


def draw_camera_pose(
    size: tuple[int, int], hold: Hold, generator: Generator
) -> Float[np.ndarray, "3 3"]:
    """Draw a homography: a held camera's, or what a good alignment leaves of one."""
    if hold == "tripod":
        return np.eye(3)
    width = max(size)
    if hold == "hand":
        turn = math.radians(float(np.clip(generator.normal(0, 0.35), -1, 1)))
        x, y = np.clip(generator.normal(0, 0.008, 2), -0.02, 0.02) * width
        tilt = generator.normal(0, 0.004, 2) / width
        zoom = math.exp(generator.normal(0, 0.001))
    else:
        error = math.exp(generator.normal(math.log(0.25), 0.8))
        x, y = np.clip(generator.normal(0, error, 2), -2, 2)
        turn, zoom = generator.normal(0, error) / width, 1 + generator.normal(0, error) / width
        tilt = generator.normal(0, error, 2) / width**2
    cosine, sine = zoom * math.cos(turn), zoom * math.sin(turn)
    moved = np.array([[cosine, -sine, x], [sine, cosine, y], [*tilt, 1]])
    middle = np.array([[1, 0, (size[1] - 1) / 2], [0, 1, (size[0] - 1) / 2], [0, 0, 1.0]])
    return middle @ moved @ np.linalg.inv(middle)


def draw_ripple(
    size: tuple[int, int], horizon: float, reach: float, generator: Generator
) -> Ripple:
    """Draw leaves in a region of the view, or water below the horizon; `reach` in pixels.

    Waves that would fold the picture are made lower.
    """
    water = bool(generator.random() < 0.4 and 0.2 * size[0] < horizon < 0.8 * size[0])
    count = int(generator.integers(2, 6))
    wavelength = np.exp(generator.uniform(math.log(22), math.log(max(22, 0.6 * min(size))), count))
    angle = generator.uniform(0, 2 * math.pi, count)
    stretch = np.array([0.3, 1.0]) if water else np.array([1.0, 1.0])
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1) * stretch
    swing = generator.normal(0, reach / math.sqrt(count), (count, 2)) * stretch
    share = (0.8, 0.8) if water else generator.uniform(0.15, 0.4, 2)
    spread = float(share[0] * size[1]), float(share[1] * size[0])
    height = np.linalg.norm(swing, axis=1)
    border = SHORE if water else min(spread) / 1.3
    strain = 2 * (height * (2 * math.pi / wavelength + 1 / border)).sum()
    swing *= min(1.0, MOST_STRAIN / strain)
    rate, phase = generator.uniform(0.2, 2.0, count), generator.uniform(0, 2 * math.pi, count)
    waves = np.column_stack([direction / wavelength[:, None], rate, phase, swing])
    x, y = generator.uniform(0.2, 0.8, 2)
    centre = float(x * size[1]), float(size[0] if water else y * size[0])
    return Ripple(waves, centre, spread, horizon if water else None)


def nearness(points: Points, horizon: float, focal: float) -> Float[np.ndarray, " m"]:
    """One over the distance (m) of level ground, or of a far wall above it, seen at each point."""
    down = (points[:, 1] - horizon) / focal
    return np.maximum(np.tan(np.clip(down, -1.2, 1.2)) / EYE, 1 / HORIZON_DISTANCE)


def draw_lamp(size: tuple[int, int], strength: float, generator: Generator) -> Lamp:
    """Draw how the light of a frame differs from that of the reference."""
    if strength == 0:
        return Lamp()
    overall = math.exp(generator.normal(0, 0.05 * strength))
    region, bands = 1.0, (0.0, 0.0, 0.0)
    if generator.random() < 0.4:
        region = math.exp(generator.normal(0, 0.4 * strength))
    if generator.random() < 0.25:
        share = float(generator.uniform(0.02, 0.15) * strength)
        bands = share, float(generator.uniform(0.5, 3) / size[0]), float(generator.uniform(0, 6.3))
    centre = float(generator.uniform(0, size[1])), float(generator.uniform(0, size[0]))
    spread = float(generator.uniform(0.15, 0.5) * size[1])
    return Lamp(overall, region, centre, spread, bands)
