"""The moving things of the sample bracket: a walker and a balloon, lit by their panorama."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32
from numpy.random import Generator


Panorama = Float32[
    np.ndarray, "h w 3"
]  # linear RGB, equirectangular; the floor is in its lower half
Points = Float[np.ndarray, "n 3"]  # m from the camera: right of column 0, up, ahead of column 0
Colours = Float[np.ndarray, "n 3"]

EYE = 1.55  # m, height of the camera over the floor


@dataclass(frozen=True)
class Part:
    """A tapered capsule in metres with the linear colour of its surface."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radii: tuple[float, float]
    colour: tuple[float, float, float]
    gloss: float = 0.0  # reflectance at normal incidence
    glow: float = 0.0  # share of the light from behind that comes through


SKIN, HAIR = (0.42, 0.25, 0.18), (0.022, 0.016, 0.012)
SHIRT, TROUSERS, SHOES = (0.10, 0.17, 0.29), (0.030, 0.032, 0.040), (0.05, 0.03, 0.02)


def walker(time: float) -> list[Part]:
    """Somebody who walks from right to left across the view, 1.2 steps a second."""
    azimuth = math.radians(209.0 - 46.0 * time)
    distance = 1.16
    x, z = distance * math.sin(azimuth), distance * math.cos(azimuth)
    ahead = np.array([-math.cos(azimuth), 0.0, math.sin(azimuth)])
    aside = np.array([math.sin(azimuth), 0.0, math.cos(azimuth)])
    stride = math.sin(2 * math.pi * (0.6 * time + 0.16))

    def at(forward: float, height: float, sideways: float = 0.0) -> tuple[float, float, float]:
        point = np.array([x, height - EYE, z]) + forward * ahead + sideways * aside
        return float(point[0]), float(point[1]), float(point[2])

    parts = [
        Part(at(0.00, 0.98), at(0.02, 1.14), (0.135, 0.115), SHIRT),
        Part(at(0.02, 1.14), at(0.04, 1.36), (0.120, 0.125), SHIRT),
        Part(at(0.02, 1.40, -0.12), at(0.02, 1.40, 0.12), (0.065, 0.065), SHIRT),
        Part(at(0.00, 0.93, -0.05), at(0.00, 0.93, 0.05), (0.125, 0.125), TROUSERS),
        Part(at(0.02, 1.42), at(0.045, 1.54), (0.056, 0.054), SKIN),
        Part(at(0.085, 1.545), at(0.065, 1.645), (0.058, 0.086), SKIN),
        Part(at(0.155, 1.585), at(0.146, 1.62), (0.015, 0.009), SKIN),
        Part(at(0.035, 1.60, -0.085), at(0.030, 1.625, -0.088), (0.010, 0.013), SKIN),
        Part(at(0.005, 1.63), at(0.045, 1.685), (0.078, 0.083), HAIR),
        Part(at(0.045, 1.69), at(0.100, 1.70), (0.082, 0.052), HAIR),
    ]
    for side in (-1.0, 1.0):
        swing = side * stride
        hip, lift = 0.10 * side, 0.07 * max(0.0, -swing)
        knee = at(0.20 * swing + 0.05, 0.50 + lift, hip)
        ankle = at(0.34 * swing - 0.02, 0.10 + lift, hip)
        toe = at(0.34 * swing + 0.15, 0.045 + 0.3 * lift, hip)
        elbow = at(-0.15 * swing - 0.03, 1.13, 0.21 * side)
        wrist = at(-0.28 * swing + 0.07, 0.93, 0.20 * side)
        hand = at(-0.32 * swing + 0.10, 0.85, 0.19 * side)
        parts += [
            Part(at(0.0, 0.92, 0.8 * hip), knee, (0.098, 0.068), TROUSERS),
            Part(knee, ankle, (0.066, 0.056), TROUSERS),
            Part(ankle, toe, (0.055, 0.038), SHOES),
            Part(at(0.02, 1.39, 0.18 * side), elbow, (0.062, 0.048), SHIRT),
            Part(elbow, wrist, (0.046, 0.036), SHIRT),
            Part(wrist, hand, (0.030, 0.038), SKIN),
        ]
    return parts


