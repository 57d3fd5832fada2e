"""People and dogs: jointed figures that walk, stand and wave."""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

from deghost.data.figures import Cloth, Figure, Part, Segments, limb
from deghost.data.shading import Colour, Lighting, Picture


Joints = Float[np.ndarray, "p 2 3"]  # start and end (ahead, up, to the figure's left), m

SKINS: tuple[Colour, ...] = ((0.52, 0.33, 0.25), (0.42, 0.25, 0.18), (0.20, 0.11, 0.07))
HAIRS: tuple[Colour, ...] = (
    (0.02, 0.015, 0.01),
    (0.08, 0.045, 0.02),
    (0.3, 0.22, 0.12),
    (0.4,) * 3,
)
FURS: tuple[Colour, ...] = ((0.03, 0.03, 0.03), (0.22, 0.13, 0.06), (0.5, 0.45, 0.38))
# where the paws are (ahead, left), m, and which two swing together; the far ones first
PAWS = ((-0.28, 0.06, 1), (0.24, 0.06, -1), (0.24, -0.06, 1), (-0.28, -0.06, -1))


def dye(generator: Generator) -> Colour:
    """Draw a colour of clothes or paint: mostly muted, dark more often than bright."""
    level = math.exp(generator.uniform(math.log(0.025), math.log(0.6)))
    tint = np.exp(generator.normal(0, generator.choice((0.06, 0.2, 0.5)), 3))
    colour = np.clip(level * tint / tint.mean(), 0.012, 0.8)
    return float(colour[0]), float(colour[1]), float(colour[2])


def person(
    generator: Generator, scale: float, lighting: Lighting, texture: Picture, moving: bool = True
) -> Figure:
    """Make somebody; `scale` in pixels a metre. Ahead is right unless mirrored."""
    clothes = [Cloth(dye(generator), texture, generator.uniform(0.1, 0.5)) for _ in range(2)]
    skin, hair = (Cloth(kinds[generator.integers(len(kinds))]) for kinds in (SKINS, HAIRS))
    shoes = Cloth(dye(generator))
    body, bare = float(generator.uniform(0.88, 1.06)), generator.random(2) < (0.4, 0.2)
    build = generator.uniform(0.9, 1.2)
    mirrored = bool(generator.random() < 0.5)
    turned = generator.choice((0.0, generator.uniform(-0.6, 0.6), math.pi / 2))
    joints, speed = _walk(generator) if moving else (_stand(generator), 0.0)
    upper, lower = clothes[0], clothes[1]
    forearm, shank = (skin if b else cloth for b, cloth in zip(bare, clothes, strict=True))
    arm = [((0.058, 0.047), upper), ((0.043, 0.035), forearm), ((0.036, 0.042), skin)]
    leg = [((0.092, 0.066), lower), ((0.064, 0.048), shank), ((0.048, 0.036), shoes)]
    trunk = [((0.125, 0.115), lower), ((0.125, 0.145), upper), ((0.055, 0.05), skin)]
    head = [((0.084, 0.09), skin), ((0.092, 0.086), hair)]
    order = arm + leg + trunk + head + leg + arm
    parts = _dress(order, joints, (scale * body, build, turned), lighting)

    def pose(time: float) -> Segments:
        return body * _seen(joints(time), turned, mirrored)

    speed *= body * math.cos(turned) * (-1 if mirrored else 1)
    return Figure("person", parts, pose, mirrored, 0.6, speed)


def dog(generator: Generator, scale: float, lighting: Lighting, texture: Picture) -> Figure:
    """Make a trotting dog."""
    fur = Cloth(FURS[generator.integers(len(FURS))], texture, 0.3)
    rate, phase = generator.uniform(1.5, 2.3), generator.uniform(0, 2 * math.pi)
    body, mirrored = float(generator.uniform(0.6, 1.15)), bool(generator.random() < 0.5)

    def joints(time: float) -> Joints:
        swing = math.sin(2 * math.pi * rate * time + phase)
        legs = []
        for x, side, sign in PAWS:
            foot = x + 0.16 * sign * swing, 0.03 + 0.06 * max(0.0, sign * swing), side
            knee = x + 0.05 * sign * swing + 0.03, 0.26, side
            legs += [[(x, 0.46, side), knee], [knee, foot]]
        wag = 0.08 * math.sin(7 * time + phase)
        trunk = [[(-0.28, 0.5, 0.0), (0.22, 0.52, 0.0)], [(0.22, 0.56, 0.0), (0.36, 0.72, 0.0)]]
        trunk += [[(0.36, 0.75, 0.0), (0.55, 0.71, 0.0)], [(0.34, 0.82, 0.03), (0.31, 0.7, 0.05)]]
        trunk += [[(-0.34, 0.56, 0.0), (-0.52, 0.68 + wag, wag)]]
        return np.array(legs[:4] + trunk + legs[4:])

    thin = [((0.085, 0.045), fur), ((0.04, 0.03), fur)]
    trunk = [((0.135, 0.165), fur), ((0.11, 0.075), fur), ((0.09, 0.045), fur)]
    trunk += [((0.03, 0.045), fur), ((0.03, 0.018), fur)]
    parts = _dress(2 * thin + trunk + 2 * thin, joints, (scale * body, 1.0, 0.0), lighting)

    def pose(time: float) -> Segments:
        return body * _seen(joints(time), 0.0, mirrored)

    speed = 0.7 * rate * body * (-1 if mirrored else 1)
    return Figure("dog", parts, pose, mirrored, 0.7, speed)


