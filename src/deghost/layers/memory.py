"""Memory that is no longer used."""

import ctypes
import sys


def return_freed_memory() -> None:
    """Give what has been freed back to the system; does nothing where there is no glibc.

    Planning leaves holes all over the heap that the next stage, with arrays of other sizes, cannot
    use: a seventh of the peak for three frames of 24 megapixels.
    """
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        return
