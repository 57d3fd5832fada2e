"""Settings of the C library's memory allocator that suit large pictures."""

import ctypes
import sys


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def tune_allocator() -> None:
    """Keep freed memory for the next tile, yet give back what whole pictures took.

    By default glibc returns every large block to the system at once and gets it anew, zeroed page
    by page: more work than the arithmetic of a tile (measured in benchmarks/README.md). Blocks of
    up to 4 MB are kept, and larger ones returned. Does nothing where there is no glibc.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(M_MMAP_THRESHOLD, 4 << 20)
    mallopt(M_TRIM_THRESHOLD, 32 << 20)
