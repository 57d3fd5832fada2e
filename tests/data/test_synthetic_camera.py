from dataclasses import replace

import numpy as np
import pytest
import torch

from deghost.data.camera import (
    Camera,
    develop,
    draw_camera,
    expose,
    expose_mosaic,
    mosaic,
    record,
    to_sensor,
)
from deghost.data.curves import NAMED, draw_tone_curve, encode_light, named_curve, tone_curve
from deghost.radiometry.response import decode


@pytest.fixture
def camera() -> Camera:
    """A camera without faults but noise."""
    drawn = draw_camera(named_curve("linear"), 16, 100.0, np.random.default_rng(1))
    return replace(
        drawn,
        full_well=4000.0,
        read_noise=5.0,
        row_noise=0.0,
        converter_bits=14,
        bayer=False,
        sharpening=0.0,
        bad_pixels=0.0,
        jpeg_quality=None,
    )


def test_photon_noise_grows_linearly_with_the_signal(camera):
    """Variance over mean has the slope 1 / full well, and read noise squared where it is dark."""
    generator = np.random.default_rng(0)
    levels = np.linspace(0.05, 0.8, 16)
    flat = [np.full((200, 200), level, np.float32) for level in levels]

    variances = [record(f, camera, generator).var(dtype=float) for f in flat]

    slope, intercept = np.polyfit(levels, variances, 1)
    assert slope == pytest.approx(1 / 4000, rel=0.03)
    assert intercept == pytest.approx((5 / 4000) ** 2, abs=0.05 * slope)


def test_few_photons_have_the_skewness_of_poisson(camera):
    """At 25 electrons the third moment is that of Poisson's distribution with read noise."""
    camera = replace(camera, read_noise=1.0, black_level=0.05)
    flat = np.full((600, 600), 25 / 4000, np.float32)

    electrons = record(flat, camera, np.random.default_rng(3)) * 4000.0
    away = electrons - electrons.mean(dtype=float)

    assert electrons.mean(dtype=float) == pytest.approx(25, rel=0.01)
    assert (away**2).mean() == pytest.approx(26, rel=0.02)
    assert (away**3).mean() == pytest.approx(25, rel=0.15)


def test_row_noise_is_shared_by_a_row_or_column(camera):
    """The means of rows spread as row noise says."""
    camera = replace(camera, read_noise=0.0, row_noise=8.0, full_well=1e5)
    flat = np.full((300, 300), 1e-3, np.float32)

    seen = record(flat, camera, np.random.default_rng(4)) * 1e5

    assert seen.mean(axis=1).std() == pytest.approx(8, rel=0.2)


@pytest.mark.parametrize("demosaicing", [None, "edges", "linear", "gradients"])
@pytest.mark.parametrize("name", NAMED)
def test_codes_decode_to_the_light_that_fell_in(camera, demosaicing, name):
    """Whatever matrix, balance, mosaic and curve a camera has, a flat colour comes back."""
    camera = replace(camera, curve=named_curve(name), full_well=1e5, black_level=0.05)
    if demosaicing is not None:
        camera = replace(camera, bayer=True, demosaicing=demosaicing)
    light = np.full((64, 64, 3), (0.5, 0.3, 0.12), np.float32)

    codes = expose(to_sensor(light, camera), camera, None, np.random.default_rng(5))
    linear = decode(torch.from_numpy(codes), name).numpy()

    assert linear.mean(axis=(0, 1)) == pytest.approx([0.5, 0.3, 0.12], rel=0.01)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_codes_are_whole_numbers_of_their_depth(camera, bits):
    """Times the largest code, every value is whole."""
    camera = replace(camera, bits=bits)
    light = np.random.default_rng(6).random((16, 16, 3), np.float32)

    codes = expose(to_sensor(light, camera), camera, None, np.random.default_rng(7))

    scaled = codes.astype(float) * (2**bits - 1)
    assert np.abs(scaled - np.rint(scaled)).max() < 0.01


def test_clipped_areas_are_white(camera):
    """Light far beyond clipping gives the largest code in all channels, tinted light too."""
    light = np.full((4, 4, 3), (30.0, 50.0, 70.0), np.float32)

    seen = record(to_sensor(light, camera), camera, np.random.default_rng(8))

    assert np.allclose(develop(seen, camera), 1)


