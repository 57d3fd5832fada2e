"""Vehicles, balls, birds, branches and cut-outs: the other moving things."""

import math

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

from deghost.data.figures import (
    Cloth,
    Figure,
    Part,
    Segments,
    Sprite,
    filled,
    limb,
    panel,
    soften,
)
from deghost.data.people import dye
from deghost.data.shading import Lighting, Picture, lit


Outline = Float[np.ndarray, "k 2"]  # m, right and up

GLASS = (0.035, 0.04, 0.045)
RUBBER = (0.025, 0.025, 0.026)
LEAVES = ((0.07, 0.12, 0.03), (0.13, 0.17, 0.04), (0.22, 0.12, 0.03), (0.03, 0.06, 0.03))


def vehicle(generator: Generator, scale: float, lighting: Lighting, texture: Picture) -> Figure:
    """Make a car, van or bus seen from its side, with wheels that turn."""
    kind = generator.choice(("car", "car", "van", "bus"))
    length = {"car": 4.2, "van": 5.3, "bus": 10.5}[kind] * generator.uniform(0.9, 1.1)
    height = {"car": 1.45, "van": 2.1, "bus": 2.9}[kind] * generator.uniform(0.94, 1.06)
    paint = Cloth(dye(generator), texture, 0.12 if kind == "car" else 0.3, gloss=0.04)
    body = _rounded(_silhouette(kind, length, height), 0.16)
    parts = [panel(body, scale, paint, lighting, 0.6)]
    glass = Cloth(GLASS, texture, 0.5, gloss=0.05)
    parts += [
        panel(_rounded(w, 0.06), scale, glass, lighting) for w in _windows(kind, length, height)
    ]
    dark = Cloth((0.03, 0.03, 0.032))
    sill = _box(0.02 * length, 0.28, 0.98 * length, 0.46)
    parts.append(panel(_rounded(sill, 0.05), scale, dark, lighting))
    lamps = [_box(length - 0.1, 0.62, length, 0.8), _box(0.0, 0.66, 0.1, 0.86)]
    colours = (0.8, 0.8, 0.75), (0.5, 0.02, 0.02)
    parts += [panel(o, scale, Cloth(c), lighting) for o, c in zip(lamps, colours, strict=True)]
    radius = 0.32 if kind == "car" else 0.44
    still = len(parts)
    axles = np.array([[0.19 * length, radius], [0.81 * length, radius]])
    wheel = _wheel(radius, scale, lighting)
    mirrored = bool(generator.random() < 0.5)
    speed = math.exp(generator.uniform(math.log(0.4), math.log(9)))  # m/s

    def pose(time: float) -> Segments:
        turn = -speed * time / radius
        spoke = np.array([math.cos(turn), math.sin(turn)])
        fixed = np.broadcast_to([[0.0, 0.0], [1.0, 0.0]], (still, 2, 2))
        wheels = np.stack([axles, axles + spoke], axis=1)
        segments = np.concatenate([fixed, wheels]) - [[length / 2, 0]]
        return segments * [-1, 1] if mirrored else segments

    towards = -speed if mirrored else speed
    return Figure(str(kind), (*parts, wheel, wheel), pose, mirrored, length, towards)


def _silhouette(kind: str, length: float, height: float) -> Outline:
    """Side view of a vehicle that drives to the right, as shares of its length and height."""
    shapes = {
        "car": [(0, 0.2), (0, 0.6), (0.05, 0.66), (0.16, 0.69), (0.27, 0.98), (0.35, 1), (0.55, 1)]
        + [(0.62, 0.96), (0.74, 0.69), (0.95, 0.6), (1, 0.48), (1, 0.2)],
        "van": [(0, 0.14), (0, 0.97), (0.02, 1), (0.74, 1), (0.8, 0.96), (0.9, 0.58), (1, 0.5)]
        + [(1, 0.14)],
        "bus": [(0, 0.11), (0, 0.97), (0.01, 1), (0.98, 1), (1, 0.94), (1, 0.11)],
    }
    return np.array(shapes[kind]) * [length, height]


