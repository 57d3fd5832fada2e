import pickle

import numpy as np
import pytest

from deghost.data.restricted_pickle import read_pickled_dictionary
from deghost.errors import ReadError


class Trap:
    """What a malicious file asks to be run."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def save(path, value, protocol=4):
    """Save like `numpy.save`, by any protocol."""
    with path.open("wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(file, header)
        array = np.empty((), object)
        array[()] = value
        pickle.dump(array, file, protocol=protocol)
    return path


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_dictionaries_of_arrays_and_plain_values_are_read(tmp_path, protocol):
    """Arrays, scalars, numbers, text and containers come back as they were."""
    stored = {
        "gain": np.float32(1.5),
        "matrix": np.arange(9.0).reshape(3, 3),
        "plain": [1, 2.5, "text", None, (True, {"a": {1}})],
    }

    found = read_pickled_dictionary(save(tmp_path / "metadata.npy", stored, protocol))

    assert found.keys() == stored.keys()
    assert found["gain"] == 1.5
    assert found["plain"] == stored["plain"]
    assert np.array_equal(found["matrix"], stored["matrix"])


def test_files_of_numpy_1_are_read(tmp_path):
    """They name the module numpy.core, which is numpy._core today."""
    path = save(tmp_path / "metadata.npy", {"a": np.arange(3)}, 3)
    path.write_bytes(path.read_bytes().replace(b"numpy._core", b"numpy.core"))

    assert read_pickled_dictionary(path)["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    "trap",
    [
        lambda path: Trap(exec, f"open({str(path)!r}, 'w')"),
        lambda path: Trap(__import__("os").system, f"touch {path}"),
        lambda path: Trap(np.save, str(path), 1),
        lambda path: Trap(getattr, "text", "upper"),
        lambda path: Trap(np.lib.format.open_memmap, str(path), "w+", "f4", (1,)),
    ],
)
def test_a_file_that_asks_to_run_something_is_refused(tmp_path, protocol, trap):
    """Nothing that such a file asks for is run; the error is one line that names the file."""
    made = tmp_path / "made"
    path = save(tmp_path / "metadata.npy", {"red_gain": trap(made)}, protocol)

    with pytest.raises(
        ReadError, match=r"^metadata.npy is not safe to open.*it asks for"
    ) as caught:
        read_pickled_dictionary(path)

    assert "\n" not in str(caught.value)
    assert [child.name for child in tmp_path.iterdir()] == ["metadata.npy"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\x93NUMPY", b"PK\x03\x04", pickle.dumps({"a": 1}), b"\x93NUMPY\x09\x00" + bytes(9)],
)
def test_other_files_are_refused(tmp_path, content):
    """A file that is no .npy of a dictionary is damaged, whatever else it is."""
    path = tmp_path / "metadata.npy"
    path.write_bytes(content)

    with pytest.raises(ReadError, match=r"^metadata.npy "):
        read_pickled_dictionary(path)


@pytest.mark.parametrize("value", [np.arange(3), [1, 2], "text"])
def test_other_values_are_refused(tmp_path, value):
    """Metadata are a dictionary."""
    path = tmp_path / "metadata.npy"
    if isinstance(value, np.ndarray):
        np.save(path, value)
    else:
        save(path, value)

    with pytest.raises(ReadError, match="metadata.npy holds no dictionary"):
        read_pickled_dictionary(path)


def test_any_cut_of_a_file_is_an_error_of_ours(tmp_path):
    """However short a copy is, it is said to be damaged."""
    whole = save(tmp_path / "whole.npy", {"a": np.arange(3)}).read_bytes()
    path = tmp_path / "metadata.npy"
    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ReadError, match=r"^metadata.npy "):
            read_pickled_dictionary(path)
