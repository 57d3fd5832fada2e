from pathlib import Path

import pytest

from deghost.data.layouts import LAYOUTS
from deghost.data.splits import SPLITS, part_of, read_split


def test_every_split_is_of_a_layout_and_says_what_it_is():
    """A list without a layout would never be read."""
    names = {path.stem for path in SPLITS.glob("*.json")}

    assert names <= LAYOUTS.keys()
    assert names >= LAYOUTS.keys() - {"deghost-shards"}


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_validation_scenes_are_training_scenes(layout):
    """What is set aside is never of the test set, and never used for training."""
    split = read_split(layout)

    assert not split.validation & split.test
    assert not split.validation & split.unused
    assert 0 <= split.validation_share < 0.5


def test_test_scenes_stay_test_scenes_whatever_their_number():
    """Scene 033 of the training folder validates; one of the test folder does not."""
    assert part_of("kalantari17", "Training/033", Path("SIG17")) == "validation"
    assert part_of("kalantari17", "Test/033", Path("SIG17")) == "test"
    assert part_of("kalantari17", "Test/EXTRA/033", Path("SIG17")) == "test"


def test_the_opened_folder_tells_the_part():
    """A set may be opened at its training folder."""
    assert part_of("kalantari17", "001", Path("SIG17/Training")) == "train"
    assert part_of("mobile-hdr", "test_withGT/1", Path("NPZ_data/test_npz")) == "test"


def test_folders_that_only_begin_like_a_part_tell_nothing():
    """A folder named `testbed` holds no test set."""
    assert part_of("kalantari17", "001", Path("testbed")) == "unknown"


def test_the_innermost_folder_tells():
    """Test scenes kept below a folder called train are test scenes."""
    assert part_of("tel23", "train/Test/scene_0007_1", Path("data")) == "test"


def test_seventy_four_scenes_are_divided():
    """Of Kalantari's 74 training scenes 8 validate."""
    parts = [part_of("kalantari17", f"Training/{k:03d}", Path("SIG17")) for k in range(1, 75)]

    assert (parts.count("train"), parts.count("validation")) == (66, 8)


def test_crops_are_divided_as_their_scenes():
    """All 308 crops of a scene are on its side."""
    root = Path("sig17_training_crop128_stride64")
    parts = [part_of("kalantari17-crops", f"{k:06d}", root) for k in range(74 * 308)]

    assert parts.count("validation") == 8 * 308
    assert parts.index("validation") == 32 * 308


def test_videos_of_ntire_do_not_straddle():
    """Between training and validation numbers lie thirty that are used for nothing."""
    parts = [part_of("ntire", f"Train/{k:04d}", Path("data")) for k in range(1494)]

    assert parts == ["train"] * 1264 + ["unused"] * 30 + ["validation"] * 200


def test_drawn_groups_are_about_the_share_and_always_the_same():
    """Names that no list can know are drawn by their checksum, about a tenth of them."""
    names = [f"Training_set/scene {k}" for k in range(466)]
    parts = [part_of("iccp19", name, Path("ICCP19")) for name in names]

    assert 30 <= parts.count("validation") <= 60
    assert parts == [part_of("iccp19", name, Path("elsewhere")) for name in names]
