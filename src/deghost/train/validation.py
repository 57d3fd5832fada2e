"""Measures of a network under training on scenes that it does not learn from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from deghost.layers.weights import Card, save_weights
from deghost.train.batches import batch_size, moved
from deghost.train.checkpoint import Position
from deghost.train.logs import RunLog
from deghost.train.loop import Loss
from deghost.train.recipe import Measure, Recipe


WEIGHTS = "weights.safetensors"
LICENCE = "Apache-2.0"


def validate(
    network: nn.Module,
    batches: Sequence[Any],
    measure: Measure,
    loss: Loss[Any],
    device: torch.device,
) -> dict[str, float]:
    """Give the means of the measures and of the loss, in single floats, each scene alike."""
    network.eval()
    sums: dict[str, float] = {}
    total = 0
    with torch.no_grad():
        for batch in batches:
            own, size = moved(batch, device), batch_size(batch)
            found = {**measure(network, own), "loss": float(loss(network, own))}
            for name, value in found.items():
                sums[name] = sums.get(name, 0.0) + size * value
            total += size
    return {name: value / total for name, value in sums.items()}


def draw(  # noqa: PLR0913, what a picture is of and where it goes
    recipe: Recipe, network: nn.Module, batch: Any, log: RunLog, step: int, device: torch.device
) -> None:
    """Log a picture of what the network makes of the first batch, if the recipe has one."""
    if recipe.picture is not None:
        network.eval()
        with torch.no_grad():
            log.picture(recipe.judge, step, recipe.picture(network, moved(batch, device)))


def save_best(  # noqa: PLR0913, what a model card tells
    recipe: Recipe,
    network: nn.Module,
    measures: Mapping[str, float],
    position: Position,
    about: str,
    out: Path,
) -> None:
    """Write the weights with their card, as single floats: halves are for shipping."""
    hours = position.seconds / 3600
    card = Card(
        training_data=about,
        licence=LICENCE,
        training=f"{recipe.name}: {position.best_step} of {recipe.settings.steps} steps, "
        f"{_scenes(recipe, position)}, {hours:.2f} h on {_device_name(network)}",
        metrics={f"validation {name}": value for name, value in measures.items()},
    )
    save_weights(
        out / WEIGHTS, recipe.network, recipe.configuration(), network.state_dict(), card, False
    )


def _scenes(recipe: Recipe, position: Position) -> str:
    """Say how many scenes a network has seen, and how often."""
    sights = recipe.settings.sights
    once = f"{position.scenes // sights} scenes"
    return once if sights == 1 else f"{once} seen {sights} times on average"


def _device_name(network: nn.Module) -> str:
    device = next(network.parameters()).device
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} threads of a CPU" if device.type == "cpu" else device.type