def _windows(kind: str, length: float, height: float) -> list[Outline]:
    """Side windows."""
    if kind == "car":
        rear = [(0.21, 0.7), (0.29, 0.93), (0.43, 0.94), (0.43, 0.7)]
        front = [(0.455, 0.7), (0.455, 0.94), (0.55, 0.94), (0.6, 0.91), (0.7, 0.7)]
        return [np.array(w) * [length, height] for w in (rear, front)]
    if kind == "van":
        return [np.array([(0.7, 0.6), (0.7, 0.92), (0.77, 0.92), (0.87, 0.6)]) * [length, height]]
    edges = np.linspace(0.03, 0.97, 8) * length
    return [
        _box(a + 0.05, 0.5 * height, b, 0.87 * height)
        for a, b in zip(edges, edges[1:], strict=False)
    ]


def _wheel(radius: float, scale: float, lighting: Lighting) -> Part:
    """Make a tyre with a rim of five spokes, its axis along one of them."""
    tyre = _disc(radius)
    part = panel(tyre, scale, Cloth(RUBBER), lighting)
    rim = Cloth((0.35, 0.35, 0.36))
    for turn in np.arange(5) * (2 * math.pi / 5):
        blade = _box(0.0, -0.16 * radius, 0.66 * radius, 0.16 * radius)
        rotation = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        _paste(part, panel(blade @ rotation, scale, rim, lighting))
    return part


def _paste(below: Part, above: Part) -> None:
    """Draw one part onto another in place, at whole pixels."""
    left, top = (round(b - a) for a, b in zip(above.origin, below.origin, strict=True))
    height, width = above.sprite.shape[:2]
    rows, columns = slice(max(0, top), top + height), slice(max(0, left), left + width)
    target = below.sprite[rows, columns]
    piece = above.sprite[rows.start - top :, columns.start - left :][
        : len(target), : target.shape[1]
    ]
    target *= 1 - piece[..., 3:]
    target += piece


def ball(generator: Generator, scale: float, lighting: Lighting, texture: Picture) -> Figure:
    """Make a ball that spins or a balloon that hangs in the air."""
    radius = float(generator.uniform(0.07, 0.2))
    cloth = Cloth(
        dye(generator), texture, generator.uniform(0.05, 0.6), generator.choice((0, 0.05))
    )
    spin, phase = generator.normal(0, 4), generator.uniform(0, 6.28)
    size = max(2.0, radius * scale)
    sphere = limb(0.0, (size, size), 0.0, cloth, lighting)
    part = Part(sphere.sprite, sphere.origin, scale)

    def pose(time: float) -> Segments:
        turn = 0.15 * spin * time + 0.05 * phase
        return np.array([[[0.0, 0.0], [math.cos(turn), math.sin(turn)]]])

    return Figure("ball", (part,), pose, speed=generator.normal(0, 1.2))


def bird(generator: Generator, scale: float, lighting: Lighting, texture: Picture) -> Figure:
    """Make a bird that beats its wings."""
    colour = Cloth(((0.03, 0.03, 0.035), (0.5, 0.5, 0.5), (0.2, 0.14, 0.09))[generator.integers(3)])
    rate, phase = generator.uniform(2, 6), generator.uniform(0, 6.28)
    span, mirrored = generator.uniform(0.28, 0.6), bool(generator.random() < 0.5)
    thick = max(0.8, 0.05 * scale)
    parts = [
        limb(0.7 * span * scale, (thick, 0.4 * thick), 0.6, colour, lighting),
        limb(0.45 * span * scale, (0.8 * thick, 0.5 * thick), 0.0, colour, lighting),
        limb(0.7 * span * scale, (thick, 0.4 * thick), -0.6, colour, lighting),
    ]

    def pose(time: float) -> Segments:
        beat = 0.9 * math.sin(2 * math.pi * rate * time + phase)
        wings = [[math.cos(a), math.sin(a)] for a in (1.9 + 0.5 * beat, 1.0 + beat)]
        body = [[-0.2 * span, 0.0], [0.25 * span, 0.03]]
        root = [0.0, 0.03]
        tips = [[root[0] + 0.7 * span * c, root[1] + 0.7 * span * s] for c, s in wings]
        segments = np.array([[root, tips[0]], body, [root, tips[1]]])
        return segments * [-1, 1] if mirrored else segments

    speed = generator.uniform(2, 9) * (-1 if mirrored else 1)
    return Figure("bird", tuple(parts), pose, mirrored, speed=speed)


