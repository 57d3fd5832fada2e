"""The sample bracket is a truthful photograph of a known scene."""

import math
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from PIL import Image


SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
EXAMPLES = SCRIPTS.parent / "examples" / "sample"
STOPS = {"IMG_0001.jpg": 0, "IMG_0002.jpg": -2, "IMG_0003.jpg": 2}


@pytest.fixture(scope="module")
def script():
    """The script as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        import make_sample

        yield make_sample


@pytest.fixture(scope="module")
def panorama():
    """A smooth room of 256 x 128 pixels with a lamp 60 times as bright as its walls."""
    rows, columns = np.mgrid[:128, :256].astype(np.float32)
    walls = 1 + 0.4 * np.sin(columns * (2 * math.pi / 64)) * np.sin(rows / 9)
    lamp = 60 * np.exp(-((columns - 190) ** 2 + (rows - 50) ** 2) / 120)
    return (walls + lamp)[..., None] * np.array([1.0, 0.9, 0.7], np.float32)


def make(script, panorama, folder):
    view = script.View(left=24, top=10, width=208, height=100)
    script.make_sample(panorama, view, folder, samples=2)
    return folder


@pytest.fixture(scope="module")
def sample(script, panorama, tmp_path_factory):
    """A tiny sample."""
    return make(script, panorama, tmp_path_factory.mktemp("sample"))


def linear(path):
    """Linear light of an sRGB file, by the standard's decoding formula."""
    with Image.open(path) as image:
        code = np.asarray(image).astype(float) / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def truth_of(folder):
    with OpenEXR.File(str(folder / "truth.exr")) as file:
        return file.channels()["RGB"].pixels.astype(float)


def exif_of(path):
    with Image.open(path) as image:
        return image.getexif(), dict(image.getexif().get_ifd(0x8769))


def test_the_sample_is_made_the_same_twice(script, panorama, sample, tmp_path):
    """The same panorama and seed give the same JPEG files, byte for byte, and the same truth."""
    again = make(script, panorama, tmp_path)

    for name in STOPS:
        assert (again / name).read_bytes() == (sample / name).read_bytes()
    assert np.array_equal(truth_of(again), truth_of(sample))


@pytest.mark.parametrize(("name", "stops"), STOPS.items())
def test_exif_tells_the_true_exposure(sample, name, stops):
    """Time, APEX shutter speed and bias in EXIF agree with the exposure that was simulated."""
    main, capture = exif_of(sample / name)

    assert main[0x0110] == "plain camera"
    assert float(capture[0x829A]) == pytest.approx(2.0**stops / 60)
    assert 2 ** -float(capture[0x9201]) == pytest.approx(2.0**stops / 60, rel=1e-5)
    assert float(capture[0x9204]) == stops
    assert (float(capture[0x829D]), capture[0x8827]) == (4.0, 200)


def test_frames_are_a_second_apart(sample):
    """DateTimeOriginal counts the seconds from frame to frame."""
    dates = [exif_of(sample / name)[1][0x9003] for name in STOPS]

    assert [int(date[-2:]) for date in dates] == [0, 1, 2]


def test_truth_is_what_the_middle_frame_saw(sample):
    """Where nothing clips, the middle frame is the truth plus noise and coding, pixel for pixel."""
    truth, frame = truth_of(sample), linear(sample / "IMG_0001.jpg")

    seen = (truth > 0.02).all(axis=2) & (truth < 0.9).all(axis=2)
    error = (frame - truth)[seen]

    assert seen.mean() > 0.3
    assert np.abs(error).mean() < 0.008
    assert abs(error.mean()) < 0.001
    assert (frame[(truth > 1.5).all(axis=2)] > 0.9).all()


def test_truth_is_not_clipped(sample):
    """The lamp keeps its radiance over the middle frame's clipping level."""
    assert truth_of(sample).max() > 2


def test_static_pixels_agree_between_exposures(script, panorama):
    """Frames held still, divided by their exposure, differ by no more than noise and coding."""
    generator = np.random.default_rng(3)
    radiance = panorama[:, :150] * np.float32(0.1)

    decode = [
        script.expose(radiance * np.float32(2.0**stops), generator) / 255 for stops in (-2, 0, 2)
    ]
    light = [np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in decode]
    dark, middle, bright = light[0] * 4, light[1], light[2] / 4
    unclipped = light[2] < 0.95

    assert unclipped.mean() > 0.5
    for frame, spread in ((dark, 0.016), (middle, 0.006)):
        error = (frame - bright)[unclipped]
        assert error.std() < spread
        assert abs(error.mean()) < 0.0005


def test_the_hand_moves_the_view_by_its_shift(script):
    """A shot pointed 3 pixels right and 2 down sees the panorama from there."""
    rows, columns = np.mgrid[:60, :90].astype(np.float32)
    ramp = np.stack([columns, rows, columns + rows], axis=2) + 10
    view = script.View(left=20, top=15, width=40, height=30)

    moved = script.look(ramp, view, script.Shot(0, 0.0, right=3.25, down=2.5))

    assert np.allclose(moved[..., 0], columns[15:45, 20:60] + 13.25, atol=0.51)
    assert abs(float(moved[..., 0].mean() - columns[15:45, 20:60].mean()) - 13.25) < 0.02
    assert abs(float(moved[..., 1].mean() - rows[15:45, 20:60].mean()) - 12.5) < 0.02


def test_something_moves_between_the_frames(script, panorama):
    """The walker hides another part of the room a second later, and shows the room elsewhere."""
    generator = np.random.default_rng(5)
    first, later = (
        script.scene_during(panorama, script.Shot(0, moment), 2, generator) for moment in (0.0, 1.0)
    )

    changed = np.abs(first - later).max(axis=2) > 0.05

    assert 0.005 < changed.mean() < 0.2
    assert np.array_equal(first[:, :60], panorama[:, :60])


def test_the_bundled_sample_agrees_with_its_truth():
    """The shipped middle frame and the shipped truth are of one moment, place and scale."""
    truth, frame = truth_of(EXAMPLES), linear(EXAMPLES / "IMG_0001.jpg")

    seen = (truth > 0.02).all(axis=2) & (truth < 0.9).all(axis=2)

    assert np.abs((frame - truth)[seen]).mean() < 0.01
    assert sum(path.stat().st_size for path in EXAMPLES.iterdir()) < 3e6
