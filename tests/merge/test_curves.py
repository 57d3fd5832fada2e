from pathlib import Path

import numpy as np
import pytest
import torch

from deghost.merge.curves import frame_curve, read_light
from deghost.merge.proxy import make_proxy, proxy_factor
from deghost.radiometry.response import linearise, named_response
from deghost.types import Capture, Frame


def frame_of(pixels, kind="encoded", response="srgb"):
    return Frame(
        Path("a.jpg"),
        pixels,
        named_response(response),
        np.eye(3),
        Capture(),
        kind,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_light_is_what_the_response_says(dtype):
    """One table look-up gives the linear value of every code."""
    top = np.iinfo(dtype).max
    pixels = np.random.default_rng(0).integers(0, top + 1, (20, 30, 3), dtype=dtype)
    frame = frame_of(pixels)

    planes = read_light(pixels, frame_curve(frame, None, None), frame)

    expected = linearise(pixels, frame.response).permute(1, 2, 0).numpy()
    assert np.allclose(planes[..., :3], expected, atol=1e-6)


def test_a_finished_picture_is_trusted_as_its_largest_channel():
    """A JPEG pixel that clips in red is trusted in no channel; a RAW one in green and blue."""
    pixels = np.array([[[65535, 20000, 20000]]], np.uint16)
    encoded, raw = frame_of(pixels), frame_of(pixels, "raw", "linear")

    assert read_light(pixels, frame_curve(encoded, None, None), encoded)[0, 0, 3:].tolist() == [0]
    assert read_light(pixels, frame_curve(raw, None, None), raw)[0, 0, 3:].tolist() == [0, 1, 1]


@pytest.mark.parametrize("kind", ["encoded", "raw"])
def test_distrust_spreads_to_the_neighbours(kind):
    """Interpolation mixes neighbours, so those of a clipped pixel are not trusted either."""
    pixels = np.full((7, 7, 3), 9000, np.uint16)
    pixels[3, 3] = 65535
    frame = frame_of(pixels, kind, "linear")

    planes = read_light(pixels, frame_curve(frame, None, None), frame, spread=True)

    trusted = planes[..., 3:].min(2)
    assert not trusted[2:5, 2:5].any()
    assert trusted.sum() == 49 - 9


def test_float_pixels_are_light_already():
    """Float frames pass through, and clip at 1."""
    pixels = np.array([[[0.25, 0.5, 1.0]]], np.float32)
    frame = frame_of(pixels, "float", "linear")

    planes = read_light(pixels, frame_curve(frame, None, None), frame)

    assert planes[0, 0].tolist() == [0.25, 0.5, 1.0, 1.0, 1.0, 0.0]


def test_a_proxy_is_the_mean_of_the_light_of_its_blocks():
    """Averaging is done on light, not on codes."""
    pixels = np.random.default_rng(1).integers(0, 256, (1700, 1900, 3), dtype=np.uint8)
    frame = frame_of(pixels)
    factor = proxy_factor(frame.size)

    proxy = make_proxy(frame, frame_curve(frame, None, None), factor)

    light = linearise(pixels, frame.response)
    expected = torch.nn.functional.avg_pool2d(light.contiguous(), factor)
    assert factor == 2
    assert torch.allclose(proxy.linear, expected, atol=1e-5)
