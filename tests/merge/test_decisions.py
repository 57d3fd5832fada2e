from pathlib import Path

import numpy as np
import pytest
import torch

from deghost.merge.decisions import choose_reference, choose_response, match_frame
from deghost.merge.proxy import Proxy
from deghost.merge.weighted import Layer, start_fusion
from deghost.radiometry.noise import NoiseModel
from deghost.radiometry.response import decode, encode, named_response
from deghost.types import Bracket, Capture, Exposure, Frame


EXPOSURES = (0.25, 1.0, 4.0)
DRIFT = torch.tensor([[1.15, 1.0, 0.8], [1.0, 1.0, 1.0], [0.85, 1.0, 1.2]])
GREENISH = torch.tensor([[1.3, 1.0, 1.3], [1.0, 1.0, 1.0], [0.75, 1.0, 0.75]])


def film(linear):
    """A steep S-curve on top of sRGB, as picture styles have it."""
    code = encode(linear, "srgb")
    return code**1.4 / (code**1.4 + 0.8 * (1 - code) ** 1.4)


def scene(h=160, w=240):
    generator = torch.Generator().manual_seed(2)
    coarse = torch.randn(1, 3, 6, 8, generator=generator)
    stops = torch.nn.functional.interpolate(coarse, (h, w), mode="bicubic")[0]
    return 2 ** (2.2 * stops - 2 + 0.02 * torch.randn(3, h, w, generator=generator))


def bracket_of(camera, gains):
    """A bracket of sRGB files, and its samples, by a camera whose white balance is `gains`."""
    samples = []
    for exposure, gain in zip(EXPOSURES, gains, strict=True):
        light = (scene() * exposure * gain[:, None, None]).clamp(0, 1)
        codes = (camera(light) * 255).round() / 255
        trust = (codes.amax(0, keepdim=True) < 0.98).float()
        samples.append(Proxy(decode(codes, "srgb"), trust))
    pixels = np.zeros((1, 1, 3), np.uint8)
    frame = Frame(Path("a.png"), pixels, named_response("srgb"), np.eye(3), Capture())
    exposures = tuple(Exposure(value, "") for value in EXPOSURES)
    return Bracket((frame,) * 3, exposures), samples


@pytest.mark.parametrize("drift", [DRIFT, GREENISH], ids=["warm", "greenish"])
def test_white_balance_that_drifts_is_no_tone_curve(drift):
    """Constant gains per frame and channel are left to matching: the files' curve is kept."""
    bracket, samples = bracket_of(lambda light: encode(light, "srgb"), drift)

    response, why = choose_response(bracket, samples, "auto")

    assert response is None
    assert "white balance that changes between frames explains all but 0.0" in why


def test_a_tone_curve_is_still_recovered():
    """A film-like camera is found out, with a white balance that drifts and without."""
    for gains in (torch.ones(3, 3), DRIFT):
        response, why = choose_response(*bracket_of(film, gains), "auto")

        assert response is not None
        assert why.startswith("response: recovered from the pixels")


def test_a_gamma_is_no_white_balance():
    """What all channels are off by together is a curve, even where it is one ratio throughout."""
    bracket, samples = bracket_of(lambda light: light ** (1 / 1.6), torch.ones(3, 3))

    response, _ = choose_response(bracket, samples, "auto")

    assert response is not None


@pytest.mark.parametrize("brightest", [0.01, 0.6])
def test_only_codes_above_the_crushed_ones_tell_colour(brightest):
    """The crushed codes of a buried reference are green; brighter frames do not turn green."""
    light = brightest * scene().clamp(max=8) / 8
    noise = NoiseModel(shot=1e-5, read=0.002**2)
    crushed = torch.where(light < 0.012, torch.tensor([0.8, 1.3, 0.9])[:, None, None], 1.0)
    everywhere = torch.ones(1, *light.shape[1:])
    reference = start_fusion(Layer(light * crushed, everywhere, 1.0, noise))
    brighter = Proxy(4 * light, (4 * light < 0.9).all(0, keepdim=True).float())

    match, _, note = match_frame(reference, brighter, 4.0, 1, noise)

    assert match is None
    assert note is None


def test_a_reference_that_shows_little_is_doubted():
    """The frame asked for is taken; if most of it is lost, a better one is named."""
    shares = [(0.0, 0.97), (0.1, 0.3), (0.02, 0.05), (0.9, 0.0)]

    assert choose_reference(shares, 1) == (1, "reference: frame 1, as asked")
    assert choose_reference(shares, 0) == (
        0,
        "reference: frame 0, as asked, but mostly lost (0.0% clipped, 97.0% buried): "
        "--reference 2 shows more",
    )
    assert "--reference 2" in choose_reference(shares, 3)[1]
