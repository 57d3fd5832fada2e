"""What stops a run, told in one line that names the last good checkpoint."""

import errno
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import torch

from deghost.errors import TrainError, WriteError
from deghost.train.checkpoint import last_checkpoint


MEMORY = ("allocate memory", "out of memory", "Insufficient memory", "Failed to allocate")


@contextmanager
def troubles_told(folder: Path) -> Iterator[None]:
    """Turn full memory, a full disk and lost workers into a TrainError."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _full_memory(folder) from error
    except RuntimeError as error:
        if isinstance(error, BrokenProcessPool):
            raise TrainError(
                f"a process that makes scenes was ended, perhaps for want of memory; give fewer "
                f"--workers; {last_good(folder)}"
            ) from error
        if any(words in str(error) for words in MEMORY):
            raise _full_memory(folder) from error
        raise
    except (WriteError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        cause = str(error) if isinstance(error, WriteError) else "the disk is full; make room"
        raise TrainError(f"{cause}; {last_good(folder)}") from error


def last_good(folder: Path) -> str:
    """Name the newest checkpoint."""
    path = last_checkpoint(folder)
    if path is None:
        return "no checkpoint was written yet"
    return f"the last good checkpoint is {path.name}, the same command goes on from there"


def _full_memory(folder: Path) -> TrainError:
    return TrainError(
        f"the memory of the device is full; give a smaller --batch or --size; {last_good(folder)}"
    )
