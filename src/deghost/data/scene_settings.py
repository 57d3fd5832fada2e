"""What simulated scenes are like, and the exposures and moments drawn for one."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

from deghost.data.camera import Bits, Demosaicing
from deghost.data.motion import Hold, Moment


@dataclass(frozen=True)
class SceneSettings:
    """What simulated scenes are like: (lowest, highest) pairs, probabilities from 0 to 1, choices.

    Of the choices in `counts`, `hold`, `bits`, `responses` and `demosaicings` each entry is as
    likely as another.
    """

    size: tuple[int, int] = (256, 256)  # height and width, pixels; even for raw
    layout: Literal["srgb", "raw"] = "srgb"
    counts: tuple[int, ...] = (3,)  # frames, 2 to 9
    stops: tuple[float, float] = (1.0, 4.0)  # between neighbours
    total_stops: float = 10.0  # at most, between darkest and brightest
    jitter: float = 0.1  # stops, standard deviation of every step
    reference: Literal["middle", "any", "first"] = "middle"
    hold: tuple[Hold, ...] = ("tripod", "aligned", "aligned", "hand")
    actors: tuple[int, int] = (0, 4)  # figures
    pace: tuple[float, float] = (0.3, 2.0)  # factor of natural speeds
    distance: float = 1.0  # factor of natural distances of figures
    intervals: tuple[float, float] = (0.03, 0.6)  # s between frames
    times: tuple[float, float] = (0.001, 0.06)  # s, exposure of the reference
    ripples: float = 0.3  # probability of leaves or water
    ripple_reach: tuple[float, float] = (0.4, 5.0)  # pixels
    parallax: float = 0.25  # probability, unless on a tripod
    blur: float = 0.5  # probability of motion blur
    light: float = 0.25  # probability of changing light
    perspective: float = 0.3  # probability, where the panorama is fine enough
    motley: float = 0.0  # probability of fine detail in colours of its own
    iso: tuple[float, float] = (100.0, 3200.0)
    bits: tuple[Bits, ...] = (8, 8, 8, 8, 10, 12, 14, 16)
    jpeg: float = 0.75  # probability, of 8-bit codes
    demosaicings: tuple[Demosaicing, ...] = ("edges",)
    responses: tuple[str, ...] = ("measured", "measured", "srgb", "gamma2.2", "gamma2.24", "rec709")
    key: tuple[float, float] = (0.05, 0.3)  # linear value of the reference's geometric mean
    clipped: float = 0.0  # share of the reference that clips at least


@dataclass(frozen=True)
class Schedule:
    """The exposures of a bracket, relative to the darkest, and when each frame is taken."""

    exposures: Float[np.ndarray, " n"]
    reference: int
    moments: tuple[Moment, ...]


def draw_schedule(settings: SceneSettings, generator: Generator) -> Schedule:
    """Draw steps between exposures, the reference, the order and the times of the frames."""
    count = int(settings.counts[generator.integers(len(settings.counts))])
    low, high = settings.stops
    step = min(generator.uniform(low, high), settings.total_stops / max(count - 1, 1))
    steps = np.maximum(step + generator.normal(0, settings.jitter, count - 1), 0.3)
    stops = np.concatenate([[0.0], np.cumsum(steps)])
    reference = {"middle": count // 2, "first": 0}.get(settings.reference)
    if reference is None:
        reference = int(generator.integers(count))
    seconds = spread_over(settings.times, generator) * np.exp2(stops - stops[reference])
    seconds = np.minimum(seconds, 1.0)
    interval = spread_over(settings.intervals, generator)
    starts, clock = np.zeros(count), 0.0
    for frame in _order(count, reference, generator):
        starts[frame] = clock
        clock += seconds[frame] + interval
    starts -= starts[reference] + seconds[reference] / 2
    moments = tuple(Moment(float(a), float(b)) for a, b in zip(starts, seconds, strict=True))
    return Schedule(np.exp2(stops), reference, moments)


def _order(count: int, reference: int, generator: Generator) -> list[int]:
    """Order of capture: rising, falling, or the reference first as most cameras do."""
    rising = list(range(count))
    kind = generator.integers(3)
    if kind == 0:
        return [reference, *(k for k in rising if k != reference)]
    return rising if kind == 1 else rising[::-1]


def spread_over(limits: tuple[float, float], generator: Generator) -> float:
    """Draw a positive number whose logarithm is evenly spread between limits."""
    return math.exp(generator.uniform(math.log(limits[0]), math.log(limits[1])))