def balloon(time: float) -> list[Part]:
    """A red balloon that rises slowly past the windows."""
    azimuth, height = math.radians(232.0 + 13.0 * time), 0.28 + 0.10 * time
    x, z = 1.15 * math.sin(azimuth), 1.15 * math.cos(azimuth)
    red = (0.42, 0.012, 0.016)
    body = Part((x, height, z), (x + 0.010, height - 0.105, z), (0.130, 0.066), red, 0.05, 0.35)
    knot = Part((x + 0.016, height - 0.172, z), (x + 0.018, height - 0.190, z), (0.008, 0.016), red)
    return [body, knot]


def directions(columns: np.ndarray, rows: np.ndarray, size: tuple[int, int]) -> Points:
    """Unit vectors through panorama positions, whose pixel centres are whole numbers."""
    height, width = size
    azimuth = (columns.ravel() + 0.5) * (2 * math.pi / width)
    elevation = (0.5 - (rows.ravel() + 0.5) / height) * math.pi
    level = np.cos(elevation)
    return np.stack([level * np.sin(azimuth), np.sin(elevation), level * np.cos(azimuth)], axis=1)


def look_up(panorama: Panorama, towards: Points) -> Colours:
    """Radiance from given directions, nearest pixel."""
    height, width = panorama.shape[:2]
    columns = np.arctan2(towards[:, 0], towards[:, 2]) * (width / (2 * math.pi))
    rows = (0.5 - np.arcsin(np.clip(towards[:, 1], -1, 1)) / math.pi) * height
    return panorama[np.clip(rows.astype(int), 0, height - 1), np.floor(columns).astype(int) % width]


def harmonics(normals: Points) -> Float[np.ndarray, "n 9"]:
    """Real spherical harmonics up to the second degree."""
    x, y, z = normals.T
    one = np.full_like(x, 0.282095)
    first = [0.488603 * y, 0.488603 * z, 0.488603 * x]
    second = [1.092548 * x * y, 1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z]
    return np.stack([one, *first, *second, 0.546274 * (x * x - y * y)], axis=1)


def irradiance(panorama: Panorama) -> Float[np.ndarray, "9 3"]:
    """Diffuse light of a panorama as harmonics of the normal, after Ramamoorthi and Hanrahan 2001.

    The value for a normal, times the albedo, is the radiance of a matt surface.
    """
    height, width = panorama.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    solid = np.cos((0.5 - (rows + 0.5) / height) * math.pi) * (2 * math.pi**2 / (height * width))
    basis = harmonics(directions(columns, rows, (height, width)))
    light = basis.T @ (panorama.reshape(-1, 3) * solid.reshape(-1, 1))
    return light * np.repeat([1.0, 2 / 3, 1 / 4], [1, 3, 5])[:, None]


def distances(points: Points, parts: list[Part]) -> Float[np.ndarray, "n p"]:
    """Distance from points to the surface of each part."""
    columns = []
    for part in parts:
        start = np.array(part.start)
        axis = np.array(part.end) - start
        length = np.linalg.norm(axis)
        slope = (part.radii[1] - part.radii[0]) / length
        axial = (points - start) @ axis / length
        radial = np.sqrt(np.maximum(((points - start) ** 2).sum(axis=1) - axial**2, 0))
        along = np.clip(axial + radial * slope / math.sqrt(1 - slope**2), 0, length)
        columns.append(np.hypot(axial - along, radial) - part.radii[0] - slope * along)
    return np.stack(columns, axis=1)


def surface(points: Points, parts: list[Part]) -> Float[np.ndarray, " n"]:
    """Distance to the parts melted into one body (exponential smooth minimum, 12 mm)."""
    softness = 0.012
    each = distances(points, parts)
    nearest = each.min(axis=1)
    spread = np.exp((nearest[:, None] - each) / softness).sum(axis=1)
    return nearest - softness * np.log(spread)


def trace(rays: Points, parts: list[Part]) -> tuple[Points, Bool[np.ndarray, " n"]]:
    """Follow rays from the camera until they touch the body (sphere tracing, Hart 1996)."""
    reach = np.full(len(rays), 0.4)
    live = np.arange(len(rays))
    touched = np.zeros(len(rays), dtype=bool)
    for _ in range(48):
        gap = surface(rays[live] * reach[live, None], parts)
        touched[live[gap < 1e-3]] = True
        reach[live] += 0.9 * gap
        live = live[(gap >= 1e-3) & (reach[live] < 2.5)]
    touched[live] = True  # rays that creep along a fold
    return rays * reach[:, None], touched


