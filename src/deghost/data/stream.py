"""Endless series of simulated scenes for training, made by worker processes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Generic, TypeVar

import cv2
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from deghost.data.scene_settings import SceneSettings
from deghost.data.synthetic import make_scene
from deghost.data.views import Panorama
from deghost.types import Scene


T = TypeVar("T")


def same(scene: Scene) -> Scene:
    """Leave a scene as it is."""
    return scene


@dataclass
class SceneStream(IterableDataset[T], Generic[T]):
    """The scenes `first`, `first + 1`, ... of a seed, each turned into what a network takes.

    A loader's workers share them out, so that the loader yields them in order, whatever the
    number of workers. Training resumes at step s by starting at the s-th batch's first scene.
    """

    panoramas: Sequence[Panorama]
    settings: SceneSettings
    seed: int
    first: int = 0
    prepare: Callable[[Scene], T] = field(default=same)  # type: ignore[assignment]

    def __iter__(self) -> Iterator[T]:
        worker = get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for index in count(self.first + number, workers):
            yield self.prepare(make_scene(self.panoramas, self.settings, self.seed, index))


def stream_scenes(stream: SceneStream[T], workers: int, ahead: int = 4) -> Iterator[T]:
    """Yield the scenes of a stream in order, forever; 0 workers: made in this process.

    Each worker runs on one thread and stays `ahead` scenes in front.
    """
    if workers == 0:
        return iter(stream)
    loader = DataLoader(
        stream,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=ahead,
        worker_init_fn=_one_thread,
        persistent_workers=False,
    )
    return iter(loader)


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
