"""Things that move: bodies of textured, shaded parts, each a picture stretched along a segment."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32

from deghost.data.shading import Colour, Lighting, Picture, lit


Segments = Float[np.ndarray, "p 2 2"]  # start and end (right, up) of every part, m
Sprite = Float32[np.ndarray, "h w 4"]  # radiance times coverage, and coverage
EDGE = 2  # transparent pixels around a sprite
FLAT = 0.3  # how much the ends of a long part bend away: joints are covered with one cloth


@dataclass(frozen=True)
class Part:
    """A picture whose axis runs from `origin` to the right for `length` pixels."""

    sprite: Sprite
    origin: tuple[float, float]
    length: float


@dataclass(frozen=True)
class Figure:
    """A thing made of parts, the farthest first, and where they are at a time.

    `pose` gives each part's axis in metres from the figure's own place. A figure that stands on
    the ground throws a shadow `footprint` metres wide; others have none. `speed` is how fast, in
    metres a second to the right, its place moves for the pose to look natural.
    """

    kind: str
    parts: tuple[Part, ...]
    pose: Callable[[float], Segments]
    mirrored: bool = False  # whether parts have their upper side on the right of their axis
    footprint: float = 0.0
    speed: float = 0.0


@dataclass(frozen=True)
class Cloth:
    """What a surface is made of."""

    colour: Colour  # albedo
    texture: Picture | None = None  # a pattern of mean 1
    strength: float = 0.5
    gloss: float = 0.0  # how much of the sky it mirrors


def limb(
    length: float, radii: tuple[float, float], tilt: float, cloth: Cloth, lighting: Lighting
) -> Part:
    """Make a rounded, tapered part; sizes in pixels, `tilt` its usual angle, clockwise."""
    large = max(radii)
    width, height = (math.ceil(v + 2 * large) + 2 * EDGE for v in (length, 0.0))
    origin = large + EDGE - 0.5, (height - 1) / 2
    x = (np.arange(width, dtype=np.float32) - origin[0])[None]
    y = (np.arange(height, dtype=np.float32) - origin[1])[:, None]
    along = np.clip(x, 0, length)
    radius = radii[0] + (radii[1] - radii[0]) * along / max(length, 1e-6)
    away = np.hypot(x - along, y)
    cover = np.clip(radius - away + 0.5, 0, 1)
    across = np.minimum(away / radius, 0.97) / np.maximum(away, 1e-6)
    ends = (x - along) * across * (FLAT if length > large else 1)
    sides = y * across
    cosine, sine = math.cos(tilt), math.sin(tilt)
    white = lit(lighting, ends * cosine - sides * sine, -ends * sine - sides * cosine)
    colour = _surface(white, cloth)
    return Part(_with_cover(colour, cover), origin, length)


def panel(
    outline: Float[np.ndarray, "k 2"],
    pixels_per_metre: float,
    cloth: Cloth,
    lighting: Lighting,
    bulge: float = 0.35,
) -> Part:
    """Make a flat part with an outline in metres (right, up); its axis is a metre to the right.

    Its edges bend away from the camera: over `bulge` of its thickness the normals turn outwards.
    """
    low, high = outline.min(axis=0), outline.max(axis=0)
    width, height = (math.ceil(v * pixels_per_metre) + 2 * EDGE for v in high - low)
    origin = EDGE - low[0] * pixels_per_metre, EDGE + high[1] * pixels_per_metre
    points = outline * [pixels_per_metre, -pixels_per_metre] + origin
    cover = filled(points, (height, width))
    inside = cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    depth = max(1.0, bulge * float(inside.max()))
    flat = cv2.GaussianBlur(np.minimum(inside / depth, 1), (0, 0), max(0.6, depth / 3))
    right, down = -cv2.Sobel(flat, cv2.CV_32F, 1, 0), -cv2.Sobel(flat, cv2.CV_32F, 0, 1)
    steep = np.maximum(1.0, np.hypot(right, down) * depth / 4 / 0.9)
    right, down = right * (depth / 8) / steep, down * (depth / 8) / steep
    colour = _surface(lit(lighting, right, -down), cloth)
    return Part(_with_cover(colour, cover), origin, pixels_per_metre)


def filled(points: Float[np.ndarray, "k 2"], size: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
    """Draw a polygon with smooth edges, as coverage."""
    canvas = np.zeros(size, np.uint8)
    fixed = np.rint(points * 16).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], 255, lineType=cv2.LINE_AA, shift=4)
    return canvas.astype(np.float32) / 255


def soften(part: Part, sigma: float) -> Part:
    """Blur a part, as one in front of the focus is."""
    return Part(cv2.GaussianBlur(part.sprite, (0, 0), sigma), part.origin, part.length)


def _surface(white: Picture, cloth: Cloth) -> Picture:
    """Colour a white body that is lit."""
    colour = white * np.array(cloth.colour, np.float32)
    if cloth.texture is not None:
        height, width = white.shape[:2]
        pattern = cloth.texture[:height, :width] ** np.float32(cloth.strength)
        rows, columns = (
            -(-n // m) for n, m in zip((height, width), pattern.shape[:2], strict=True)
        )
        if rows > 1 or columns > 1:
            pattern = np.tile(pattern, (rows, columns, 1))[:height, :width]
        colour *= pattern
    if cloth.gloss:
        colour += white * np.float32(cloth.gloss)
    return colour


def _with_cover(colour: Picture, cover: Float32[np.ndarray, "h w"]) -> Sprite:
    sprite = np.empty((*cover.shape, 4), np.float32)
    np.multiply(colour, cover[..., None], out=sprite[..., :3])
    sprite[..., 3] = cover
    return sprite
