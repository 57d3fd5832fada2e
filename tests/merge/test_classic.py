import cv2
import numpy as np
import pytest
from PIL import Image

from deghost.io.exposure_settings import ExposureSettings
from deghost.merge.merged import merge_files
from deghost.merge.settings import MergeSettings


TIMES = (1 / 256, 1 / 64, 1 / 16)


def settings(method):
    exposures = ExposureSettings(times=TIMES)
    return MergeSettings(
        exposures=exposures,
        reference=1,
        method=method,
        align="none",
        pixel_type="float",
        response="srgb",
    )


def encode(linear):
    linear = np.clip(linear, 0, 1)
    curved = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(curved * 255).astype(np.uint8)


def decode(codes):
    values = codes / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


@pytest.fixture
def shot(tmp_path):
    """Lossless frames of a still scene of eight stops, grey or in colour, and their codes."""

    def photograph(colour=True):
        rng = np.random.default_rng(4)
        coarse = cv2.resize(rng.normal(0, 1.5, (9, 12, 3)), (96, 72), interpolation=cv2.INTER_CUBIC)
        if not colour:
            coarse = np.repeat(coarse[..., :1], 3, axis=2)
        scene = 0.12 * np.exp2(coarse)
        codes = [encode(scene * time * 64) for time in TIMES]
        paths = []
        for k, frame in enumerate(codes):
            Image.fromarray(frame).save(tmp_path / f"{k}.png")
            paths.append(tmp_path / f"{k}.png")
        return paths, codes, scene

    return photograph


def opencv(kind, codes):
    """OpenCV's merge with the sRGB curve, in our scale: 1 = clipping of the middle frame."""
    curve = decode(np.arange(256)).astype(np.float32)
    if kind == "debevec":
        curve[0] = curve[1]  # OpenCV takes its logarithm
    response = np.repeat(curve[:, None, None], 3, axis=2)
    merge = cv2.createMergeDebevec() if kind == "debevec" else cv2.createMergeRobertson()
    return merge.process(codes, np.array(TIMES, np.float32), response) * TIMES[1]


@pytest.mark.parametrize(
    ("method", "colour", "error"),
    [
        ("debevec", False, 0.004),
        ("robertson", False, 0.001),
        ("debevec", True, 0.02),
        ("robertson", True, 0.03),
    ],
)
def test_averages_agree_with_opencv(shot, method, colour, error):
    """Up to conventions, the same radiance.

    OpenCV adds 1 to the hat, so that clipped codes still count a little, and weights all channels
    of a pixel by the mean of their three weights, so that a channel that clips alone still counts.
    In grey pictures only the first matters.
    """
    paths, codes, scene = shot(colour)

    merged = merge_files(paths, settings(method)).pixels

    theirs = opencv(method, codes)
    # where every frame is exposed for at least one, clipped values hardly count with OpenCV
    fair = (scene.min(2) > 0.01) & (scene.max(2) < 1)
    difference = np.abs(merged[fair] / theirs[fair] - 1)
    assert np.median(difference) < error
    assert np.percentile(difference, 95) < 10 * error


@pytest.mark.parametrize("method", ["debevec", "robertson"])
def test_averages_give_a_still_scene_back(shot, method):
    """Without noise and motion, the truth, to the error of 8-bit codes."""
    paths, _, scene = shot()

    merged = merge_files(paths, settings(method)).pixels

    usable = (scene > 0.02) & (scene < 3.5)
    assert np.median(np.abs(merged[usable] / scene[usable] - 1)) < 0.005
    assert np.percentile(np.abs(merged[usable] / scene[usable] - 1), 95) < 0.03


def flat(tmp_path, *values):
    paths = []
    for k, value in enumerate(values):
        Image.fromarray(np.full((4, 6, 3), value, np.uint8)).save(tmp_path / f"{k}.png")
        paths.append(tmp_path / f"{k}.png")
    return paths


def test_debevec_weighs_logarithms_by_the_hat(tmp_path):
    """ln E = sum of w (ln v - ln e) / sum of w, with w the distance from the nearer end."""
    codes, exposures = np.array([44, 89, 170]), np.array([0.25, 1, 4])

    merged = merge_files(flat(tmp_path, *codes), settings("debevec"))

    weight = np.minimum(codes, 255 - codes)
    logs = np.log(decode(codes) / exposures)
    expected = np.exp((weight * logs).sum() / weight.sum())
    assert merged.pixels[0, 0] == pytest.approx([expected] * 3, rel=1e-4)


def test_robertson_weighs_by_exposure_squared(tmp_path):
    """E = sum of w e v / sum of w e^2, with w a Gaussian of the codes that ends at 0."""
    codes, exposures = np.array([44, 89, 170]), np.array([0.25, 1, 4])

    merged = merge_files(flat(tmp_path, *codes), settings("robertson"))

    weight = np.exp(-4 * ((codes - 127.5) / 127.5) ** 2) - np.exp(-4)
    expected = (weight * exposures * decode(codes)).sum() / (weight * exposures**2).sum()
    assert merged.pixels[0, 0] == pytest.approx([expected] * 3, rel=1e-4)


@pytest.mark.parametrize("method", ["debevec", "robertson"])
@pytest.mark.parametrize(("code", "radiance"), [(0, 0.0), (255, 4.0)])
def test_what_no_frame_measured_is_bounded(tmp_path, method, code, radiance):
    """Clipped everywhere: what the darkest frame says at least. Black everywhere: nothing."""
    paths = flat(tmp_path, code, code, code)

    merged = merge_files(paths, settings(method)).pixels

    assert merged == pytest.approx(radiance, abs=1e-3)


def test_a_moving_thing_is_a_ghost(shoot):
    """The comparison methods do not remove what moved; the default does."""
    paths = shoot(ball=40).paths

    clean, plain = (
        merge_files(paths, MergeSettings(method=method)).pixels.astype(np.float32)
        for method in ("weighted", "debevec")
    )

    changed = np.abs(plain / clean - 1).mean(2) > 0.2
    assert changed[150, 20]  # where the dark frame has the ball
    assert changed[150, 60]  # where the reference has it, and the others do not


def test_fusion_is_opencvs_of_the_frames_as_shown(shot):
    """Exposure fusion blends the codes and is then made linear, 1 = display white."""
    paths, codes, _ = shot()

    merged = merge_files(paths, settings("mertens"))

    theirs = decode(np.clip(cv2.createMergeMertens().process(codes), 0, 1) * 255)
    assert np.allclose(merged.pixels, theirs, atol=2e-3)
    assert merged.pixels.max() <= 1
    assert merged.absolute is None
    assert any("no radiance" in note for note in merged.notes)


def test_fusion_does_not_depend_on_a_recovered_response(shot):
    """It shows the frames by their own curve, whatever the radiance methods made of it."""
    paths, _, _ = shot()
    recovered = MergeSettings(
        exposures=ExposureSettings(times=TIMES), method="mertens", align="none", response="debevec"
    )

    merged = merge_files(paths, recovered).pixels.astype(np.float32)

    assert np.allclose(merged, merge_files(paths, settings("mertens")).pixels, atol=3e-3)
