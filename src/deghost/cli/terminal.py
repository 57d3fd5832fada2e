"""Printing: text and tables for people, JSON for scripts, a bar while they wait."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table


PATIENCE = 1.0  # s of work before a bar is shown
WIDTH = 160


class PatientConsole(Console):
    """A console that leaves it to `main` what happens when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError, where rich would end the program as if it had failed."""
        raise BrokenPipeError


def say(text: RenderableType) -> None:
    """Print text or a table on standard output."""
    console = PatientConsole(
        highlight=False, soft_wrap=True, markup=False, emoji=False, width=WIDTH
    )
    with console.capture() as capture:
        console.print(text)
    print(capture.get(), end="")


def print_json(data: Any) -> None:
    """Print data as JSON on standard output."""
    print(json.dumps(data, indent=1, allow_nan=False))


def make_table(*titles: str, right: tuple[str, ...] = ()) -> Table:
    """Begin a plain table; the columns named in `right` are justified there."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, justify="right" if title in right else "left", no_wrap=True)
    return table


@contextmanager
def progress_bar(
    what: str, *, visible: bool, then: str = "merging"
) -> Iterator[Callable[[float], None]]:
    """Show a bar on standard error once the work takes more than a second.

    It is told the share that is done, and tells the time left; before, it shows `what` is done,
    from then on what is done `then`.
    """
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (visible and console.is_terminal),
    )
    task = bar.add_task(what, total=None)
    patience = Timer(PATIENCE, bar.start)
    patience.daemon = True
    patience.start()

    def update(share: float) -> None:
        bar.update(task, description=then, total=1.0, completed=share)

    try:
        yield update
    finally:
        patience.cancel()
        patience.join()
        if bar.live.is_started:
            bar.stop()
