"""Endless series of simulated scenes for training, made by worker processes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, Generic, TypeVar

import cv2
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

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

    def every(self, start: int, step: int) -> Iterator[T]:
        """Yield each `step`-th scene, from `start` after the first one, forever."""
        for index in count(self.first + start, step):
            yield self.prepare(make_scene(self.panoramas, self.settings, self.seed, index))


def stream_scenes(stream: SceneStream[T], workers: int, ahead: int = 4) -> Iterator[T]:
    """Yield the scenes of a stream forever, the same in the same order with any number of workers.

    With 0 workers they are made in this process, else each worker runs on one thread and stays
    `ahead` scenes in front. Workers are started afresh, since a fork of a process whose OpenCV has
    threads hangs: `prepare` must be a function that another process can import.
    """
    if workers == 0:
        return stream.every(0, 1)
    loader = DataLoader(
        _Shared(stream),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=ahead,
        worker_init_fn=_one_thread,
        multiprocessing_context="spawn",
    )
    return iter(loader)


class _Shared(IterableDataset):
    """A stream that the workers of a loader share out, each taking every n-th scene."""

    def __init__(self, stream: SceneStream[Any]) -> None:
        self.stream = stream

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        share = (0, 1) if worker is None else (worker.id, worker.num_workers)
        return self.stream.every(*share)


def batches(scenes: Iterator[T], size: int) -> Iterator[tuple[T, ...]]:
    """Group an endless series.

    Example:
        >>> next(batches(iter(range(10)), 3))
        (0, 1, 2)
    """
    while group := tuple(islice(scenes, size)):
        yield group


def _one_thread(worker: int) -> None:
    """Keep a worker from starting threads of its own."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
