"""Printing: text and tables for people, JSON for scripts, a bar while they wait."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table


PATIENCE = 1.0  # s of work before a bar is shown
WIDTH = 160


def say(text: RenderableType) -> None:
    """Print text or a table on standard output."""
    console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False, width=WIDTH)
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
def progress_bar(*, visible: bool) -> Iterator[Callable[[float], None]]:
    """Show a bar with the time left on standard error once the work takes more than a second."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("merging"),
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (visible and console.is_terminal),
    )
    task = bar.add_task("merging", total=1.0)
    start = time.monotonic()

    def update(share: float) -> None:
        if not bar.live.is_started and time.monotonic() - start > PATIENCE:
            bar.start()
        bar.update(task, completed=share)

    try:
        yield update
    finally:
        if bar.live.is_started:
            bar.stop()
