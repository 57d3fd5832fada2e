import numpy as np
import pytest
import torch

from deghost.data.layouts import open_scenes
from deghost.errors import ReadError
from deghost.radiometry.response import encode


STOPS = np.array([1.0, 4.0, 6.5])


def flat(role, number):
    return f"{number}_{role}"


def sorted_folders(role, number):
    name = role.split(".")[0]
    home = {"short": "LDR/short", "medium": "LDR/medium", "long": "LDR/long"}
    home |= {"exposures": "LDR/short", "gt": "HDR", "alignratio": "HDR"}
    return f"Train/{home[name]}/{number}_{role}"


def sample(role, number):
    names = {"short.png": "0.png", "medium.png": "1.png", "long.png": "2.png"}
    return f"training/00{number}/{names.get(role, role)}"


def put(disk, place, number="0042", truth=True):
    frames = [
        disk.png(place(f"{name}.png", number), disk.codes(np.uint8))
        for name in ("short", "medium", "long")
    ]
    disk.npy(place("exposures.npy", number), STOPS)
    if not truth:
        return frames, None
    encoded = disk.rng.random((6, 10, 3)) * 3
    ratio = 65535 / encoded.max()
    disk.npy(place("alignratio.npy", number), np.float64(ratio))
    codes = np.round(encoded * ratio).astype(np.uint16)
    disk.png(place("gt.png", number), codes)
    return frames, codes / np.float32(ratio)


@pytest.mark.parametrize("place", [flat, sorted_folders, sample])
def test_all_three_arrangements_read_alike(disk, expected, place):
    """8-bit codes over 255, stops against the medium frame, truth decoded with gamma 2.24."""
    frames, encoded = put(disk, place)

    found = open_scenes(disk.root)
    scene = found[0]

    assert (found.layout.name, len(found)) == ("ntire", 1)
    assert np.allclose(scene.frames.numpy(), expected(frames, 255), atol=1e-7)
    assert scene.exposures.tolist() == pytest.approx([2**-3, 1, 2**2.5])
    assert (scene.reference, scene.response) == (1, "gamma2.24")
    stored = torch.from_numpy(encoded.transpose(2, 0, 1))
    assert torch.allclose(encode(scene.truth, "gamma2.24"), stored, rtol=1e-5, atol=1e-6)


def test_sets_without_truth_are_read(disk):
    """The truth of validation and test frames is not public."""
    put(disk, flat, truth=False)

    scene = open_scenes(disk.root)[0]

    assert scene.truth is None
    assert scene.notes == ("the truth is not public",)


def test_validation_frames_do_not_touch_training_frames(disk):
    """Numbers just before the validation run are used for nothing."""
    for number in ("1263", "1264", "1293", "1294", "1493"):
        put(disk, lambda role, own: f"Train/{flat(role, own)}", number)

    assert open_scenes(disk.root).parts == ("train", "unused", "unused", "validation", "validation")


def test_an_absent_ratio_makes_a_scene_incomplete(disk):
    """A truth without its alignratio has no scale, so the scene is left out, the file named."""
    put(disk, flat)
    (disk.root / "0042_alignratio.npy").unlink()

    with pytest.raises(ReadError, match="0042_alignratio.npy is missing"):
        open_scenes(disk.root)


def test_an_eight_bit_truth_is_refused(disk):
    """A truth that some program reduced to 8 bits is not the truth."""
    put(disk, flat)
    disk.png("0042_gt.png", disk.codes(np.uint8))

    with pytest.raises(ReadError, match=r"0042: 0042_gt.png has 8 bits"):
        open_scenes(disk.root)[0]


def test_pickled_exposures_are_refused(disk):
    """Numbers need no pickling; a file of objects is not opened."""
    put(disk, flat)
    disk.npy("0042_exposures.npy", np.array([{"a": 1}], dtype=object))

    with pytest.raises(ReadError, match="0042_exposures.npy is damaged"):
        open_scenes(disk.root)[0]
