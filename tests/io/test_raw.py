import shutil

import numpy as np
import pytest
import rawpy
import tifffile

from deghost.errors import ReadError
from deghost.io.image import read_capture, read_frame
from deghost.io.raw import read_raw, read_white_balance


@pytest.fixture
def scene():
    """Grey that brightens to the right, in white-balanced camera RGB."""
    grey = np.linspace(0.02, 0.95, 96)
    return np.tile(grey[None, :, None], (64, 1, 3))


def linear(frame):
    """The linear value of each pixel of a RAW frame."""
    return frame.pixels / 65535


def test_a_scene_is_recovered(tmp_path, write_dng, scene):
    """Black level, white level and white balance undone, the scene is there again."""
    frame = read_raw(write_dng(tmp_path / "frame.dng", scene))

    assert (frame.kind, frame.response.name, frame.pixels.dtype) == ("raw", "linear", np.uint16)
    assert linear(frame)[4:-4, 4:-4] == pytest.approx(scene[4:-4, 4:-4], abs=1e-3)


def test_grey_stays_grey(tmp_path, write_dng, scene):
    """White balance makes grey grey, and the matrix to Rec. 709 leaves it so."""
    frame = read_raw(write_dng(tmp_path / "frame.dng", scene))

    shown = linear(frame)[4:-4, 4:-4] @ frame.to_rec709.T

    assert frame.to_rec709 @ np.ones(3) == pytest.approx(np.ones(3), abs=1e-9)
    assert np.ptp(shown, axis=2).max() < 1e-3


def test_clipped_pixels_are_white_in_every_channel(tmp_path, write_dng, scene):
    """Highlights beyond the sensor are white in all channels, not magenta."""
    scene[16:48, 24:72] = 5.0

    frame = read_raw(write_dng(tmp_path / "frame.dng", scene))

    assert (frame.pixels[20:44, 28:68] == 65535).all()
    assert (frame.pixels[:, :20] < 65535).all()


def test_a_dark_frame_is_not_scaled_up(tmp_path, write_dng, scene):
    """The scale is that of the sensor's white, not of the frame's own brightest pixel."""
    frame = read_raw(write_dng(tmp_path / "frame.dng", scene * 0.9))

    assert linear(frame).max() == pytest.approx(0.95 * 0.9, abs=2e-3)


def test_a_sensor_that_clips_early_still_clips_to_white(tmp_path, write_dng):
    """Pixels on a plateau below the nominal white read white; the scale of others stays."""
    rng = np.random.default_rng(1)
    scene = np.tile(np.linspace(0.05, 1.6, 256)[None, :, None], (256, 1, 3))
    scene *= rng.normal(1, 0.02, scene.shape)
    path = write_dng(tmp_path / "frame.dng", scene, clip=15000, neutral=np.ones(3))

    frame = read_raw(path)

    assert "clips at 15000" in " ".join(frame.notes)
    assert (frame.pixels[8:-8, -48:] == 65535).all()
    assert linear(frame)[8:-8, 48:64].mean() == pytest.approx(scene[8:-8, 48:64].mean(), rel=5e-3)


def test_a_frame_that_does_not_clip_has_no_plateau(tmp_path, write_dng):
    """The brightest codes of a frame without clipping are rare: nothing is taken for clipped."""
    rng = np.random.default_rng(1)
    scene = 0.6 + 0.08 * rng.normal(0, 1, (256, 256, 1)).repeat(3, axis=2)

    frame = read_raw(write_dng(tmp_path / "frame.dng", scene, neutral=np.ones(3)))

    assert frame.notes == ()


def test_half_size_means_blocks(tmp_path, write_dng, scene):
    """Half size makes one pixel of each two by two, of the same values."""
    path = write_dng(tmp_path / "frame.dng", scene)

    half = read_raw(path, half=True)

    assert half.size == (32, 48)
    assert linear(half) == pytest.approx(scene[::2, ::2], abs=0.02)


