import numpy as np
import pytest
import tifffile
import torch

from deghost.data.layouts import detect, open_scenes
from deghost.errors import ReadError


METADATA = {
    "red_gain": np.array([1.9], np.float32),
    "blue_gain": np.array([1.6], np.float32),
    "cam2rgb": np.arange(9, dtype=np.float32).reshape(3, 3),
}
STEPS = (1, 4, 16, 64, 256)


def put_bracketire(disk, home, small=False):
    size = (8, 12)
    frame_size = (2, 3) if small else size
    frames = [
        disk.npy(
            f"{home}/{'x4/' if small else ''}raw_{step}.npy",
            disk.rng.integers(0, 1024, (*frame_size, 4)).astype(np.uint16),
        )
        for step in STEPS
    ]
    truth = disk.npy(f"{home}/raw_gt.npy", disk.rng.random((*size, 4)).astype(np.float32) * 16)
    disk.npy(f"{home}/metadata.npy", METADATA)
    disk.npy(f"{home}/alignratio.npy", np.float32(12.5))
    return frames, truth


@pytest.mark.parametrize("small", [False, True])
def test_bracketire_scenes_are_read(disk, expected, small):
    """10-bit codes over 1023, exposures of 1/16 to 16 against the middle, the first the reference.

    Of BracketIRE+ the truth is four times the size of the frames.
    """
    frames, truth = put_bracketire(disk, "Train/cars_fullshot/000123", small)

    found = open_scenes(disk.root)
    scene = found[0]

    assert found.layout.name == ("bracketire-plus" if small else "bracketire")
    assert found.names == ("Train/cars_fullshot/000123",)
    assert np.array_equal(scene.frames.numpy(), expected(frames, 1023))
    assert scene.exposures.tolist() == [1 / 16, 1 / 4, 1, 4, 16]
    assert (scene.reference, scene.response) == (0, "linear")
    assert np.array_equal(scene.truth.permute(1, 2, 0).numpy(), truth)
    assert torch.equal(scene.details["cam2rgb"], torch.arange(9.0).reshape(3, 3))
    assert scene.details["alignratio"] == 12.5


def test_videos_of_one_place_are_on_one_side(disk):
    """Takes and reconstructions of one place show the same things."""
    for video in ("Train/bistro_01", "Train/bistro_03", "Train/cars_fullshot", "Test/bistro_02"):
        put_bracketire(disk, f"{video}/000001")

    found = open_scenes(disk.root)

    assert found.parts == ("test", "validation", "validation", "train")
    assert found.select("train").names == ("Train/cars_fullshot/000001",)


def test_frames_that_are_not_ten_bits_are_refused(disk):
    """A code above 1023 is no code of this set."""
    put_bracketire(disk, "Train/a/1")
    disk.npy("Train/a/1/raw_16.npy", np.full((8, 12, 4), 1024, np.uint16))

    with pytest.raises(ReadError, match=r"Train/a/1: raw_16.npy does not hold 10-bit codes"):
        open_scenes(disk.root)[0]


def test_a_truth_of_another_size_is_refused(disk):
    """The truth of BracketIRE is of the frames' size, that of BracketIRE+ four times it."""
    put_bracketire(disk, "Train/a/1")
    disk.npy("Train/a/1/raw_gt.npy", np.zeros((4, 6, 4), np.float32))

    with pytest.raises(ReadError, match=r"raw_gt.npy is 6x4, but 12x8 goes with the frames"):
        open_scenes(disk.root)[0]


def test_both_tasks_in_one_folder_are_told(disk):
    """A folder with frames of both sizes is the first task, and could be the second."""
    put_bracketire(disk, "Train/a/1", small=True)
    put_bracketire(disk, "Train/a/1")

    found = detect(disk.root)

    assert (found.layout.name, found.others) == ("bracketire", ("bracketire-plus",))


