"""How training goes between two lines of the log, without waiting for the device at every step."""

from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import TypeVar

import torch

from deghost.train.loop import Step
from deghost.train.processes import Process


T = TypeVar("T")


class Meter:
    """Sums up losses and times since it was last read."""

    def __init__(self, process: Process, seconds: float) -> None:
        self.process = process
        self.seconds = seconds  # of training, those of earlier sessions too
        self._sums = torch.zeros(2, device=process.device)
        self._steps, self._rate, self._waited = 0, 0.0, 0.0
        self._start = perf_counter()

    def timed(self, batches: Iterable[T]) -> Iterator[T]:
        """Pass batches on, and measure how long they are waited for."""
        source = iter(batches)
        while True:
            start = perf_counter()
            try:
                batch = next(source)
            except StopIteration:
                return
            self._waited += perf_counter() - start
            yield batch

    def add(self, step: Step) -> None:
        """Count a step in."""
        self._sums = self._sums + torch.stack([step.loss.float(), step.gradient.float()])
        self._steps += 1
        self._rate = step.rate

    def read(self) -> dict[str, float]:
        """Give the means over the steps since the last reading, and over all processes."""
        means = (self._sums / self._steps).tolist()  # waits for the device
        taken = perf_counter() - self._start
        self.seconds += taken
        parts = self.process.gathered((*means, self._waited / taken))
        loss, gradient, waiting = (sum(part) / len(parts) for part in zip(*parts, strict=True))
        numbers = {
            "loss": loss,
            "gradient": gradient,
            "rate": self._rate,
            "waiting": waiting,  # share of the time spent on waiting for scenes
            "steps a second": self._steps / taken,
            "seconds": self.seconds,
        }
        self._sums = torch.zeros_like(self._sums)
        self._steps, self._waited = 0, 0.0
        self._start = perf_counter()
        return numbers
