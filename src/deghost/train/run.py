"""A training run in a folder: begun or gone on with, logged, validated, saved.

The folder holds `checkpoints/`, `log.jsonl`, `tensorboard/`, `recipe.json`, and the best weights
so far as `weights.safetensors`.
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from deghost.errors import TrainError
from deghost.io.atomic import atomic_write
from deghost.models.zoo import build_network
from deghost.train.checkpoint import (
    Position,
    last_checkpoint,
    load_checkpoint,
    read_position,
    remove_unfinished,
    save_checkpoint,
)
from deghost.train.folders import Sources
from deghost.train.logs import RunLog, opened_log
from deghost.train.loop import Loss, Trainee, train
from deghost.train.meter import Meter
from deghost.train.optimisers import make_optimiser, make_plateau, make_schedule
from deghost.train.processes import Process
from deghost.train.recipe import Recipe, described, identity
from deghost.train.settings import TrainSettings
from deghost.train.sources import fixed_batches, stream_batches
from deghost.train.troubles import last_good, troubles_told
from deghost.train.validation import draw, save_best, validate


CHECKPOINTS, RECIPE = "checkpoints", "recipe.json"


@dataclass(frozen=True)
class Report:
    """How far a run is."""

    step: int
    steps: int
    numbers: Mapping[str, float]  # of training: loss, rate, ...
    measures: Mapping[str, float] | None = None  # of validation, where there was one
    best: bool = False  # whether these are the best measures so far


@dataclass
class Run:
    """A run under way."""

    recipe: Recipe
    sources: Sources
    out: Path
    process: Process
    trainee: Trainee[nn.Module]
    position: Position
    meter: Meter
    validation: tuple[Any, ...]  # batches; none but in the leading process
    log: RunLog | None  # likewise

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.out / CHECKPOINTS


def run_recipe(recipe: Recipe, sources: Sources, out: Path, process: Process) -> Iterator[Report]:
    """Train in a folder, or go on with what is there, and report from time to time.

    Raises TrainError for a loss that is no number, for full memory and for a full disk.
    """
    settings = recipe.settings
    with troubles_told(out / CHECKPOINTS), _begun(recipe, sources, out, process) as run:
        tired = _tired(run.trainee.step, run.position, settings)
        left = 0 if tired else max(0, settings.steps - run.trainee.step)
        first = run.position.scenes
        stream = stream_batches(
            sources.training, first, settings.batch, process, sources.workers, recipe.reuse()
        )
        with closing(stream):
            batches = run.meter.timed(islice(stream, left))
            loss = _staged(recipe, run.trainee)
            for step in train(run.trainee, batches, loss, settings.loop(), process):
                run.meter.add(step)
                run.position = replace(run.position, scenes=run.position.scenes + settings.batch)
                due = _due(step.number, settings)
                if not any(due.values()):
                    continue
                report = _told(run)
                if due["validation"]:
                    report = _validated(run, report)
                if due["checkpoint"]:
                    save_checkpoint(
                        run.checkpoints, run.trainee, run.position, process, settings.keep
                    )
                yield report
                if _tired(step.number, run.position, settings):
                    break


def ended_early(out: Path, settings: TrainSettings) -> int | None:
    """Tell after which step the run in a folder ended for want of patience, None if it did not."""
    path = last_checkpoint(out / CHECKPOINTS)
    if path is None:
        return None
    step = int(path.stem)
    return step if _tired(step, read_position(path), settings) else None


def check_alike(out: Path, begun: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Raise TrainError where a run was begun otherwise; older ones did not note everything."""
    other = [key for key in asked if key in begun and begun[key] != asked[key]]
    if other:
        key = other[0]
        raise TrainError(
            f"the run in {out.name} was begun with another {key} "
            f"({_short(begun[key])}, not {_short(asked[key])}); choose another --out"
        )


def make_trainee(recipe: Recipe, device: torch.device) -> Trainee[nn.Module]:
    """Build a recipe's network with fresh weights, its optimiser and its schedule."""
    settings = recipe.settings
    torch.manual_seed(settings.seed)
    network = build_network(recipe.network, **recipe.changes)
    if recipe.begin is not None:
        recipe.begin(network)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = deepcopy(network).eval().requires_grad_(False) if settings.average else None
    optimiser = make_optimiser(network, settings)
    schedule, plateau = make_schedule(optimiser, settings), make_plateau(optimiser, settings)
    if settings.compiled:
        network.compile()
    return Trainee(network, optimiser, schedule, plateau, average)


