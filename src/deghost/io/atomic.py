"""Files appear whole or not at all: write beside the target, then rename."""

import errno
import math
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from deghost.errors import WriteError


_batch: ContextVar[list[tuple[Path, Path]] | None] = ContextVar("_batch", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Let all files written in this block appear when it ends well, or else none of them."""
    batch: list[tuple[Path, Path]] = []  # finished temporary files and their targets
    token = _batch.set(batch)
    try:
        yield
        for temporary, target in batch:
            temporary.replace(target)
    finally:
        _batch.reset(token)
        for temporary, _ in batch:
            temporary.unlink(missing_ok=True)


@contextmanager
def made_folder(path: Path) -> Iterator[None]:
    """Make a folder and those above it; after a failure what was made is removed again.

    Raises WriteError.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException as error:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise write_error(path, error) from error
        raise


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path` that becomes `path` when the block ends well.

    After a failure nothing is left behind. Raises WriteError, also where something is already.
    """
    check_new_folder(path)
    target = path.resolve()
    temporary = target.with_name(f".{secrets.token_hex(8)}")
    with made_folder(target.parent):
        try:
            temporary.mkdir()
            yield temporary
            with suppress(FileNotFoundError):
                target.rmdir()
            temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def atomic_path(path: Path, *, force: bool, needed: int | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path` that becomes `path` when the block ends well.

    An existing file is replaced only with `force`; after a failure nothing is left behind.
    `needed` is the largest size to expect in bytes, told to the user when the disk is full.
    Raises WriteError.
    """
    check_target(path, force=force)
    target = path.resolve()
    temporary = target.with_name(f".{secrets.token_hex(8)}{target.suffix}")
    batch = _batch.get()
    staged = False
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        _flush_to_disk(temporary)
        if batch is None:
            temporary.replace(target)
        else:
            batch.append((temporary, target))
            staged = True
    except OSError as error:
        if error.filename is not None and str(error.filename) != str(temporary):
            raise
        raise write_error(path, error, needed) from error
    finally:
        if not staged:
            temporary.unlink(missing_ok=True)


def atomic_write(path: Path, data: bytes, *, force: bool) -> None:
    """Write `data` to `path`, whole or not at all. Raises WriteError."""
    with atomic_path(path, force=force, needed=len(data)) as temporary:
        temporary.write_bytes(data)


def check_target(path: Path, *, force: bool) -> None:
    """Raise WriteError where `path` cannot become a file, before any work is done for it."""
    if path.is_dir():
        raise WriteError(f"{path.name} is a folder; give the name of a file")
    if not path.parent.exists():
        raise WriteError(
            f"{path.name} cannot be written: the folder {path.parent} does not exist; "
            "create it or choose another"
        )
    if not path.parent.is_dir():
        raise WriteError(f"{path.name} cannot be written: {path.parent} is a file; choose a folder")
    if path.exists() and not force:
        raise WriteError(f"{path.name} exists already; pass --force to replace it")
    if not os.access(path.resolve().parent, os.W_OK | os.X_OK):
        raise write_error(path, PermissionError(errno.EACCES, "no permission"))


def check_new_folder(path: Path) -> None:
    """Raise WriteError where there is more than an empty folder already, before any work."""
    if path.is_file():
        raise WriteError(f"{path.name} is a file; give the name of a new folder")
    if path.is_dir() and any(path.iterdir()):
        raise WriteError(f"{path.name} is not empty; choose a new folder")


def write_error(path: Path, error: OSError, needed: int | None = None) -> WriteError:
    """Say in one line why writing `path` failed and what to do.

    Where a library hides the operating system's reason, a look at the disk may tell.
    """
    reason = error.errno
    folder = next(parent for parent in path.resolve().parents if parent.is_dir())
    free = shutil.disk_usage(folder).free
    if reason in {errno.ENOSPC, errno.EDQUOT} or (reason is None and free < 2**20):
        size = f" (it may need up to {math.ceil(needed / 1e6)} MB)" if needed else ""
        return WriteError(
            f"{path.name} does not fit on the disk{size}; make room or choose another folder"
        )
    if reason in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return WriteError(
            f"{path.name} cannot be written: no permission to write in {path.parent}; "
            "choose another folder"
        )
    cause = error.strerror or " ".join(str(error).split())
    return WriteError(f"{path.name} cannot be written: {cause}; choose another folder")


def _flush_to_disk(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())