def branch(generator: Generator, scale: float, lighting: Lighting, texture: Picture) -> Figure:
    """Make a leafy twig that hangs or stands into the view and sways; its root is its place."""
    length = float(generator.uniform(0.6, 1.3))
    leaf = np.array(LEAVES[generator.integers(len(LEAVES))])
    sprite = _leaves(generator, length * scale, leaf, lighting)
    sway, rate = generator.uniform(0.01, 0.16), generator.uniform(0.3, 1.2)
    phase, lean = generator.uniform(0, 6.28), generator.uniform(-0.6, 0.6)
    hanging = bool(generator.random() < 0.7)
    part = soften(sprite, float(generator.uniform(0.5, 1.6)))

    def pose(time: float) -> Segments:
        angle = lean + sway * math.sin(2 * math.pi * rate * time + phase)
        angle += -math.pi / 2 if hanging else math.pi / 2
        return np.array([[[0.0, 0.0], [length * math.cos(angle), length * math.sin(angle)]]])

    return Figure("branch", (part,), pose)


def _leaves(
    generator: Generator, length: float, colour: Float[np.ndarray, " 3"], lighting: Lighting
) -> Part:
    """Draw a stem along the axis, and side twigs with leaves of every size and slant."""
    wide = 0.8 * length
    size = math.ceil(wide) + 6, math.ceil(1.2 * length) + 6
    origin = np.array([3.0, size[0] / 2])
    sprite = np.zeros((*size, 4), np.float32)
    wood = np.array([0.05, 0.035, 0.02]) * _facing(lighting, np.zeros(1))[0]
    twigs = [(np.zeros(2), 0.0, 1.0)]
    for at in generator.uniform(0.15, 0.85, int(generator.integers(4, 8))):
        angle = generator.choice((-1, 1)) * generator.uniform(0.35, 0.95)
        twigs.append((np.array([at, 0.0]), angle, generator.uniform(0.25, 0.45)))
    spots = []
    for start, angle, reach in twigs:
        way = np.array([math.cos(angle), math.sin(angle)])
        ends = np.array([start, start + reach * way]) * length + origin
        aside = np.array([-way[1], way[0]]) * max(0.4, length / 160)
        _paint(sprite, np.array([ends[0] - aside, ends[1], ends[0] + aside]), wood)
        for at in generator.uniform(0.12, 1.0, int(7 + 14 * reach)):
            spots.append((start + at * reach * way, angle + generator.normal(0, 0.8)))
    lights = _facing(lighting, generator.uniform(-0.7, 0.9, len(spots)))
    lights *= generator.uniform(0.45, 1.3, (len(spots), 1))
    for number, light in zip(generator.permutation(len(spots)), lights, strict=True):
        spot, angle = spots[number]
        stretch = max(3.0, generator.uniform(0.05, 0.12) * length)
        shape = _leaf(stretch, generator.uniform(0.25, 1.0), angle) + origin + spot * length
        _paint(sprite, shape, colour * light)
    return Part(sprite, (float(origin[0]), float(origin[1])), length)


