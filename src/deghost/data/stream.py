"""Endless series of simulated scenes for training, made by worker processes."""

import pickle
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from itertools import count, islice
from multiprocessing import get_context
from typing import Any, Generic, TypeVar

import cv2
import torch
from torch import Tensor

from deghost.data.scene_settings import SceneSettings
from deghost.data.synthetic import make_scene
from deghost.data.views import Panorama
from deghost.types import Scene


T = TypeVar("T")


@dataclass(frozen=True)
class SceneStream(Generic[T]):
    """The scenes `first`, `first + 1`, ... of a seed, each turned into what a network takes.

    Training resumes at a step by starting at the first scene of its batch.
    """

    panoramas: Sequence[Panorama]
    settings: SceneSettings
    seed: int
    prepare: Callable[[Scene], T]
    first: int = 0

    def make(self, index: int) -> T:
        """Make one scene, counted from the seed's very first."""
        return self.prepare(make_scene(self.panoramas, self.settings, self.seed, index))


def stream_scenes(stream: SceneStream[T], workers: int, ahead: int = 4) -> Iterator[T]:
    """Yield the scenes of a stream forever, the same in the same order with any number of workers.

    See `stream_made` for how the workers work.
    """
    return stream_made(stream.make, count(stream.first), workers, ahead)


def stream_made(
    make: Callable[[int], T], indices: Iterable[int], workers: int, ahead: int = 4
) -> Generator[T, None, None]:
    """Yield what is made of every index, in order, with any number of workers.

    With 0 workers it is made in this process, else each worker runs on one thread and works on up
    to `ahead` items in advance. Workers are started afresh, since a fork of a process whose OpenCV
    has threads hangs: another process must be able to import what `make` consists of.
    """
    if workers == 0:
        yield from map(make, indices)
        return
    coming_up = iter(indices)
    executor = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (make,))
    try:
        coming = deque(executor.submit(_work, i) for i in islice(coming_up, workers * ahead))
        while coming:
            done = coming.popleft().result()
            coming.extend(executor.submit(_work, i) for i in islice(coming_up, 1))
            yield pickle.loads(done)
    finally:
        executor.shutdown(cancel_futures=True)


def batches(scenes: Iterator[T], size: int) -> Iterator[tuple[T, ...]]:
    """Group an endless series.

    Example:
        >>> next(batches(iter(range(10)), 3))
        (0, 1, 2)
    """
    while group := tuple(islice(scenes, size)):
        yield group


_make: list[Callable[[int], Any]] = []  # of a worker process


def _begin(make: Callable[[int], Any]) -> None:
    """Make ready a worker process, which must not start threads of its own."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _make.append(make)


def _work(index: int) -> bytes:
    """Make one scene in a worker process."""
    buffer = BytesIO()
    _Pickler(buffer, protocol=5).dump(_make[0](index))
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    """Sends tensors as plain bytes: shared memory needs threads that may break a worker's end."""

    def reducer_override(self, value: Any) -> Any:
        """Replace a tensor by an array."""
        if isinstance(value, Tensor):
            return torch.from_numpy, (value.numpy(),)
        return NotImplemented