def test_x_trans_mosaics_are_developed(tmp_path, write_dng):
    """Fujifilm's mosaic of six by six gives grey as grey and clipped as white."""
    scene = np.tile(np.linspace(0.02, 1.2, 528)[None, :, None], (520, 1, 3))
    pattern = ("GBGGRG", "RGRBGB", "GBGGRG", "GRGGBG", "BGBRGR", "GRGGBG")

    frame = read_raw(write_dng(tmp_path / "frame.dng", scene, pattern=pattern))

    assert linear(frame)[12:-12, 12:400] == pytest.approx(scene[12:-12, 12:400], abs=1e-3)
    assert (frame.pixels[12:-12, -60:-12] == 65535).all()


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_frames_come_upright(tmp_path, write_dng, scene, orientation, turns):
    """A camera turned on its side gives an upright picture."""
    frame = read_raw(write_dng(tmp_path / "frame.dng", scene, orientation=orientation))

    expected = np.rot90(scene, turns)
    assert frame.pixels.flags.c_contiguous
    assert frame.size == expected.shape[:2]
    assert linear(frame)[4:-4, 4:-4] == pytest.approx(expected[4:-4, 4:-4], abs=1e-3)


def test_a_given_white_balance_replaces_the_cameras(tmp_path, write_dng, scene):
    """Frames of one bracket can share the white balance of one of them."""
    path = write_dng(tmp_path / "frame.dng", scene)
    red, green, blue = read_white_balance(path)

    frame = read_raw(path, white_balance=(red * 0.75, green, blue))

    assert (red / green, blue / green) == pytest.approx((2, 1 / 0.7), rel=1e-4)
    assert linear(frame)[8:-8, 8:-8, 0] == pytest.approx(0.75 * scene[8:-8, 8:-8, 0], abs=2e-3)


def test_colours_agree_with_libraws_own(tmp_path, write_dng, scene):
    """Camera RGB through the frame's matrix is what LibRaw itself makes of it."""
    scene[:, :, 1] *= 0.8
    scene[:, :, 2] *= 0.7
    path = write_dng(tmp_path / "frame.dng", scene * 0.8)
    frame = read_raw(path)

    with rawpy.imread(str(path)) as raw:
        expected = raw.postprocess(
            gamma=(1, 1), no_auto_bright=True, output_bps=16, use_camera_wb=True,
            adjust_maximum_thr=0.0, demosaic_algorithm=rawpy.DemosaicAlgorithm.DHT,
        )  # fmt: skip

    assert (linear(frame) @ frame.to_rec709.T).clip(0, 1) == pytest.approx(
        expected / 65535, abs=1e-3
    )


def test_a_raw_file_is_known_by_its_content(tmp_path, write_dng, scene):
    """A DNG named as a TIFF is developed, a TIFF is not."""
    path = write_dng(tmp_path / "frame.tif", scene)

    assert read_frame(path).kind == "raw"
    tifffile.imwrite(path, np.zeros((4, 6, 3), np.uint16), photometric="rgb")
    assert read_frame(path).kind == "encoded"


def test_exposure_is_read_from_either_directory(tmp_path, write_dng, scene):
    """DNG keeps time, aperture and ISO in its first directory, where LibRaw misses the ISO."""
    path = write_dng(tmp_path / "frame.dng", scene)

    found = read_capture(path)

    assert (found.time, found.aperture, found.iso) == (1 / 250, 2.8, 400)
    assert found == read_frame(path).capture


def test_what_is_no_raw_file_is_told(tmp_path):
    """A text named .nef is refused with one line."""
    path = tmp_path / "frame.nef"
    path.write_text("not a picture " * 100)

    with pytest.raises(ReadError, match=r"frame\.nef is no RAW file that LibRaw reads; convert"):
        read_frame(path)


def test_a_truncated_raw_file_is_told(tmp_path, write_dng, scene, capfd):
    """A RAW file cut short is refused, and LibRaw's own messages are not shown."""
    whole = write_dng(tmp_path / "frame.dng", scene)
    path = tmp_path / "cut.dng"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    with pytest.raises(ReadError, match=r"cut\.dng"):
        read_frame(path)
    assert capfd.readouterr().err == ""


def test_a_missing_raw_file_is_told(tmp_path):
    """Also when read by name alone."""
    with pytest.raises(ReadError, match=r"none\.dng"):
        read_raw(tmp_path / "none.dng")


def test_names_that_are_not_english_are_read(tmp_path, write_dng, scene):
    """File names may hold any letters."""
    path = tmp_path / "Übung 日本.dng"
    shutil.move(write_dng(tmp_path / "frame.dng", scene), path)

    assert read_frame(path).kind == "raw"
