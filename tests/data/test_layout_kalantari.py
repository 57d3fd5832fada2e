import numpy as np
import pytest

from deghost.data.layouts import open_scenes
from deghost.errors import ReadError


def test_kalantari_scenes_read_as_published_code_reads_them(disk, expected):
    """Codes over 65536, stops as powers of two from the darkest, truth as stored, middle first."""
    frames, truth = disk.kalantari("Training/001")
    disk.kalantari("Test/PAPER/BarbequeDay", stops=(0, 3, 6))

    found = open_scenes(disk.root)
    scene = found.scene("Training/001")

    assert found.layout.name == "kalantari17"
    assert found.names == ("Test/PAPER/BarbequeDay", "Training/001")
    assert found.parts == ("test", "train")
    assert np.array_equal(scene.frames.numpy(), expected(frames, 65536))
    assert scene.exposures.tolist() == [1, 4, 16]
    assert found[0].exposures.tolist() == [1, 8, 64]
    assert (scene.reference, scene.response) == (1, "gamma2.2")
    assert np.array_equal(scene.truth.permute(1, 2, 0).numpy(), truth)


def test_a_scene_without_truth_is_read_without(disk):
    """Frames are of use without their truth."""
    disk.kalantari("Test/001", truth=False)

    assert open_scenes(disk.root)[0].truth is None


def test_stops_that_do_not_begin_at_zero_are_relative_to_the_darkest(disk):
    """Whatever zero means in the file, the truth is in the scale of the darkest frame."""
    disk.kalantari("Training/001", stops=("-2.0", "0.0", "2.0"))

    assert open_scenes(disk.root)[0].exposures.tolist() == [1, 4, 16]


def test_frames_whose_names_are_out_of_order_are_sorted_by_exposure(disk, expected):
    """The exposure of a frame counts, not its name, and the scene says so."""
    frames, _ = disk.kalantari("Training/001", stops=(2, 0, 4))

    scene = open_scenes(disk.root)[0]

    assert np.array_equal(scene.frames.numpy(), expected([frames[1], frames[0], frames[2]], 65536))
    assert scene.exposures.tolist() == [1, 4, 16]
    assert "sorted by exposure" in scene.notes[0]


def test_a_single_scene_folder_can_be_opened(disk):
    """A scene's own folder is a set of one scene, named after the folder."""
    disk.kalantari("Test/001")

    assert open_scenes(disk.root / "Test/001").names == ("001",)


def test_the_oxford_copy_divides_by_white_and_lists_its_still_frames(disk, expected):
    """Its codes are divided by 65535; the frames in which nothing moved are named."""
    frames = [disk.tiff(f"train/7/input_{k}_aligned.tif") for k in (1, 2, 3)]
    for k in (1, 2, 3):
        disk.tiff(f"train/7/ref_{k}_aligned.tif")
    disk.text("train/7/input_exp.txt", "0.0\n2.0\n4.0\n")
    truth = disk.hdr("train/7/ref_hdr_aligned.hdr")

    found = open_scenes(disk.root)
    scene = found[0]

    assert found.layout.name == "kalantari17-oxford"
    assert np.array_equal(scene.frames.numpy(), expected(frames, 65535))
    assert np.array_equal(scene.truth.permute(1, 2, 0).numpy(), truth)
    assert [path.name for path in scene.details["static"]] == [
        f"ref_{k}_aligned.tif" for k in (1, 2, 3)
    ]


def test_cropped_caches_are_read_and_keep_to_the_scenes_split(disk, expected):
    """Crops of a validation scene are validation crops: 308 crops make a scene."""
    root = "sig17_training_crop128_stride64"
    for number in (0, 32 * 308, 36 * 308):
        frames = [disk.tiff(f"{root}/{number:06d}/{k}.tif") for k in range(3)]
        disk.text(f"{root}/{number:06d}/exposure.txt", "0\r\n2\r\n4\r\n")
        truth = disk.hdr(f"{root}/{number:06d}/label.hdr")

    found = open_scenes(disk.root)

    assert found.layout.name == "kalantari17-crops"
    assert found.parts == ("train", "validation", "train")
    assert np.array_equal(found[2].frames.numpy(), expected(frames, 65536))
    assert np.array_equal(found[2].truth.permute(1, 2, 0).numpy(), truth)


