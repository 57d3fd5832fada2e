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


def stream_batches(
    source: Source, first: int, batch: int, process: Process, workers: int
) -> Generator[Any, None, None]:
    """Yield this process's part of all batches from that which begins with scene `first`."""
    part = process.share(batch)
    numbers = (start + own for start in count(first, batch) for own in part)
    made = stream_made(source.make, numbers, workers)
    try:
        for group in _groups(made, len(part)):
            yield joined(group)
    finally:
        made.close()


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
