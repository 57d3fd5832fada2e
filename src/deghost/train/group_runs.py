"""Run a group of trainings, row by row, and lay its results out in one table.

The folder holds the scenes, simulated once, a run's folder for each row, and the table. A row that
has all its steps, or that ended early for want of patience, is not trained again.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from deghost.data.manifests import MANIFEST, read_manifest
from deghost.data.scene_settings import SceneSettings
from deghost.data.stream import stream_made
from deghost.data.synthetic import make_scene
from deghost.data.writers import write_shards
from deghost.errors import TrainError, WriteError
from deghost.models.zoo import build_network
from deghost.train.beginnings import begin_from
from deghost.train.checkpoint import last_checkpoint, read_position
from deghost.train.folders import VALIDATION_SEED, Folders, mapped_panoramas, open_sources
from deghost.train.groups import Group, Row
from deghost.train.logs import opened_log, read_log
from deghost.train.processes import Process
from deghost.train.recipe import Recipe, described
from deghost.train.run import CHECKPOINTS, Report, check_alike, ended_early, run_recipe
from deghost.train.sources import fixed_batches
from deghost.train.validation import WEIGHTS, validate


SCENES, PREPARATION = "scenes", "preparation"


@dataclass(frozen=True)
class Result:
    """What came out of a row."""

    row: Row
    measures: dict[str, float]  # at the end, on scenes for validation
    steps: int  # fewer than asked for where patience ended
    seconds: float  # of training
    curve: tuple[tuple[int, float], ...]  # step and PSNR-mu of every validation


def run_group(
    group: Group, folders: Folders, out: Path, process: Process, names: Sequence[str] = ()
) -> Iterator[tuple[str, Report]]:
    """Train the rows of some names, or all of them; give the name of a row with every report."""
    chosen = chosen_rows(group, names)
    if folders.scenes is None:
        folders = group_scenes(group, folders, out / SCENES)
    _check_rows(group, folders, out)
    if group.preparation is not None and any(row.pretrained for row in chosen):
        rate = group.preparation.settings.learning_rate
        steps = group.preparing * group.settings.steps
        settings = replace(group.settings, steps=steps, learning_rate=rate, validate_every=steps)
        recipe = replace(group.preparation, settings=settings)
        for report in _run(recipe, folders, out / PREPARATION, process):
            yield PREPARATION, report
    for row in chosen:
        begin = partial(_begin_prepared, home=out / PREPARATION) if row.pretrained else None
        settings = replace(group.settings, seed=row.seed)
        recipe = replace(row.recipe, settings=settings, begin=begin)
        if row.trained:
            reports = _run(recipe, folders, out / folder_of(row), process)
        else:
            reports = _measured(recipe, folders, out / folder_of(row), process)
        for report in reports:
            yield row.name, report


def chosen_rows(group: Group, names: Sequence[str]) -> tuple[Row, ...]:
    """Give the rows of some names, or all of them for none. Raises TrainError."""
    known = {row.name: row for row in group.rows}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise TrainError(f"{group.name} has no row {unknown[0]}; it has: {', '.join(known)}")
    return tuple(known[name] for name in names) or group.rows


def folder_of(row: Row) -> str:
    """Name the folder of a row.

    Example:
        >>> from deghost.train.groups import GROUPS
        >>> folder_of(GROUPS["segdeghost-ablations"].rows[-1])
        'A12-again'
    """
    return re.sub(r"[^\w+-]+", "-", row.name)


def group_scenes(group: Group, folders: Folders, home: Path) -> Folders:
    """Simulate the scenes that all rows share, unless they are there. Raises TrainError."""
    if folders.panoramas is None:
        raise TrainError("say what to train on: --panoramas DIR for the simulator or --scenes DIR")
    parts = {
        "train": (folders.panoramas, group.settings.seed, group.count),
        "validation": (
            folders.validation or folders.panoramas,
            VALIDATION_SEED,
            group.settings.validation_scenes,
        ),
    }
    for part, (panoramas, seed, count) in parts.items():
        about = {
            "seed": seed,
            "scenes": described(group.scenes),
            "panoramas": panoramas.name,
            "wanted": count,
        }
        if not _written(home / part, about):
            _simulate(panoramas, group.scenes, home / part, about, folders.workers)
    return replace(
        folders,
        panoramas=None,
        scenes=home / "train",
        validation=home / "validation",
        layout="deghost-shards",
        workers=0,
    )


def source_told(group: Group, folders: Folders) -> str:
    """Say what the rows learn from, and what they are measured on."""
    if folders.scenes is None:
        places = "other" if folders.validation else "the same"
        count = group.settings.validation_scenes
        return f"{group.count} simulated scenes; validated on {count} of {places} places"
    with open_sources(_first_recipe(group), folders) as sources:
        return sources.about


def read_results(group: Group, out: Path) -> list[Result]:
    """Read what the rows have come to that are finished."""
    found = []
    for row in group.rows:
        home = out / folder_of(row)
        log = read_log(home)
        ends = [event for event in log if event["kind"] == "validation"]
        steps = 0
        if row.trained:
            steps = ended_early(home, group.settings) or group.settings.steps
        if not ends or ends[-1]["step"] != steps:
            continue
        last = ends[-1]
        measures = {k: float(v) for k, v in last.items() if k not in ("kind", "step")}
        seconds = max((event["seconds"] for event in log if event["kind"] == "train"), default=0.0)
        curve = tuple((event["step"], float(event["psnr-mu"])) for event in ends)
        found.append(Result(row, measures, steps, seconds, curve))
    return found


def _first_recipe(group: Group) -> Recipe:
    return replace(group.rows[0].recipe, settings=group.settings)


def _begin_prepared(network: nn.Module, home: Path) -> None:
    """Begin with the group's preparation, which goes on where rows are given more steps."""
    begin_from(network, home / WEIGHTS)


