import numpy as np
import pytest

from deghost.data.layouts import open_scenes
from deghost.errors import ReadError


@pytest.mark.parametrize(("count", "chosen"), [(5, (1, 2, 3)), (7, (2, 3, 4)), (9, (3, 4, 5))])
def test_sens_middle_frame_and_its_neighbours_are_taken(disk, expected, count, chosen):
    """Of n frames number (n + 2) // 2 and its neighbours, relative to the darkest of them."""
    frames = [disk.tiff(f"Scenes/Hands/{k}.tif") for k in range(count)]
    disk.text("Scenes/Hands/exposures.txt", "".join(f"{1.5 * k - 3}\n" for k in range(count)))

    found = open_scenes(disk.root)
    scene = found[0]

    assert (found.layout.name, found.parts) == ("sen12", ("test",))
    assert np.array_equal(scene.frames.numpy(), expected([frames[k] for k in chosen], 65536))
    assert scene.exposures.tolist() == pytest.approx([1, 2**1.5, 8])
    assert (scene.reference, scene.truth) == (1, None)


def test_tursuns_fifth_seventh_and_ninth_frames_are_taken(disk, expected):
    """The file holds times, not stops."""
    frames = [disk.tiff(f"dataset/Cafe/{k}.tiff") for k in range(9)]
    disk.text("dataset/Cafe/exposure.txt", "".join(f"{2.0**k / 1000}\n" for k in range(9)))

    found = open_scenes(disk.root)
    scene = found[0]

    assert found.layout.name == "tursun16"
    assert np.array_equal(scene.frames.numpy(), expected([frames[k] for k in (4, 6, 8)], 65536))
    assert scene.exposures.tolist() == pytest.approx([1, 4, 16])


def test_too_few_frames_are_told(disk):
    """Eight frames have no ninth."""
    for k in range(8):
        disk.tiff(f"dataset/Cafe/{k}.tiff")
    disk.text("dataset/Cafe/exposure.txt", "1\n" * 8)

    with pytest.raises(ReadError, match=r"dataset/Cafe: has 8 .tiff files; .* has nine"):
        open_scenes(disk.root)[0]


def test_times_are_positive(disk):
    """A time of 0 s is a mistake in the file, which is named."""
    for k in range(9):
        disk.tiff(f"dataset/Cafe/{k}.tiff")
    disk.text("dataset/Cafe/exposure.txt", "0\n" + "1\n" * 8)

    with pytest.raises(ReadError, match=r"exposure.txt has the time 0"):
        open_scenes(disk.root)[0]