@contextmanager
def _begun(recipe: Recipe, sources: Sources, out: Path, process: Process) -> Iterator[Run]:
    """Begin a run in a folder, or take up the one that is there."""
    settings, folder = recipe.settings, out / CHECKPOINTS
    trainee = make_trainee(recipe, process.device)
    torch.manual_seed(settings.seed + process.rank)
    if process.leads:
        folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(folder)
    asked = json.loads(json.dumps({**identity(recipe), **sources.data}))
    position = _resumed(asked, trainee, folder, process)
    validation: tuple[Any, ...] = ()
    if process.leads:
        atomic_write(out / RECIPE, json.dumps(described(recipe), indent=1).encode(), force=True)
        size = max(1, settings.batch // process.count)
        validation = fixed_batches(
            sources.validation, sources.validation_scenes, size, sources.workers
        )
    with opened_log(out, trainee.step) if process.leads else nullcontext() as log:
        meter = Meter(process, position.seconds)
        yield Run(recipe, sources, out, process, trainee, position, meter, validation, log)


def _resumed(
    asked: Mapping[str, Any], trainee: Trainee[nn.Module], folder: Path, process: Process
) -> Position:
    """Load the newest checkpoint, if there is one of a run that was asked to do the same."""
    path = process.from_leader(last_checkpoint(folder))
    if path is None:
        return Position(run=asked)
    position = load_checkpoint(path, trainee, process)
    begun = {**asdict(TrainSettings()), **position.run}  # of settings that are new since then
    check_alike(folder.parent, begun, asked)
    return replace(position, run={**position.run, **asked})


def _staged(recipe: Recipe, trainee: Trainee[nn.Module]) -> Loss[Any]:
    """The loss that the recipe has for the step under way."""

    def loss(network: nn.Module, batch: Any) -> Tensor:
        return recipe.loss_after(trainee.step)(network, batch)

    return loss


def _due(step: int, settings: TrainSettings) -> dict[str, bool]:
    """Tell what is to be done after a step."""
    last = step == settings.steps
    validation = last or step % settings.validate_every == 0
    checkpoint = validation or step % settings.save_every == 0
    return {
        "log": checkpoint or step % settings.log_every == 0,
        "validation": validation,
        "checkpoint": checkpoint,
    }


def _told(run: Run) -> Report:
    """Read and log how training went since the last time. Raises TrainError if it is lost."""
    step, numbers = run.trainee.step, run.meter.read()
    if not (math.isfinite(numbers["loss"]) and math.isfinite(numbers["gradient"])):
        raise TrainError(
            f"the loss is no number any more, by step {step}; lower --learning-rate or --clip; "
            f"{last_good(run.checkpoints)}"
        )
    run.position = replace(run.position, seconds=run.meter.seconds)
    if run.log is not None:
        run.log.write("train", step, numbers)
    return Report(step, run.recipe.settings.steps, numbers)


def _validated(run: Run, report: Report) -> Report:
    """Measure, log, and save the weights if they are the best so far."""
    recipe, step = run.recipe, run.trainee.step
    network = run.trainee.average or run.trainee.network
    found: dict[str, float] = {}
    if run.log is not None:
        loss = recipe.loss_after(step)
        found = validate(network, run.validation, recipe.measure, loss, run.process.device)
        run.log.write("validation", step, found)
        draw(recipe, network, run.validation[0], run.log, step, run.process.device)
    measures = run.process.from_leader(found)
    score = measures[recipe.judge]
    if run.trainee.plateau is not None:
        run.trainee.plateau.step(score)
    if run.position.best is not None and not score > run.position.best:
        return replace(report, measures=measures)
    run.position = replace(run.position, best=score, best_step=step)
    if run.process.leads:
        save_best(recipe, network, measures, run.position, run.sources.about, run.out)
    return replace(report, measures=measures, best=True)


def _tired(step: int, position: Position, settings: TrainSettings) -> bool:
    """Tell whether validation, at this step too, has not got better for too long."""
    if settings.patience == 0 or position.best is None:
        return False
    waited = step - position.best_step
    is_due = _due(step, settings)["validation"]
    return is_due and waited >= settings.patience * settings.validate_every


def _short(value: Any) -> str:
    """Print a value in a few words."""
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) < 60 else f"{text[:57]}..."