def test_tel_scenes_are_told_from_kalantaris(disk, expected):
    """The names of the frames tell; all takes of a scene are on one side of the split."""
    for take in ("Training/scene_0004_1", "Training/scene_0004_3", "Test/scene_0007_1"):
        frames = [disk.tiff(f"{take}/input_{k}.tif") for k in (1, 2, 3)]
        disk.text(f"{take}/exposure.txt", "0\n3\n6\n")
        truth = disk.hdr(f"{take}/HDRImg.hdr")

    found = open_scenes(disk.root)

    assert found.layout.name == "tel23"
    assert found.parts == ("test", "validation", "validation")
    scene = found.scene("Test/scene_0007_1")
    assert np.array_equal(scene.frames.numpy(), expected(frames, 65536))
    assert np.array_equal(scene.truth.permute(1, 2, 0).numpy(), truth)
    assert scene.exposures.tolist() == [1, 8, 64]


def test_hu_scenes_are_told_by_their_linear_truth(disk, expected):
    """The truth is `ref_hdr_aligned_linear.hdr`; the number tells the split without folders."""
    for number in ("077", "086"):
        frames = [disk.tiff(f"{number}/input_{k}_aligned.tif") for k in (1, 2, 3)]
        disk.text(f"{number}/input_exp.txt", "0\n2\n4\n")
        truth = disk.hdr(f"{number}/ref_hdr_aligned_linear.hdr", 0.5)

    found = open_scenes(disk.root)

    assert found.layout.name == "hu20"
    assert found.parts == ("validation", "test")
    assert np.array_equal(found[1].frames.numpy(), expected(frames, 65536))
    assert np.array_equal(found[1].truth.permute(1, 2, 0).numpy(), truth)


@pytest.fixture
def challenge(disk):
    """One scene of three moments with three exposures each: frames[moment, exposure]."""
    frames, truths = {}, {}
    for moment in (1, 2, 3):
        home = f"Training/007_{moment}"
        for k in (1, 2, 3):
            frames[moment, k] = disk.tiff(f"{home}/ldr_img_{k}.tif")
        disk.text(f"{home}/exposure.txt", f"0\n{moment}\n4\n")
        truths[moment] = disk.hdr(f"{home}/hdr_img.hdr")
    return frames, truths


def test_challenge_scenes_take_one_exposure_of_each_moment(disk, expected, challenge):
    """Moment 1 dark, moment 2 middle, moment 3 bright; exposures and truth are moment 2's."""
    frames, truths = challenge

    found = open_scenes(disk.root)
    scene = found[0]

    assert (found.layout.name, found.names) == ("challenge123", ("Training/007",))
    assert np.array_equal(
        scene.frames.numpy(), expected([frames[1, 1], frames[2, 2], frames[3, 3]], 65536)
    )
    assert np.array_equal(scene.truth.permute(1, 2, 0).numpy(), truths[2])
    assert scene.exposures.tolist() == [1, 4, 16]


def test_challenge_scenes_have_six_orders(disk, expected, challenge):
    """Of an order the second moment is the reference, with its exposures and its truth."""
    frames, truths = challenge

    found = open_scenes(disk.root, "challenge123-all")
    scene = found.scene("Training/007_312")

    assert len(found) == 6
    assert len(set(found.parts)) == 1
    assert np.array_equal(
        scene.frames.numpy(), expected([frames[3, 1], frames[1, 2], frames[2, 3]], 65536)
    )
    assert np.array_equal(scene.truth.permute(1, 2, 0).numpy(), truths[1])
    assert scene.exposures.tolist() == [1, 2, 16]


def test_an_absent_moment_is_named(disk, challenge):
    """A scene lacking a file is left out, and the file is known by its folder and name."""
    (disk.root / "Training/007_2/exposure.txt").unlink()

    with pytest.raises(ReadError, match="007_2/exposure.txt is missing"):
        open_scenes(disk.root, "challenge123")


def test_motion_masks_beside_a_scene_are_read(disk):
    """Masks named by frame belong to that frame; those without one have nothing moving."""
    disk.kalantari("Test/001")
    mask = disk.rng.integers(0, 2, (6, 10)).astype(np.uint8) * 255
    disk.png("Test/001/motion_3.png", mask)

    motion = open_scenes(disk.root)[0].motion.numpy()

    assert np.array_equal(motion[2], mask / 255)
    assert not motion[:2].any()


def test_masks_of_other_names_go_to_the_frames_around_the_reference(disk):
    """Two masks for three frames are those of the outer ones, whatever they are called."""
    disk.kalantari("Test/001")
    masks = [disk.rng.integers(0, 2, (6, 10)).astype(np.uint8) for _ in range(2)]
    for name, mask in zip("ab", masks, strict=True):
        disk.png(f"Test/001/masks/{name}.png", mask)

    scene = open_scenes(disk.root, "kalantari17")[0]

    assert np.array_equal(scene.motion.numpy(), np.stack([masks[0], 0 * masks[0], masks[1]]))
    assert "around the reference" in " ".join(scene.notes)