def put_dng(path, mosaic):
    """A DNG of 10 bits with the Bayer pattern GRBG."""
    tags = [
        (50706, "B", 4, (1, 4, 0, 0), True),
        (50708, "s", 0, "Test Camera", True),
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, (1, 0, 2, 1), True),
        (50714, "H", 1, 64, True),
        (50717, "H", 1, 1023, True),
        (50721, "2i", 9, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1), True),
        (50728, "2I", 3, (1, 2, 1, 1, 1, 2), True),
    ]
    tifffile.imwrite(path, mosaic, photometric=32803, extratags=tags, metadata=None)


def test_real_brackets_are_packed_by_their_pattern(disk):
    """Black 64 and white 1023 become 0 and 1; times are relative to the middle frame."""
    mosaics = [disk.rng.integers(0, 1024, (32, 48)).astype(np.uint16) for _ in range(5)]
    for k, mosaic in enumerate(mosaics):
        put_dng(disk.path(f"Test/night/{k}.dng"), mosaic)
    disk.text("Test/night/exposure.txt", "0.001\n0.004\n0.016\n0.064\n0.256\n")

    found = open_scenes(disk.root)
    scene = found[0]

    assert (found.layout.name, found.parts) == ("bracketire-real", ("test",))
    assert scene.exposures.tolist() == pytest.approx([1 / 16, 1 / 4, 1, 4, 16])
    assert (scene.reference, scene.truth) == (0, None)
    first = (mosaics[0].astype(np.float32) - 64) / (1023 - 64)
    planes = [first[0::2, 1::2], first[0::2, 0::2], first[1::2, 1::2], first[1::2, 0::2]]
    assert np.allclose(scene.frames[0].numpy(), np.clip(planes, 0, 1), atol=1e-6)


def put_mobile(disk, name, exposures=(1.0, 4.0, 16.0), truth=True):
    light = disk.rng.random((4, 24, 30)).astype(np.float32) ** 3
    frames = {}
    for key, exposure in zip(("sht", "mid", "lng"), exposures, strict=True):
        mosaic = np.clip(light * exposure, 0, 1)
        frames[key] = np.concatenate([mosaic, mosaic / np.float32(exposure)])
    arrays = frames | ({"hdr": light} if truth else {})
    np.savez(disk.path(name), **arrays)
    return frames, light


def test_mobile_scenes_tell_their_exposures_by_the_aligned_mosaics(disk):
    """The order B, G, G, R of the file becomes R, G, G, B, and exposures are ratios."""
    frames, light = put_mobile(disk, "NPZ_data/training_npz/dynamic/12_0.npz")

    found = open_scenes(disk.root)
    scene = found[0]

    assert (found.layout.name, found.names) == (
        "mobile-hdr",
        ("NPZ_data/training_npz/dynamic/12_0",),
    )
    assert scene.exposures.tolist() == pytest.approx([1, 4, 16], rel=1e-5)
    assert np.array_equal(scene.frames[2].numpy(), frames["lng"][[3, 1, 2, 0]])
    assert np.array_equal(scene.truth.numpy(), light[[3, 1, 2, 0]])
    assert (scene.reference, scene.notes) == (1, ())


def test_the_truth_of_the_set_without_truth_means_nothing(disk):
    """Files in `test_withoutGT` have a `hdr` all the same; its authors say that it is no truth."""
    put_mobile(disk, "NPZ_data/test_npz/test_withoutGT/1.npz")

    found = open_scenes(disk.root)

    assert found.parts == ("test",)
    assert found[0].truth is None


def test_a_cut_short_npz_is_named(disk):
    """Half a file is an error of one line with the scene and the file in it."""
    put_mobile(disk, "a.npz")
    path = disk.root / "a.npz"
    path.write_bytes(path.read_bytes()[:300])

    with pytest.raises(ReadError, match=r"a: a.npz is damaged") as caught:
        open_scenes(disk.root)[0]
    assert "\n" not in str(caught.value)
