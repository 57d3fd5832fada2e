"""Light on simple bodies, as second-degree harmonics (Ramamoorthi and Hanrahan 2001)."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from numpy.random import Generator


Field = Float32[np.ndarray, "h w"]
Picture = Float32[np.ndarray, "h w 3"]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Lighting:
    """Light as seen from a view: a direction (right, up, backwards) -> radiance of a white body."""

    harmonics: Float[np.ndarray, "9 3"]
    axes: Float[np.ndarray, "3 3"]  # right, up and backwards of the view in the light's world
    gain: float = 1.0  # how much more or less of it reaches a body where it stands


def basis(directions: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 9"]:
    """Evaluate the real spherical harmonics up to the second degree.

    Example:
        >>> basis(np.array([0.0, 1.0, 0.0])).round(3)[:3].tolist()
        [0.282, 0.489, 0.0]
    """
    x, y, z = directions[..., 0], directions[..., 1], directions[..., 2]
    terms = [0.282095 + 0 * x, 0.488603 * y, 0.488603 * z, 0.488603 * x]
    terms += [1.092548 * x * y, 1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z]
    return np.stack([*terms, 0.546274 * (x * x - y * y)], axis=-1)


def surroundings(panorama: Picture) -> Float[np.ndarray, "9 3"]:
    """Express what a panorama throws on a matt white body by the harmonics of its normals.

    The world has x to the right, y up and z ahead of column 0.

    Example:
        >>> light = surroundings(np.ones((16, 32, 3), np.float32))
        >>> (basis(np.array([0.6, 0.8, 0.0])) @ light).round(2).tolist()
        [1.0, 1.0, 1.0]
    """
    height, width = panorama.shape[:2]
    elevation = (0.5 - (np.arange(height) + 0.5) / height)[:, None] * math.pi
    azimuth = (np.arange(width) + 0.5)[None] * (2 * math.pi / width)
    level = np.cos(elevation)
    towards = np.stack(
        np.broadcast_arrays(level * np.sin(azimuth), np.sin(elevation), level * np.cos(azimuth)),
        axis=-1,
    )
    solid = level * (2 * math.pi**2 / (height * width))
    light = np.tensordot(basis(towards), panorama * solid[..., None], axes=((0, 1), (0, 1)))
    return light * np.repeat([1.0, 2 / 3, 1 / 4], [1, 3, 5])[:, None]


def lit(
    lighting: Lighting, right: Field, up: Field, backwards: Field | float | None = None
) -> Picture:
    """Give the radiance of a matt white body whose normals are told in the view's directions.

    Without `backwards` the normals are completed to unit length, facing the camera.
    """
    if backwards is None:
        backwards = np.sqrt(np.clip(1 - right * right - up * up, 0, 1))
    normals = np.stack(np.broadcast_arrays(right, up, backwards), axis=-1)
    harmonics = (lighting.harmonics * lighting.gain).astype(np.float32)
    light = basis(normals @ lighting.axes.astype(np.float32)) @ harmonics
    floor = np.float32(0.12 * 0.282095) * harmonics[0]  # nothing is darker than some of the average
    return np.maximum(light, floor, out=light)


def piece(pixels: np.ndarray, size: tuple[int, int], generator: Generator) -> Picture:
    """Cut a pattern of mean 1 out of the middle half of a panorama's height, never magnified."""
    height, width = pixels.shape[:2]
    rows, columns = min(size[0], height // 2), min(size[1], width)
    top = int(generator.integers(height // 4, max(height // 4, height * 3 // 4 - rows) + 1))
    left = int(generator.integers(width - columns + 1))
    window = np.nan_to_num(pixels[top : top + rows, left : left + columns].astype(np.float32))
    if (rows, columns) != tuple(size):
        beyond = (0, size[0] - rows), (0, size[1] - columns), (0, 0)
        window = np.pad(window, beyond, mode="symmetric")
    window = window / np.maximum(window.mean(axis=(0, 1)), 1e-9)
    return np.clip(window, 0.15, 3.0, out=window).astype(np.float32, copy=False)
