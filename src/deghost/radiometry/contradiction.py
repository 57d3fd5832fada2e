"""Whether pixels contradict the exposures that files or a user state, and what to say of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from deghost.radiometry.exposure import Step
from deghost.types import Exposure


SHOWN = 3  # contradictions told one by one
ANOTHER_SCENE = 0.7  # stops of scatter: hand-held frames with much motion stay below 0.6


@dataclass(frozen=True)
class Contradiction:
    """Two frames whose pixels do not differ as their exposures do."""

    frames: tuple[str, str]  # file names, the darker as stated first
    stated: float  # stops from the first to the second
    measured: float
    certain: bool  # False where the frames show different things, so that pixels cannot tell

    def __str__(self) -> str:
        """Name the frames and both differences."""
        first, second = self.frames
        measured = round(self.measured, 2) + 0.0  # never -0.00
        return f"{first} to {second} is {self.stated:+.2f} EV, but {measured:+.2f} EV in the pixels"


def contradictions(
    names: Sequence[str], exposures: Sequence[Exposure], steps: Sequence[Step | None]
) -> list[Contradiction]:
    """Return where pixels clearly contradict exposures, which are darkest first.

    A camera's tone curve, unknown at this point, makes a ratio seem up to half as large again, so
    only what no tone curve explains is a contradiction. It is certain if most of the picture
    agrees on the measured ratio: a wrong exposure gives one ratio, a turned picture or another
    scene gives all kinds.

    Example:
        >>> stated = [Exposure(1.0, ""), Exposure(4.0, "")]
        >>> [str(c) for c in contradictions(["a.jpg", "b.jpg"], stated, [Step(0.0, 0.01)])]
        ['a.jpg to b.jpg is +2.00 EV, but +0.00 EV in the pixels']
    """
    found = []
    for pair, (first, second), step in zip(
        pairwise(names), pairwise(exposures), steps, strict=True
    ):
        stops = math.log2(second.value / first.value)
        if step is not None and not 0.6 * stops - 0.5 < step.stops < 1.6 * stops + 0.5:
            certain = step.scatter < min(ANOTHER_SCENE, abs(step.stops - stops) / 2)
            found.append(Contradiction(pair, stops, step.stops, certain))
    return found


def listed(found: Sequence[Contradiction]) -> str:
    """List contradictions in words, the first few one by one."""
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return ", ".join([*map(str, found[:SHOWN]), *more])
