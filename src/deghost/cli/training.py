"""Run a recipe and show how it goes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from deghost.cli.terminal import make_table, say
from deghost.errors import SettingsError
from deghost.io.atomic import atomic_write
from deghost.train.beginnings import begin_from
from deghost.train.folders import Folders, open_sources
from deghost.train.group_runs import read_results, run_group, source_told
from deghost.train.group_tables import table_data, table_text
from deghost.train.groups import GROUPS, Group
from deghost.train.losses_radiance import perceptual_loss, radiance_loss
from deghost.train.processes import joined_processes
from deghost.train.recipe import Recipe
from deghost.train.recipes import RECIPES
from deghost.train.run import Report, ended_early, run_recipe
from deghost.train.settings import DeviceName, TrainSettings
from deghost.train.validation import WEIGHTS


def find(name: str) -> Recipe:
    """Find a recipe. Raises SettingsError that names those there are."""
    if name not in RECIPES:
        raise SettingsError(f"no recipe named {name}; there are: {', '.join(sorted(RECIPES))}")
    return RECIPES[name]


def list_recipes() -> Table:
    """Tabulate the recipes."""
    table = make_table("recipe", "network", "steps", "batch", "about", right=("steps", "batch"))
    for name, recipe in sorted(RECIPES.items()):
        numbers = str(recipe.settings.steps), str(recipe.settings.batch)
        table.add_row(name, recipe.network, *numbers, recipe.about)
    return table


def list_groups() -> Table:
    """Tabulate the groups of trainings."""
    table = make_table("group", "rows", "steps", "batch", "about", right=("rows", "steps", "batch"))
    for name, group in sorted(GROUPS.items()):
        numbers = (len(group.rows), group.settings.steps, group.settings.batch)
        table.add_row(name, *map(str, numbers), group.about)
    return table


def sized(recipe: Recipe, size: tuple[int, int] | None) -> Recipe:
    """Change the width and height of the scenes that are simulated."""
    if size is None:
        return recipe
    if recipe.scenes is None:
        raise SettingsError(f"{recipe.name} simulates nothing; leave out --size")
    return replace(recipe, scenes=replace(recipe.scenes, size=(size[1], size[0])))


def started(recipe: Recipe, weights: Path | None, vgg16: Path | None) -> Recipe:
    """Start from weights, and add a perceptual loss, where files are given for them."""
    if weights is not None:
        recipe = replace(recipe, begin=partial(begin_from, weights=weights))
    if vgg16 is None:
        return recipe
    if recipe.loss is not radiance_loss:
        raise SettingsError(f"{recipe.name} has no place for a perceptual loss; leave out --vgg16")
    name = f"{recipe.name}+perceptual"  # another recipe, so that runs are not mixed up
    return replace(recipe, name=name, loss=partial(perceptual_loss, vgg16=vgg16))


def run_rows(  # noqa: PLR0913, what is trained, and where
    name: str,
    rows: Sequence[str],
    changes: Mapping[str, Any],
    folders: Folders,
    out: Path,
    device: DeviceName,
    *,
    quiet: bool,
) -> None:
    """Train rows of a group and write the table of all that are there by then."""
    if name not in GROUPS:
        raise SettingsError(f"no group named {name}; there are: {', '.join(sorted(GROUPS))}")
    group = replace(GROUPS[name], settings=replace(GROUPS[name].settings, **changes))
    with joined_processes(device) as process:
        shown = process.leads and not quiet
        source = source_told(group, folders)
        with _bar(group.name, group.settings.steps, visible=shown) as update:
            for row, report in run_group(group, folders, out, process, rows):
                update(report, f"{row}: ")
                if process.leads:
                    _write_table(group, out, source)
        if process.leads:
            text = _write_table(group, out, source)
            if shown:
                say(text)


def _write_table(group: Group, out: Path, source: str) -> str:
    """Write the table of a group as far as it goes, in both forms."""
    results = read_results(group, out)
    text = table_text(group, results, source)
    atomic_write(out / f"{group.name}.md", text.encode(), force=True)
    data = table_data(group, results, source)
    atomic_write(out / f"{group.name}.json", data.encode(), force=True)
    return text


def run(recipe: Recipe, folders: Folders, out: Path, device: DeviceName, *, quiet: bool) -> None:
    """Train, with a bar on a terminal and a line for every validation."""
    with joined_processes(device) as process, open_sources(recipe, folders) as sources:
        shown = process.leads and not quiet
        last = None
        with _bar(recipe.name, recipe.settings.steps, visible=shown) as update:
            for report in run_recipe(recipe, sources, out, process):
                update(report)
                last = report
        if shown and last is None:
            say(_nothing_left(out, recipe.settings))
        elif shown:
            say(f"the best weights are {out / WEIGHTS}")


def _nothing_left(out: Path, settings: TrainSettings) -> str:
    """Say why there was nothing to do, and what to give to go on."""
    step = ended_early(out, settings)
    if step is None or step >= settings.steps:
        return f"{out} has all {settings.steps} steps; give more --steps to go on"
    waited = f"--patience {settings.patience}"
    return f"{out} ended after {step} steps, by {waited}; give another to go on"


@contextmanager
def _bar(name: str, steps: int, *, visible: bool) -> Iterator["_Update"]:
    """Show progress on standard error: a bar if that is a terminal, and validations."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=False),
        console=console,
        transient=True,
        disable=not (visible and console.is_terminal),
    )
    with bar:
        yield _Update(bar, bar.add_task(name, total=steps), visible=visible)


class _Update:
    """Shows what a run reports."""

    def __init__(self, bar: Progress, task: object, *, visible: bool) -> None:
        self.bar, self.task, self.visible = bar, task, visible
        self.start = perf_counter()

    def __call__(self, report: Report, row: str = "") -> None:
        told = f"{row}loss {report.numbers['loss']:.4f}"
        self.bar.update(self.task, completed=report.step, description=told)  # type: ignore[arg-type]
        if report.measures is not None and self.visible:
            best = "  (best so far)" if report.best else ""
            self.bar.console.print(f"{row}step {report.step}: {_words(report.measures)}{best}")


def _words(numbers: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
