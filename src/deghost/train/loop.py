"""The one training loop: it yields a step at a time and leaves everything else to its caller."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.optim.swa_utils import get_ema_multi_avg_fn

from deghost.train.batches import moved
from deghost.train.processes import Process
from deghost.train.settings import LoopSettings, Precision


N = TypeVar("N", bound=nn.Module)
B = TypeVar("B")
Loss = Callable[[Any, B], Float[Tensor, ""]]  # of a network and a batch


@dataclass
class Trainee(Generic[N]):
    """A network and all that changes with it while it is trained."""

    network: N
    optimiser: Optimizer
    schedule: LRScheduler | None = None  # of the learning rate, stepped after every step ...
    plateau: ReduceLROnPlateau | None = None  # ... or by the caller, after it validated
    average: N | None = None  # follows the network: its exponential moving average
    step: int = 0  # steps done


@dataclass(frozen=True)
class Step:
    """One step of training. Its tensors lie on the device: reading them waits for it."""

    number: int  # the first step is 1
    loss: Float[Tensor, ""]  # of this process's part of the batch
    gradient: Float[Tensor, ""]  # norm before clipping
    rate: float  # learning rate of the step


def train(
    trainee: Trainee[N],
    batches: Iterable[B],
    loss: Loss[B],
    settings: LoopSettings,
    process: Process,
) -> Iterator[Step]:
    """Train in place, a step a batch; between steps the caller logs, validates and saves.

    The network and what belongs to it must lie on the process's device. A loss must reach the
    network by calling it, which is how several processes learn together.
    """
    network = process.parallel(trainee.network)
    device = process.device
    trained = [p for p in trainee.network.parameters() if p.requires_grad]
    for batch in batches:
        trainee.network.train()
        rate = trainee.optimiser.param_groups[0]["lr"]
        with mixed_precision(device, settings.precision):
            value = loss(network, moved(batch, device))
        trainee.optimiser.zero_grad(set_to_none=True)
        value.backward()
        norm = nn.utils.clip_grad_norm_(trained, settings.clip)
        trainee.optimiser.step()
        if trainee.schedule is not None:
            trainee.schedule.step()
        trainee.step += 1
        if trainee.average is not None:
            follow(trainee.average, trainee.network, started(settings.decay, trainee.step))
        yield Step(trainee.step, value.detach(), norm.detach(), rate)


def follow(average: N, network: N, decay: float) -> None:
    """Move the average a little towards the network: `average * decay + network * (1 - decay)`."""
    move = get_ema_multi_avg_fn(decay)
    with torch.no_grad():
        move(list(average.parameters()), list(network.parameters()), torch.tensor(0))
        for mine, theirs in zip(average.buffers(), network.buffers(), strict=True):
            mine.copy_(theirs)


def started(decay: float, step: int) -> float:
    """Let the average follow fast at first, so that it soon forgets the weights at the start.

    Example:
        >>> [round(started(0.999, step), 3) for step in (1, 100, 100000)]
        [0.182, 0.918, 0.999]
    """
    return min(decay, (1 + step) / (10 + step))


def mixed_precision(device: torch.device, precision: Precision) -> Any:
    """The context in which a network runs."""
    wanted = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, torch.bfloat16) if wanted else nullcontext()
