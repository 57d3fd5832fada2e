"""Run a recipe and show how it goes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from deghost.cli.terminal import make_table, say
from deghost.errors import SettingsError
from deghost.train.folders import Folders, open_sources
from deghost.train.processes import joined_processes
from deghost.train.recipe import Recipe
from deghost.train.recipes import RECIPES
from deghost.train.run import Report, run_recipe
from deghost.train.settings import DeviceName
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


def sized(recipe: Recipe, size: tuple[int, int] | None) -> Recipe:
    """Change the width and height of the scenes that are simulated."""
    if size is None:
        return recipe
    if recipe.scenes is None:
        raise SettingsError(f"{recipe.name} simulates nothing; leave out --size")
    return replace(recipe, scenes=replace(recipe.scenes, size=(size[1], size[0])))


def run(recipe: Recipe, folders: Folders, out: Path, device: DeviceName, *, quiet: bool) -> None:
    """Train, with a bar on a terminal and a line for every validation."""
    with joined_processes(device) as process, open_sources(recipe, folders) as sources:
        shown = process.leads and not quiet
        last = None
        with _bar(recipe, visible=shown) as update:
            for report in run_recipe(recipe, sources, out, process):
                update(report)
                last = report
        if shown and last is None:
            say(f"{out} has all {recipe.settings.steps} steps; give more --steps to go on")
        elif shown:
            say(f"the best weights are {out / WEIGHTS}")


@contextmanager
def _bar(recipe: Recipe, *, visible: bool) -> Iterator["_Update"]:
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
        yield _Update(bar, bar.add_task(recipe.name, total=recipe.settings.steps), visible=visible)


class _Update:
    """Shows what a run reports."""

    def __init__(self, bar: Progress, task: object, *, visible: bool) -> None:
        self.bar, self.task, self.visible = bar, task, visible
        self.start = perf_counter()

    def __call__(self, report: Report) -> None:
        loss = report.numbers["loss"]
        self.bar.update(self.task, completed=report.step, description=f"loss {loss:.4f}")  # type: ignore[arg-type]
        if report.measures is not None and self.visible:
            best = "  (best so far)" if report.best else ""
            self.bar.console.print(f"step {report.step}: {_words(report.measures)}{best}")


def _words(numbers: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
