"""Settings of the C library's memory allocator that suit large pictures."""

import ctypes
import sys
from collections.abc import Mapping


M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -2, -3, -4


def tune_allocator() -> None:
    """Keep freed memory for the next tile, yet give back what whole pictures took.

    By default glibc returns every large block to the system at once and gets it anew, zeroed page
    by page: more work than the arithmetic of a tile (measured in benchmarks/README.md). Blocks of
    up to 4 MB are kept, and larger ones returned. Does nothing where there is no glibc.
    """
    _set({M_MMAP_THRESHOLD: 4 << 20, M_TRIM_THRESHOLD: 32 << 20})


def tune_for_networks() -> None:
    """Keep what a network's layers free for the next layer: blocks of up to 32 MB, glibc's most.

    Tiles of 512 x 512 pixels take half the time and a third more memory (benchmarks/README.md).
    """
    _set({M_MMAP_THRESHOLD: 32 << 20, M_TRIM_THRESHOLD: 1 << 30, M_TOP_PAD: 64 << 20})


def keep_freed_memory() -> None:
    """Give nothing back to the system, for training on the CPU: every step takes the same again.

    Large blocks are not mapped afresh, and the heap grows by 256 MB at a time.
    """
    _set({M_MMAP_MAX: 0, M_TRIM_THRESHOLD: 2**31 - 1, M_TOP_PAD: 256 << 20})


def _set(values: Mapping[int, int]) -> None:
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    for parameter, value in values.items():
        mallopt(parameter, value)
