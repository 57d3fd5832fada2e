"""Where training scenes come from: the simulator, or a folder; each scene has a number for ever."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from typing import Any, Protocol, runtime_checkable

from numpy import random
from numpy.random import SFC64, SeedSequence

from deghost.data.scene_set import SceneSet
from deghost.data.scene_settings import SceneSettings
from deghost.data.stream import stream_made
from deghost.data.synthetic import make_scene
from deghost.data.views import Panorama
from deghost.train.batches import joined
from deghost.train.processes import Process
from deghost.types import Scene


Prepare = Callable[
    [Scene, random.Generator], Any
]  # what a network needs of a scene, a batch of its own
Vary = Callable[[Any, random.Generator], Any]  # the same batch as it might as well have been


@runtime_checkable
class Source(Protocol):
    """An endless series of scenes, ready for a network."""

    def make(self, index: int) -> Any:
        """Make what the scene of a number becomes: the same whenever it is asked for."""


@dataclass(frozen=True)
class SimulatedSource:
    """Simulated scenes; those of a batch have the same number of frames."""

    panoramas: Sequence[Panorama]
    settings: SceneSettings
    seed: int
    prepare: Prepare
    batch: int = 1

    def make(self, index: int) -> Any:
        """Simulate and prepare a scene."""
        counts = self.settings.counts
        of_batch = _generator(self.seed, index // self.batch, 1)
        frames = counts[int(of_batch.integers(len(counts)))]
        settings = replace(self.settings, counts=(frames,))
        scene = make_scene(self.panoramas, settings, self.seed, index)
        return self.prepare(scene, _generator(self.seed, index, 2))


@dataclass(frozen=True)
class StoredSource:
    """The scenes of a folder, all once and then again, each time in another order."""

    scenes: SceneSet
    seed: int
    prepare: Prepare

    def make(self, index: int) -> Any:
        """Read and prepare a scene."""
        epoch, place = divmod(index, len(self.scenes))
        number = _order(self.seed, epoch, len(self.scenes))[place]
        return self.prepare(self.scenes[number], _generator(self.seed, index, 2))


@dataclass(frozen=True)
class Reuse:
    """How often scenes are seen, since making one may cost more than learning from it.

    Every `sights`-th batch is new. The others are drawn from the newest `pool` ones, which stay
    in memory, and changed by `vary` at every sight. All of it follows from the number of a step:
    what is in memory is only what need not be made again.
    """

    sights: int = 1  # times that a batch is seen, on average
    pool: int = 50  # batches
    vary: Vary | None = None
    seed: int = 0

    def newest(self, step: int) -> int:
        """Number of the newest batch of scenes at a step, the first step being 0."""
        return step // self.sights

    def oldest(self, step: int) -> int:
        """Number of the oldest batch that may still be seen."""
        kept = self.pool if self.sights > 1 else 1
        return max(0, self.newest(step) - kept + 1)

    def seen(self, step: int) -> int:
        """Number of the batch that is seen at a step.

        Example:
            >>> [Reuse(sights=2, seed=1).seen(step) for step in range(8)]
            [0, 0, 1, 1, 2, 0, 3, 0]
        """
        if step % self.sights == 0:
            return self.newest(step)
        draw = _generator(self.seed, step, 4)
        return int(draw.integers(self.oldest(step), self.newest(step) + 1))

    def varied(self, item: Any, sight: int) -> Any:
        """Change what was made of a scene for the sight of a number."""
        return item if self.vary is None else self.vary(item, _generator(self.seed, sight, 5))


ONCE = Reuse()


def stream_batches(  # noqa: PLR0913, what is streamed, whence and by whom
    source: Source, first: int, batch: int, process: Process, workers: int, reuse: Reuse = ONCE
) -> Generator[Any, None, None]:
    """Yield this process's part of all batches from that which comes after `first` scenes."""
    part = process.share(batch)
    start = first // batch
    lacking = (number for _, number, held in _course(start, reuse) if not held)
    made = stream_made(source.make, (n * batch + own for n in lacking for own in part), workers)
    groups = _groups(made, len(part))
    kept: dict[int, list[Any]] = {}
    try:
        for step, number, held in _course(start, reuse):
            kept = {n: items for n, items in kept.items() if n >= reuse.oldest(step)}
            if not held:
                kept[number] = next(groups)
            sights = zip(kept[number], part, strict=True)
            yield joined([reuse.varied(item, step * batch + own) for item, own in sights])
    finally:
        made.close()


def _course(start: int, reuse: Reuse) -> Iterator[tuple[int, int, bool]]:
    """Give every step from `start`, the batch seen at it, and whether that is in memory by then."""
    kept: set[int] = set()
    for step in count(start):
        number = reuse.seen(step)
        kept = {n for n in kept if n >= reuse.oldest(step)}
        yield step, number, number in kept
        kept.add(number)


def fixed_batches(source: Source, scenes: int, size: int, workers: int) -> tuple[Any, ...]:
    """Make batches of the first scenes, to validate on."""
    made = stream_made(source.make, range(scenes), workers)
    return tuple(joined(group) for group in _groups(made, size))


def _groups(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    group: list[Any] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, scenes: int) -> list[int]:
    """The order in which an epoch goes through the scenes of a folder."""
    order: list[int] = _generator(seed, epoch, 3).permutation(scenes).tolist()
    return order


def _generator(seed: int, number: int, purpose: int) -> random.Generator:
    return random.Generator(SFC64(SeedSequence(seed, spawn_key=(number, purpose))))