def _check_rows(group: Group, folders: Folders, out: Path) -> None:
    """Raise TrainError where a row learned from other scenes: it cannot be compared."""
    with open_sources(_first_recipe(group), folders) as sources:
        asked = sources.data
    for row in group.rows:
        home = out / folder_of(row)
        path = last_checkpoint(home / CHECKPOINTS)
        if path is not None:
            check_alike(home, read_position(path).run, asked)


def _run(recipe: Recipe, folders: Folders, out: Path, process: Process) -> Iterator[Report]:
    with open_sources(recipe, folders) as sources:
        yield from run_recipe(recipe, sources, out, process)


def _measured(recipe: Recipe, folders: Folders, out: Path, process: Process) -> Iterator[Report]:
    """Measure what learns nothing, and log it as a run of no steps."""
    with open_sources(recipe, folders) as sources:
        count, size = sources.validation_scenes, recipe.settings.batch
        batches = fixed_batches(sources.validation, count, size, workers=0)
    network = build_network(recipe.network, **recipe.changes).to(process.device)
    loss = recipe.loss_after(recipe.settings.steps)
    found = validate(network, batches, recipe.measure, loss, process.device)
    out.mkdir(parents=True, exist_ok=True)
    with opened_log(out, -1) as log:
        log.write("validation", 0, found)
    yield Report(0, 0, {"loss": found["loss"]}, found)


def _written(folder: Path, about: dict[str, Any]) -> bool:
    """Tell whether scenes are there, and that they are the wanted ones. Raises TrainError."""
    if not (folder / MANIFEST).is_file():
        return False
    stored = read_manifest(folder)
    other = [key for key, value in about.items() if stored.get(key) != value]
    if other:
        raise TrainError(
            f"the scenes in {folder.parent} were made with another {other[0]}; choose another --out"
        )
    return True


def _simulate(
    panoramas: Path, settings: SceneSettings, folder: Path, about: dict[str, Any], workers: int
) -> None:
    """Write scenes, unless another process that began at once was faster."""
    seed, count = about["seed"], about["wanted"]
    with mapped_panoramas(panoramas, workers) as places:
        make = partial(make_scene, places, settings, seed)
        with closing(stream_made(make, range(count), workers)) as scenes:
            try:
                write_shards(scenes, folder, about=about)
            except WriteError:
                if not _written(folder, about):
                    raise
