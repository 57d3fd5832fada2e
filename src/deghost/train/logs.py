"""What a run writes of its course: a line of JSON for every event, and TensorBoard's files."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.io.atomic import atomic_write


LOG = "log.jsonl"
BOARD = "tensorboard"


class RunLog:
    """The log of a run. Each event has a kind, a step and numbers."""

    def __init__(self, folder: Path, board: Any) -> None:
        self.path = folder / LOG
        self.board = board

    def write(self, kind: str, step: int, numbers: Mapping[str, float | str]) -> None:
        """Add an event to both files at once, so that a crash loses none."""
        line = json.dumps({"kind": kind, "step": step, **numbers}, default=float)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        if self.board is not None:
            for name, number in numbers.items():
                if isinstance(number, float | int):
                    self.board.add_scalar(f"{kind}/{name}", number, step)

    def picture(self, name: str, step: int, image: Float[Tensor, "3 h w"]) -> None:
        """Add a picture, display values in [0, 1], to TensorBoard's files."""
        if self.board is not None:
            self.board.add_image(name, image.clamp(0, 1).cpu().float().numpy(), step)


@contextmanager
def opened_log(folder: Path, step: int) -> Iterator[RunLog]:
    """Go on with the log of a run that stands at a step; what came later is forgotten.

    Without the package `tensorboard` only the lines of JSON are written. What its thread cannot
    write, `RunLog.write` raises with the event after that.
    """
    events = [event for event in read_log(folder) if event["step"] <= step]
    text = "".join(json.dumps(event) + "\n" for event in events)
    atomic_write(folder / LOG, text.encode(), force=True)
    with _silent_threads("tensorboard."):
        board = _board(folder / BOARD, step)
        try:
            yield RunLog(folder, board)
        finally:
            if board is not None:
                with suppress(OSError):  # a full disk: all numbers are in the lines of JSON, too
                    board.close()


@contextmanager
def _silent_threads(package: str) -> Iterator[None]:
    """Print no tracebacks of the threads of a package, which raises their errors elsewhere, too."""
    told = threading.excepthook

    def tell(trouble: threading.ExceptHookArgs) -> None:
        if not type(trouble.thread).__module__.startswith(package):
            told(trouble)

    threading.excepthook = tell
    try:
        yield
    finally:
        threading.excepthook = told


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Read the events of a run; a last line that was cut short is left out."""
    path = folder / LOG
    if not path.exists():
        return []
    events = []
    for line in path.read_text("utf-8").splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:
            break
    return events


def _board(folder: Path, step: int) -> Any:
    """Open TensorBoard's files, if the package is there."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1, flush_secs=30)


def side_by_side(*pictures: Float[Tensor, "_ h _"]) -> Float[Tensor, "3 h width"]:
    """Lay pictures of one height beside each other; masks of one channel become grey.

    Example:
        >>> side_by_side(torch.zeros(3, 4, 5), torch.ones(1, 4, 2)).shape
        torch.Size([3, 4, 7])
    """
    return torch.cat([p.expand(3, -1, -1).float().cpu() for p in pictures], dim=-1)
