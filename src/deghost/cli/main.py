"""The `deghost` command: its subcommands, and how errors reach the user."""

import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError

from deghost.cli.convert import convert
from deghost.cli.inspect import inspect
from deghost.cli.merge import merge
from deghost.cli.render import render
from deghost.errors import DeghostError


app = App(
    name="deghost",
    help="Merge exposure brackets into ghost-free HDR pictures.",
    version=f"deghost {version('deghost')}",
)
for command in (merge, inspect, render, convert):
    app.command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. A user's mistake ends in one line on standard error and exit code 2."""
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        _fail(f"{' '.join(str(error).split())} Try: deghost --help")
    except DeghostError as error:
        _fail(str(error))
    except MemoryError:
        _fail("the memory is full; close other programs or merge fewer frames at once")
    except KeyboardInterrupt:
        _fail("interrupted; nothing was written", code=130)


def _fail(message: str, code: int = 2) -> None:
    print(f"deghost: {message}", file=sys.stderr)
    raise SystemExit(code)
