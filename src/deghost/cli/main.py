"""The `deghost` command: its subcommands, and how errors reach the user."""

import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from io import TextIOWrapper
from types import FrameType

from cyclopts import App, CycloptsError, MissingArgumentError, UnknownCommandError

from deghost.cli.allocator import tune_allocator
from deghost.cli.benchmark import benchmark
from deghost.cli.convert import convert
from deghost.cli.evaluate import evaluate
from deghost.cli.export import export
from deghost.cli.exposure_tables import exposure_tables
from deghost.cli.inspect import inspect
from deghost.cli.merge import merge
from deghost.cli.models import models
from deghost.cli.render import render
from deghost.cli.scenes import scenes
from deghost.cli.segment import segment
from deghost.cli.simulate import simulate
from deghost.cli.train import train
from deghost.errors import DeghostError


DEBUG = "DEGHOST_DEBUG"  # set in the environment to see where an error arose
UNEXPECTED, MISTAKE, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141
OUT_OF_MEMORY = ("allocate memory", "Insufficient memory", "Failed to allocate")  # OpenCV, PyTorch
TERMINATIONS = ("SIGTERM", "SIGHUP")

app = App(
    name="deghost",
    help="Merge exposure brackets into ghost-free HDR pictures.",
    version=f"deghost {version('deghost')}",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
COMMANDS = (
    *(merge, segment, inspect, render, convert, scenes, simulate, evaluate, benchmark),
    *(train, exposure_tables, export, models),
)
for command in COMMANDS:
    app.command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; whatever goes wrong is one line on standard error.

    The exit code is 2 for a user's mistake, 130 for Ctrl-C, 1 for a fault of the program.
    """
    tune_allocator()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # while waiting, leave cores alone
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file's name may be anything
    with _terminations():
        try:
            app(arguments, exit_on_error=False, print_error=False)
            sys.stdout.flush()
        except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001, the last resort
            _drop_unprintable()
            if os.environ.get(DEBUG):
                traceback.print_exc()
            message, code = _explained(error)
            if message:
                print(f"deghost: {' '.join(message.split())}", file=sys.stderr)
            raise SystemExit(code) from None


def _drop_unprintable() -> None:
    """Give up what cannot be printed, or Python tries again, and complains, at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explained(error: BaseException) -> tuple[str, int]:
    """Return what to tell the user of an error, and the exit code."""
    match error:
        case DeghostError():
            return str(error), MISTAKE
        case CycloptsError():
            return _usage(error), MISTAKE
        case KeyboardInterrupt():
            return "interrupted; no partial files are left", INTERRUPTED
        case BrokenPipeError():
            return "", BROKEN_PIPE  # the reader of the output has seen enough
        case OSError(errno=int()):
            where = error.filename or "the summary cannot be printed"
            return f"{where}: {error.strerror}; check folders and disks", MISTAKE
    return _fault(error)


def _fault(error: BaseException) -> tuple[str, int]:
    """Return what to tell the user where memory ran out, or the program is at fault."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or any(words in text for words in OUT_OF_MEMORY):
        advice = "close other programs, or merge fewer or smaller frames"
        return f"the memory is full; {advice}", MISTAKE
    hint = f"set {DEBUG}=1 to see where, and report it with the files that cause it"
    return f"a fault of the program, {type(error).__name__}: {text[:300]}; {hint}", UNEXPECTED


def _usage(error: CycloptsError) -> str:
    """Say what is wrong with a command line."""
    text = str(error)
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        name = error.argument.name
        text = f"{error.keyword} needs a value" if error.keyword else f"{name} is missing"
    if isinstance(error, UnknownCommandError):  # its list of commands is cut short
        names = (name for name in app if not name.startswith("-"))
        text = f"{text.partition(' Available')[0]} There are {', '.join(names)}"
    chain = " ".join(error.command_chain or ())
    joint = "" if text.endswith("?") else ";"
    return f"{text.rstrip('.')}{joint} see {' '.join(['deghost', *chain.split()])} --help"


@contextmanager
def _terminations() -> Iterator[None]:
    """Let a request to end the program unwind it, so that unfinished files are removed."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    caught = []
    for name in TERMINATIONS:
        number = getattr(signal, name, None)  # None: not on this system
        with suppress(ValueError):  # not in the main thread
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, end)
                caught.append(number)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)
