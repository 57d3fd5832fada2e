"""What a method of merging tile by tile is: how a window is computed, and how windows join."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from deghost.merge.guides import Guides
from deghost.merge.reading import Source
from deghost.merge.tiles import Window
from deghost.types import Radiance


TILE = (128, 1024)  # small enough for the processor's cache, wide enough for its vectors
FEWEST, MOST = 2, 6  # workers: one can read while another computes; each takes up to 0.25 GB


def tile_workers() -> int:
    """How many tiles are computed at a time: one for each thread that operators would use."""
    return min(max(torch.get_num_threads(), FEWEST), MOST)


@dataclass(frozen=True)
class TileMethod:
    """A way to compute windows of a merge, each without regard to the others.

    With an `overlap` windows reach that far into each other and are blended there. Several
    `workers` compute at the same time, with operators on one thread each; a single one leaves the
    threads to the operators.
    """

    compute: Callable[[Source, Guides, Window], Radiance]  # 1.0 = the reference clips
    tile: tuple[int, int] = TILE  # height and width
    overlap: int = 0  # pixels that a window reaches beyond its tile
    workers: int = field(default_factory=tile_workers)
    notes: Callable[[], tuple[str, ...]] = tuple  # after all windows: what a user should know


@dataclass(frozen=True)
class Mending:
    """Puts what was measured where a network gives no finite number, and remembers how often."""

    pixels: list[int] = field(default_factory=list)  # of windows that needed it

    def __call__(self, found: Radiance, measured: Callable[[], Radiance]) -> Radiance:
        """Return what was found, or what was measured; that is only made if it is needed."""
        lost = ~found.isfinite().all(0)
        if not bool(lost.any()):
            return found
        self.pixels.append(int(lost.sum()))
        return torch.where(lost, measured(), found)

    def notes(self) -> tuple[str, ...]:
        """Say whether the network failed somewhere."""
        if not self.pixels:
            return ()
        return (
            f"the network gave no finite number in {sum(self.pixels)} pixels; the weighted merge "
            "stands there",
        )
