import json
import math

import pytest
import torch

from deghost.errors import WriteError
from deghost.evaluate.records import Record, RunFolder, checksum, code_checksum


def record(name="a/b", **changes):
    scores = {"psnr": 30.5, "ssim": 0.9}
    return Record(name, **{"method": "m", "group": "g", "scores": scores, **CONSTANT, **changes})


CONSTANT = {
    "truth_range": (0.0, 2.0),
    "key": "k",
    "seconds": 0.5,
    "scaling": 0.25,
    "size": (40, 30),
}


@pytest.fixture
def folder(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.open()
    return run


@pytest.mark.parametrize("name", ["a", "a/b", "../up", ".", "a%2Fb", "ä ö?*:"])
def test_a_record_comes_back(folder, name):
    """Whatever the picture is called, and nothing is written outside the folder."""
    folder.save(record(name))

    assert folder.load(name, "m", "k") == record(name)
    assert list(folder.path.parent.iterdir()) == [folder.path]


def test_names_that_look_alike_are_kept_apart(folder):
    """A slash and the code of a slash are two names."""
    folder.save(record("a/b", group="one"))
    folder.save(record("a%2Fb", group="two"))

    assert folder.load("a/b", "m", "k").group == "one"


def test_what_is_no_number_survives(folder):
    """Equal pictures have an infinite PSNR, empty masks none; the file is strict JSON."""
    folder.save(record("x", scores={"psnr": math.inf, "other": math.nan}))

    found = folder.load("x", "m", "k").scores
    assert found["psnr"] == math.inf
    assert math.isnan(found["other"])
    for path in folder.path.rglob("*.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)


def test_another_key_is_another_measurement(folder):
    """Of changed pictures, protocols or programs nothing is reused."""
    folder.save(record())

    assert folder.load("a/b", "m", "other") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "a/b"}', '{"truth_range": [1]}'])
def test_a_damaged_record_is_measured_again(folder, text):
    """A half-written or foreign file is as good as none."""
    folder.save(record())
    path = next((folder.path / "records").rglob("*.json"))
    path.write_text(text)

    assert folder.load("a/b", "m", "k") is None


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    """Tables are not strewn among a user's files."""
    (tmp_path / "holiday.jpg").touch()

    with pytest.raises(WriteError, match="holds other files"):
        RunFolder(tmp_path).open()
    with pytest.raises(WriteError, match="is a file"):
        RunFolder(tmp_path / "holiday.jpg").open()


def test_a_checksum_tells_values_shapes_and_places_apart():
    """Two inputs are one only if every part of them is."""
    one = torch.arange(4.0)
    others = [
        checksum(one, "a"),
        checksum(one.view(2, 2), "a"),
        checksum(one.double(), "a"),
        checksum("a", one),
        checksum(one, None),
        checksum(one + 1e-6, "a"),
    ]

    assert len(set(others)) == len(others)
    assert checksum(one.clone(), "a") == others[0]


def test_presentation_is_not_part_of_a_measurement(monkeypatch, tmp_path):
    """A change of a metric's code counts, one of the report's does not."""
    monkeypatch.setattr("deghost.evaluate.records.PACKAGE", tmp_path)
    (tmp_path / "evaluate").mkdir()
    found = []
    for name, text in (("psnr.py", "a"), ("report.py", "b"), ("psnr.py", "c")):
        (tmp_path / "evaluate" / name).write_text(text)
        code_checksum.cache_clear()
        found.append(code_checksum(("evaluate",)))
    code_checksum.cache_clear()

    assert found[0] == found[1] != found[2]
