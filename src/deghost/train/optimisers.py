"""The optimisers and schedules that training settings name."""

import math

from torch import nn
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from deghost.train.muon import Muon, inner_kernels
from deghost.train.settings import TrainSettings


def make_optimiser(network: nn.Module, settings: TrainSettings) -> Optimizer:
    """Make the optimiser of a network's trainable parameters."""
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimiser == "muon":
        return Muon(*inner_kernels(network), rate, decay)
    kind = AdamW if settings.optimiser == "adamw" else Adam
    trained = [p for p in network.parameters() if p.requires_grad]
    return kind(trained, lr=rate, weight_decay=decay)


def make_schedule(optimiser: Optimizer, settings: TrainSettings) -> LRScheduler | None:
    """Make the schedule of the rate by steps; None where plateaus decide."""
    if settings.schedule == "plateau":
        return None
    return LambdaLR(optimiser, lambda step: rate_at(step, settings))


def make_plateau(optimiser: Optimizer, settings: TrainSettings) -> ReduceLROnPlateau | None:
    """Make what lowers the rate when validation no longer gets better, if that is asked for."""
    if settings.schedule != "plateau":
        return None
    return ReduceLROnPlateau(optimiser, "max", settings.fall, settings.fall_patience)


def rate_at(step: int, settings: TrainSettings) -> float:
    """Give the share of the learning rate at a step, the first being 0.

    Example:
        >>> settings = TrainSettings(steps=100, warm_up=10, fall=0.1)
        >>> [round(rate_at(step, settings), 3) for step in (0, 9, 55, 100)]
        [0.1, 1.0, 0.55, 0.1]
    """
    if step < settings.warm_up:
        return (step + 1) / settings.warm_up
    if settings.schedule == "exponential":
        return float(settings.fall ** (step / settings.fall_every))
    if settings.schedule == "cosine":
        done = (step - settings.warm_up) / max(1, settings.steps - settings.warm_up)
        return settings.fall + (1 - settings.fall) * (1 + math.cos(math.pi * min(done, 1))) / 2
    return 1.0
