"""Reading pickled `.npy` files without running what they ask for.

Unpickling may call any function of any module. Here only those that build NumPy arrays, scalars
and their types may be called, so that a file can hold dictionaries, lists, text and numbers.
"""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from deghost.data.layout_files import reading
from deghost.errors import ReadError


ADMITTED = {
    "numpy": {"ndarray", "dtype"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"},
    "collections": {"OrderedDict"},
    "builtins": {"set", "frozenset"},
}
LARGEST = 2**24  # bytes: metadata are small


class RestrictedUnpickler(pickle.Unpickler):
    """An unpickler to which only NumPy arrays, scalars and plain containers exist."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse everything but what arrays are made of."""
        home = module.replace("numpy.core", "numpy._core", 1)  # as files of NumPy 1 say
        if name not in ADMITTED.get(home, ()):
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(home, name)


def read_pickled_dictionary(path: Path) -> dict[str, Any]:
    """Read the dictionary that `numpy.save` pickled into a .npy file.

    Raises ReadError, also for a file that asks for anything but arrays and plain containers.
    """
    with reading(path):
        if path.stat().st_size > LARGEST:
            raise ReadError(f"{path.name} is larger than metadata are; is it another file?")
        stream = io.BytesIO(path.read_bytes())
        version = np.lib.format.read_magic(stream)
        header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version](stream)
    if header[2] != np.dtype(object):
        raise ReadError(f"{path.name} holds no dictionary; copy it again from its source")
    try:
        stored = RestrictedUnpickler(stream).load()
        found = stored.item() if isinstance(stored, np.ndarray) and stored.size == 1 else stored
    except pickle.UnpicklingError as error:
        message = f"{path.name} is not safe to open or is damaged: {error}; nothing of it was run"
        raise ReadError(message) from error
    except Exception as error:  # noqa: BLE001 - a damaged pickle may fail in any way
        raise ReadError(f"{path.name} is damaged; copy it again from its source") from error
    if not isinstance(found, dict):
        raise ReadError(f"{path.name} holds no dictionary; copy it again from its source")
    return found
