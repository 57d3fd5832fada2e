import numpy as np
import pytest

from deghost.data.layouts import open_scenes


def put_frames(disk, home, count):
    """Frames of rising brightness under names in another order."""
    frames = [
        (disk.codes(np.uint8) // 4 + np.uint8(30 * level)).astype(np.uint8)
        for level in range(count)
    ]
    for level, frame in enumerate(frames):
        disk.png(f"{home}/{(level + 2) % count}.png", frame)
    return frames


@pytest.mark.parametrize("place", ["{}/mask_{}.png", "{}/masks/{}.png", "/masks/1/{1}.png"])
@pytest.mark.parametrize(("count", "exposures"), [(3, [1 / 4, 1, 4]), (5, [1 / 4, 1 / 2, 1, 2, 4])])
def test_frames_and_masks_are_paired(disk, expected, place, count, exposures):
    """Frames are ordered by brightness and masks with them; what is assumed is said."""
    frames = put_frames(disk, "images/1", count)
    masks = [disk.rng.integers(0, 2, (6, 10)).astype(np.uint8) * 255 for _ in range(count)]
    for level, mask in enumerate(masks):
        disk.png(place.format("images/1", (level + 2) % count).lstrip("/"), mask)

    found = open_scenes(disk.root)
    scene = found[0]

    assert (found.layout.name, len(found)) == ("meds", 1)
    assert np.allclose(scene.frames.numpy(), expected(frames, 255), atol=1e-7)
    assert np.array_equal(scene.motion.numpy(), np.stack(masks) / 255)
    assert scene.exposures.tolist() == pytest.approx(exposures)
    assert scene.reference == count // 2
    assert "unverified" in " ".join(scene.notes)


def test_one_mask_serves_all_frames_but_the_reference(disk):
    """A scene with a single mask tells where anything moves."""
    put_frames(disk, "1", 3)
    mask = disk.png("1/mask.png", disk.rng.integers(0, 2, (6, 10)).astype(np.uint8) * 255) / 255

    scene = open_scenes(disk.root)[0]

    assert np.array_equal(scene.motion.numpy(), np.stack([mask, 0 * mask, mask]))