def test_green_clips_before_white_balance(camera):
    """Grey light twice as strong as clipping is past the sensor's range in green only."""
    gains = np.array([2.5, 1.0, 2.2])
    sensor = to_sensor(np.full((1, 1, 3), 2.0, np.float32), replace(camera, gains=gains))

    assert sensor[0, 0] == pytest.approx([0.8, 2.0, 2 / 2.2], rel=1e-5)


def test_bad_pixels_are_dead_or_clip(camera):
    """Bad pixels of a mosaic show 0 or 1, whatever the light."""
    bad = np.zeros((8, 8), bool)
    bad[3, 4] = bad[5, 1] = True
    grey = np.full((8, 8, 3), 0.4, np.float32)

    seen = expose_mosaic(grey, camera, bad, np.random.default_rng(9))

    assert (seen[3, 4], seen[5, 1]) == (0, 1)
    assert np.abs(seen[~bad] - 0.4).max() < 0.1


def test_mosaic_is_rggb():
    """Red lies at even rows and columns, blue at odd ones."""
    colours = np.tile(np.array([1, 2, 3], np.float32), (4, 4, 1))

    assert mosaic(colours)[:2, :2].tolist() == [[1, 2], [2, 3]]


def test_finer_detail_survives_better_ways_of_demosaicing(camera):
    """Colours interpolated with an eye on gradients are nearer to a grey texture."""
    camera = replace(camera, bayer=True, full_well=1e6, read_noise=0.0, to_rgb=np.eye(3))
    y, x = np.mgrid[:64, :64]
    texture = (0.3 + 0.1 * np.cos(0.7 * x + 0.2 * y) + 0.1 * np.sin(0.6 * y)).astype(np.float32)
    light = np.repeat(texture[..., None], 3, axis=2)
    errors = {}
    for way in ("linear", "gradients"):
        codes = expose(
            to_sensor(light, camera),
            replace(camera, demosaicing=way),
            None,
            np.random.default_rng(3),
        )
        errors[way] = np.abs(codes - light)[4:-4, 4:-4].mean()

    assert errors["gradients"] < 0.85 * errors["linear"]


def test_jpeg_keeps_a_smooth_picture(camera):
    """A gradient survives JPEG within two codes."""
    camera = replace(camera, bits=8, jpeg_quality=92, full_well=1e7, curve=named_curve("srgb"))
    ramp = np.linspace(0.02, 0.9, 64, dtype=np.float32) ** 2
    light = np.repeat(np.tile(ramp, (64, 1))[..., None], 3, axis=2)

    codes = expose(to_sensor(light, camera), camera, None, np.random.default_rng(10))

    assert np.abs(codes - encode_light(light, camera.curve)).mean() * 255 < 2


def test_measured_curves_decode_what_they_encode():
    """The decoding table of a drawn curve inverts its encoding."""
    curve = draw_tone_curve(np.random.default_rng(11))
    light = np.repeat(np.linspace(0, 1, 1001, dtype=np.float32)[None, :, None], 3, axis=2)

    codes = encode_light(light, curve)[0]

    for channel in range(3):
        back = np.interp(codes[:, channel], np.linspace(0, 1, 1024), curve.decoding[channel])
        assert np.abs(back - light[0, :, channel]).max() < 5e-4


def test_tone_curves_are_steep_in_the_middle_and_never_fall():
    """A contrast of 5 makes mid-tones about 1.5 times as steep as sRGB; all curves rise."""
    light = np.linspace(0, 1, 4001)
    plain, bent = (tone_curve(light, contrast, 0.45, 0.0) for contrast in (0.0, 5.0))
    middle = np.abs(plain - 0.45) < 0.02

    steepness = np.gradient(bent)[middle] / np.gradient(plain)[middle]

    assert steepness.mean() == pytest.approx(1.5, abs=0.05)
    assert (np.diff(bent) > 0).all()
    assert (np.diff(draw_tone_curve(np.random.default_rng(2)).encoding, axis=0) >= 0).all()
