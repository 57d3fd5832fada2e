import shutil
from pathlib import Path

import numpy as np
import pytest

from deghost.errors import ReadError, SettingsError
from deghost.evaluate.pairing import find_pairs
from deghost.evaluate.protocols import PROTOCOLS
from deghost.evaluate.reading import Reading
from deghost.io.radiance import write_radiance


KALANTARI = Reading.of(PROTOCOLS["kalantari"])
SCENES = Path(__file__).parent.parent / "data" / "scenes"


def put(path, value=0.5, size=(4, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_radiance(path, np.full((*size, 3), value, np.float32), exr_type="float")
    return path


def matches(tmp_path, predictions, truths):
    for name in predictions:
        put(tmp_path / "ours" / name)
    for name in truths:
        put(tmp_path / "truth" / name)
    found = find_pairs(tmp_path / "ours", tmp_path / "truth", KALANTARI, None)
    pairs = {p.name: str(p.prediction.relative_to(tmp_path / "ours")) for p in found.pairs}
    return pairs, found


@pytest.mark.parametrize(
    ("prediction", "truth", "name"),
    [
        ("a.exr", "a.hdr", "a"),
        ("a_pred.exr", "a_gt.exr", "a"),
        ("001.hdr", "001/HDRImg.hdr", "001"),
        ("001/result.exr", "001/HDRImg.hdr", "001"),
        ("PAPER/001/x.exr", "PAPER/001/HDRImg.hdr", "PAPER/001"),
        ("PAPER/001.exr", "PAPER/001/HDRImg.hdr", "PAPER/001"),
        ("001.exr", "Test/PAPER/001/HDRImg.hdr", "Test/PAPER/001"),
        ("deep/001/x.exr", "Test/001/HDRImg.hdr", "Test/001"),
    ],
)
def test_predictions_are_found_by_name(tmp_path, prediction, truth, name):
    """A truth's file or folder names its prediction's file or folder, roles aside."""
    pairs, found = matches(tmp_path, [prediction], [truth])

    assert pairs == {name: prediction}
    assert found.failures == ()


def test_the_exact_path_goes_before_the_name_alone(tmp_path):
    """Two scenes of one name in two folders are not mixed up."""
    names = ["A/001.exr", "B/001.exr"]

    pairs, _ = matches(tmp_path, names, ["A/001/t.hdr", "B/001/t.hdr"])

    assert pairs == {"A/001": "A/001.exr", "B/001": "B/001.exr"}


def test_what_fits_twice_or_not_at_all_is_told(tmp_path):
    """Nothing is guessed: not by order, not by a name that two scenes have."""
    pairs, found = matches(
        tmp_path, ["x.exr", "x.hdr", "001.exr", "z.exr"], ["x.exr", "A/001/t.hdr", "B/001/t.hdr"]
    )

    assert pairs == {}
    assert [failure.reason for failure in found.failures] == [
        "no prediction has its name in ours",
        "no prediction has its name in ours",
        "several predictions fit in ours",
    ]
    assert found.notes == ("4 predictions have no truth, the first is 001.exr",)


def test_truths_may_be_a_data_set(tmp_path):
    """Its scenes are read in their layout, and their folders name the predictions."""
    put(tmp_path / "001.exr")

    found = find_pairs(tmp_path, SCENES, KALANTARI, None)

    assert [pair.name for pair in found.pairs] == ["Training/001"]
    assert found.pairs[0].group == "Training"
    assert found.pairs[0].read_truth().values.shape[0] == 3
    assert [failure.name for failure in found.failures] == ["Training/002"]


def test_of_a_data_set_with_a_test_part_that_part_is_taken(tmp_path):
    """Its scenes are called as training scenes are, and belong to predictions of plain names."""
    for part in ("Training", "Test"):
        shutil.copytree(SCENES / "Training", tmp_path / "set" / part)
    for name in ("001", "002"):
        put(tmp_path / "ours" / f"{name}.exr")

    found = find_pairs(tmp_path / "ours", tmp_path / "set", KALANTARI, None)
    training = find_pairs(tmp_path / "ours", tmp_path / "set" / "Training", KALANTARI, None)

    assert [pair.name for pair in found.pairs] == ["Test/001", "Test/002"]
    assert found.failures == ()
    assert found.notes == (
        "of 4 scenes with a truth, the 2 of the test part were taken; to measure others, give "
        "their folder as the truth",
    )
    assert [pair.name for pair in training.pairs] == ["001", "002"]
    assert training.notes == ()


def test_two_files_are_a_pair(tmp_path):
    """Whatever they are called."""
    ours, truth = put(tmp_path / "a.exr", 0.25), put(tmp_path / "b.exr")

    found = find_pairs(ours, truth, KALANTARI, None)

    assert found.pairs[0].prediction == ours
    assert found.pairs[0].read_truth().values.unique().tolist() == [0.5]


def test_wrong_paths_are_told(tmp_path):
    """What is missing, empty or of two kinds."""
    path = put(tmp_path / "a.exr")
    (tmp_path / "empty").mkdir()

    with pytest.raises(ReadError, match="nowhere does not exist"):
        find_pairs(tmp_path / "nowhere", path, KALANTARI, None)
    with pytest.raises(SettingsError, match="one of the two is a file"):
        find_pairs(path, tmp_path, KALANTARI, None)
    with pytest.raises(ReadError, match="empty holds no pictures"):
        find_pairs(tmp_path, tmp_path / "empty", KALANTARI, None)
    with pytest.raises(ReadError, match="layout"):
        find_pairs(tmp_path, tmp_path, KALANTARI, "ntire")