def shade(points: Points, parts: list[Part], around: Panorama, light: np.ndarray) -> Colours:
    """Radiance towards the camera of points on the body, mirroring `around` and lit by `light`."""
    step = 2e-3 * np.eye(3)
    slope = [surface(points + s, parts) - surface(points - s, parts) for s in step]
    normals = np.stack(slope, axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    owner = distances(points, parts).argmin(axis=1)
    albedo = np.array([part.colour for part in parts])[owner]
    gloss, glow = np.array([(part.gloss, part.glow) for part in parts])[owner].T[:, :, None]
    offset = points - np.array(parts[0].start)
    weave = np.sin(offset @ [61.0, 23.0, 57.0] + 2.0 * np.sin(offset @ [17.0, 41.0, 13.0]))
    folds = 1 + 0.10 * weave * (gloss[:, 0] == 0)
    lit = np.maximum(harmonics(normals) @ light, 0)
    through = np.maximum(harmonics(-normals) @ light, 0)
    kept = open_sky(points, normals, parts) * folds
    matt = albedo * ((1 - glow) * lit + glow * through) * kept[:, None]
    view = points / np.linalg.norm(points, axis=1, keepdims=True)
    facing = -(view * normals).sum(axis=1, keepdims=True)
    mirror = look_up(around, view + 2 * facing * normals)
    fresnel = (gloss + (1 - gloss) * (1 - np.clip(facing, 0, 1)) ** 5) * (gloss > 0)
    return matt * (1 - fresnel) + mirror * fresnel


def open_sky(points: Points, normals: Points, parts: list[Part]) -> Float[np.ndarray, " n"]:
    """Share of the surroundings that points with these normals see past the body."""
    blocked = np.zeros(len(points))
    for height in (0.03, 0.09, 0.22):
        free = surface(points + height * normals, parts)
        blocked += 0.33 * np.clip(1 - free / height, 0, 1)
    return np.clip(1 - blocked, 0, 1)


def bounds(parts: list[Part], size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of a panorama that a body and its shadow can touch."""
    ends = np.array([point for part in parts for point in (part.start, part.end)])
    far = np.linalg.norm(ends, axis=1)
    margin = 0.35 / far.min()
    azimuth = np.arctan2(ends[:, 0], ends[:, 2]) % (2 * math.pi)
    elevation = np.arcsin(ends[:, 1] / far)
    scale = size[0] / math.pi
    rows = (math.pi / 2 - elevation.max() - margin, math.pi / 2 - elevation.min() + margin)
    columns = (azimuth.min() - margin, azimuth.max() + margin)
    first, last = (max(0, int(scale * rows[0])), min(size[0], int(scale * rows[1]) + 1))
    return slice(first, last), slice(max(0, int(scale * columns[0])), int(scale * columns[1]) + 1)


def stand_in(
    panorama: Panorama,
    figure: Callable[[float], list[Part]],
    span: tuple[float, float],
    samples: int,
    generator: Generator,
) -> Panorama:
    """A panorama with a figure in it, averaged over a time span (s) and over each pixel's area."""
    size = panorama.shape[:2]
    times = span[0] + (span[1] - span[0]) * (np.arange(samples) + 0.5) / samples
    rows, columns = bounds([part for time in times for part in figure(time)], size)
    behind = panorama[rows, columns].reshape(-1, 3).astype(float)
    grid = np.mgrid[rows, columns]
    light, around = irradiance(panorama), cv2.GaussianBlur(panorama, (0, 0), size[0] / 256)
    total = np.zeros_like(behind)
    for time in times:
        parts = figure(time)
        shift = generator.uniform(-0.5, 0.5, 2)
        rays = directions(grid[1] + shift[1], grid[0] + shift[0], size)
        points, touched = trace(rays, parts)
        seen = behind * shadow(rays, parts)[:, None]
        seen[touched] = shade(points[touched], parts, around, light)
        total += seen
    result = panorama.copy()
    result[rows, columns] = (total / samples).reshape(*grid.shape[1:], 3)
    return result


def shadow(rays: Points, parts: list[Part]) -> Float[np.ndarray, " n"]:
    """How much of its light the floor keeps under a body, where rays meet the floor near it."""
    keeps = np.ones(len(rays))
    steep = np.flatnonzero(rays[:, 1] < -0.2)
    floor = rays[steep] * (-EYE / rays[steep, 1:2])
    keeps[steep] = open_sky(floor, np.array([[0.0, 1.0, 0.0]]), parts)
    return keeps
