"""Who moves where in a view: figures at distances, sizes and speeds that fit the place."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from numpy.random import Generator

from deghost.data.figures import Figure
from deghost.data.motion import EYE, Actor, Moment
from deghost.data.objects import ball, bird, branch, cut_out, vehicle
from deghost.data.people import dog, person
from deghost.data.scene_settings import spread_over
from deghost.data.shading import Lighting, Picture, piece
from deghost.data.views import Panorama, Plate


Maker = Callable[[Generator, float, Lighting, Picture], Figure]


@dataclass(frozen=True)
class Kind:
    """A kind of figure: how often, how far away (m), how high up (m), and where it fits."""

    make: Maker
    weight: float
    distances: tuple[float, float]
    heights: tuple[float, float] | None = None  # on the ground
    outdoors: bool = False


def stander(generator: Generator, scale: float, lighting: Lighting, texture: Picture) -> Figure:
    """Make somebody who stays where they are."""
    return person(generator, scale, lighting, texture, moving=False)


KINDS: tuple[Kind, ...] = (
    Kind(person, 5.0, (1.5, 9.0)),
    Kind(stander, 1.5, (1.4, 5.0)),
    Kind(dog, 1.0, (1.6, 6.0)),
    Kind(ball, 1.0, (1.2, 5.0), (0.3, 2.4)),
    Kind(cut_out, 1.2, (1.4, 6.0)),
    Kind(branch, 1.2, (0.9, 3.0)),
    Kind(vehicle, 2.0, (5.0, 16.0), outdoors=True),
    Kind(bird, 0.8, (4.0, 14.0), (3.0, 7.0), outdoors=True),
)
GRAVITY = 9.81  # m/s^2
TEXTURE = (96, 96)  # pixels


@dataclass(frozen=True)
class Place:
    """Where figures are put: a view, its panorama, the light's unit, and what is too bright."""

    plate: Plate
    panorama: Panorama
    unit: float  # radiance of the panorama that becomes 1
    bright: Float32[np.ndarray, "h w"]  # 1 where the reference frame clips


def draw_actors(
    place: Place,
    others: Sequence[Panorama],
    moments: Sequence[Moment],
    count: int,
    factors: tuple[float, float],
    generator: Generator,
) -> tuple[Actor, ...]:
    """Put some figures into a view, each in it at one of the moments; the farthest comes first.

    Their patterns are cut from other panoramas, their light is that of the place.
    The factors multiply all speeds and all distances.
    """
    kinds = [kind for kind in KINDS if _fits(kind, place.panorama)]
    weights = np.array([kind.weight for kind in kinds])
    chosen = generator.choice(len(kinds), count, p=weights / weights.sum())
    actors = []
    for number in chosen:
        other = others[int(generator.integers(len(others)))]
        moment = moments[int(generator.integers(len(moments)))]
        actors.append(_actor(kinds[number], place, (other, moment), factors, generator))
    return tuple(sorted(actors, key=lambda actor: -actor.distance))


def _fits(kind: Kind, panorama: Panorama) -> bool:
    """Whether such figures belong to a place."""
    stands = kind.heights is None and kind.make is not branch
    return (panorama.open_sky or not kind.outdoors) and (panorama.ground or not stands)


def _actor(
    kind: Kind,
    place: Place,
    drawn: tuple[Panorama, Moment],
    factors: tuple[float, float],
    generator: Generator,
) -> Actor:
    """Make one figure and find it a place."""
    other, moment = drawn
    plate, (pace, nearer) = place.plate, factors
    distance = spread_over(kind.distances, generator) * nearer
    scale = plate.focal / distance
    gain = math.exp(generator.normal(-0.1, 0.3)) / place.unit
    texture = piece(other.pixels, TEXTURE, generator)
    lighting = Lighting(place.panorama.light, plate.axes, gain)
    figure = kind.make(generator, scale, lighting, texture)
    if figure.kind == "branch":
        x, y = _at_border(figure, plate, generator)
        return Actor(figure, (x, y), (0.0, 0.0), 0.0, scale, distance)
    height = generator.uniform(*(kind.heights or (0.0, 0.0)))
    row = plate.horizon + plate.focal * math.atan((EYE - height) / distance)
    speed = figure.speed * scale * pace
    rise, fall = 0.0, 0.0
    if figure.kind == "ball" and generator.random() < 0.6:
        rise, fall = -generator.uniform(0, 3) * scale * pace, GRAVITY * scale * pace
    column = _column(place, row, generator)
    start = column - speed * moment.middle
    lift = row - rise * moment.middle - fall * moment.middle**2 / 2
    return Actor(figure, (start, lift), (speed, rise), fall, scale, distance)


def _column(place: Place, row: float, generator: Generator) -> float:
    """Choose where across the view: often where the reference clips around the row."""
    height, width = place.plate.size
    columns = generator.uniform(0.02, 0.98, 6) * width
    if generator.random() < 0.5:
        return float(columns[0])
    above = place.bright[max(0, min(int(row) - height // 3, height - 1)) : max(1, int(row))]
    counts = above.sum(axis=0)
    reach = width // 16
    glare = [float(counts[max(0, int(c) - reach) : int(c) + reach].sum()) for c in columns]
    return float(columns[int(np.argmax(glare))])


def _at_border(figure: Figure, plate: Plate, generator: Generator) -> tuple[float, float]:
    """Let a branch hang from the upper border or stand on the lower one."""
    start, end = figure.pose(0.0)[0]
    x = float(generator.uniform(-0.05, 1.05) * plate.size[1])
    return x, -4.0 if end[1] < start[1] else plate.size[0] + 4.0