def _leaf(length: float, slant: float, angle: float) -> Outline:
    """Outline of a leaf that starts at 0 and points at an angle; `slant` narrows it."""
    along = np.linspace(0, 1, 7)
    edge = 0.25 * slant * np.sin(math.pi * along**0.8)
    sides = np.concatenate([np.stack([along, edge], 1), np.stack([along, -edge], 1)[::-1]])
    cosine, sine = math.cos(angle), math.sin(angle)
    return length * sides @ np.array([[cosine, sine], [-sine, cosine]])


def _facing(lighting: Lighting, up: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
    """Light on leaves that face more or less upwards."""
    upwards = up[None].astype(np.float32)
    return lit(lighting, np.zeros_like(upwards), upwards)[0].astype(np.float64)


def _paint(sprite: Sprite, points: Outline, colour: Float[np.ndarray, " 3"]) -> None:
    """Fill a polygon (pixels) with a colour, in place."""
    low = np.maximum(np.floor(points.min(axis=0)).astype(int) - 1, 0)
    high = np.ceil(points.max(axis=0)).astype(int) + 2
    area = sprite[low[1] : high[1], low[0] : high[0]]
    if area.size:
        cover = filled(points - low, area.shape[:2])[..., None]
        area *= 1 - cover
        area += cover * np.append(colour, 1).astype(np.float32)


def cut_out(generator: Generator, scale: float, lighting: Lighting, texture: Picture) -> Figure:
    """Cut a soft-edged piece out of another picture: a box, a bag, a thing that is pushed past."""
    size = generator.uniform(0.3, 0.85, 2)
    angles = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    power = float(generator.choice((2.0, 4.0, 8.0)))
    radius = (np.abs(np.cos(angles)) ** power + np.abs(np.sin(angles)) ** power) ** (-1 / power)
    for order in range(2, 6):
        radius *= 1 + generator.normal(0, 0.12 / order) * np.cos(
            order * angles + generator.uniform(0, 6.3)
        )
    outline = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius[:, None] * size / 2
    outline[:, 1] -= outline[:, 1].min()
    level = math.exp(generator.uniform(math.log(0.08), math.log(0.55)))
    colour = np.clip(level * np.exp(generator.normal(0, 0.15, 3)), 0.02, 0.8)
    cloth = Cloth((float(colour[0]), float(colour[1]), float(colour[2])), texture, 0.8)
    part = panel(outline, scale, cloth, lighting, float(generator.uniform(0.2, 0.9)))
    if generator.random() < 0.5:
        part = soften(part, float(generator.uniform(0.4, 0.9)))
    swing, rate = generator.normal(0, 0.05), generator.uniform(0.3, 1.5)
    phase, speed = generator.uniform(0, 6.28), generator.normal(0, 0.8)

    def pose(time: float) -> Segments:
        turn = swing * math.sin(2 * math.pi * rate * time + phase)
        return np.array([[[0.0, 0.0], [math.cos(turn), math.sin(turn)]]])

    return Figure("cut-out", (part,), pose, footprint=float(size[0]), speed=speed)


def _box(left: float, bottom: float, right: float, top: float) -> Outline:
    return np.array([(left, bottom), (left, top), (right, top), (right, bottom)])


def _disc(radius: float) -> Outline:
    angles = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _rounded(outline: Outline, radius: float) -> Float[np.ndarray, "m 2"]:
    """Replace every corner by a curve of about this radius (m)."""
    before = np.roll(outline, 1, axis=0) - outline
    after = np.roll(outline, -1, axis=0) - outline
    reach = [
        np.minimum(radius / np.linalg.norm(v, axis=1), 0.45)[:, None] * v for v in (before, after)
    ]
    share = np.linspace(0, 1, 5)[:, None, None]
    curve = outline + (1 - share) ** 2 * reach[0] + share**2 * reach[1]
    return curve.transpose(1, 0, 2).reshape(-1, 2)