def _dress(
    kinds: list[tuple[tuple[float, float], Cloth]],
    joints: Callable[[float], Joints],
    shape: tuple[float, float, float],
    lighting: Lighting,
) -> tuple[Part, ...]:
    """Make the parts of a figure as they look at time 0."""
    scale, build, turned = shape
    seen = _seen(joints(0.0), turned, mirrored=False)
    parts = []
    for ((first, last), cloth), (start, end) in zip(kinds, seen, strict=True):
        axis = (end - start) * scale
        radii = first * build * scale, last * build * scale
        tilt = math.atan2(-axis[1], axis[0])
        parts.append(limb(max(1.0, float(np.hypot(*axis))), radii, tilt, cloth, lighting))
    return tuple(parts)


def _seen(joints: Joints, turned: float, mirrored: bool) -> Segments:
    """Project joints of a figure that looks `turned` away from the right."""
    right = joints[..., 0] * math.cos(turned) + joints[..., 2] * math.sin(turned)
    return np.stack([-right if mirrored else right, joints[..., 1]], axis=-1)


def _walk(generator: Generator) -> tuple[Callable[[float], Joints], float]:
    """Walk at one to two steps a second; with the speed that fits."""
    rate, phase = generator.uniform(0.7, 1.2), generator.uniform(0, 2 * math.pi)
    reach, bend = generator.uniform(0.8, 1.25), generator.uniform(0.0, 0.9)

    def joints(time: float) -> Joints:
        stride = reach * math.sin(2 * math.pi * rate * time + phase)
        return _body(stride, stride, bend)

    return joints, 1.36 * reach * rate


def _stand(generator: Generator) -> Callable[[float], Joints]:
    """Stand and gesture with both arms, or only sway."""
    rate, phase = generator.uniform(0.4, 1.5), generator.uniform(0, 2 * math.pi)
    gesture, bend = generator.choice((0.1, 1.0, 2.2)), generator.uniform(0.1, 1.4)

    def joints(time: float) -> Joints:
        swing = math.sin(2 * math.pi * rate * time + phase)
        return _body(0.12, gesture * swing, bend * (1 + 0.5 * swing))

    return joints


def _body(stride: float, swing: float, bend: float) -> Joints:
    """Joints of a figure 1.72 m tall; order: far arm, leg; trunk and head; near leg, arm."""
    rise = -0.02 * abs(stride)
    sides = []
    for side in (1.0, -1.0):
        ahead, hip, shoulder = side * stride, 0.09 * side, 0.19 * side
        lift = 0.08 * max(0.0, -ahead)
        knee = 0.2 * ahead + 0.05, 0.5 + lift, hip
        ankle = 0.34 * ahead - 0.02 - 0.5 * lift, 0.09 + lift, hip
        leg = [[(0.0, 0.91 + rise, 0.8 * hip), knee], [knee, ankle]]
        leg += [[ankle, (ankle[0] + 0.15, 0.045 + 0.5 * lift, hip)]]
        upper, lower = -0.6 * side * swing, -0.6 * side * swing + bend
        elbow = 0.3 * math.sin(upper), 1.37 + rise - 0.29 * math.cos(upper), 1.1 * shoulder
        wrist = (elbow[0] + 0.25 * math.sin(lower), elbow[1] - 0.25 * math.cos(lower), elbow[2])
        tip = (wrist[0] + 0.07 * math.sin(lower), wrist[1] - 0.07 * math.cos(lower), elbow[2])
        arm = [[(0.0, 1.38 + rise, 0.92 * shoulder), elbow], [elbow, wrist], [wrist, tip]]
        sides.append(arm + leg if side > 0 else leg + arm)
    trunk = [[(0.0, 0.93 + rise, 0.0), (0.01, 1.02 + rise, 0.0)]]
    trunk += [[(0.01, 1.05 + rise, 0.0), (0.02, 1.32 + rise, 0.0)]]
    trunk += [[(0.02, 1.42 + rise, 0.0), (0.05, 1.53 + rise, 0.0)]]
    head = [[(0.07, 1.55 + rise, 0.0), (0.055, 1.63 + rise, 0.0)]]
    head += [[(0.015, 1.65 + rise, 0.0), (0.05, 1.668 + rise, 0.0)]]
    return np.array(sides[0] + trunk + head + sides[1])
