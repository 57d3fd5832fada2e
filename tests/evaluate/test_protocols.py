"""Each preset against arrays worked by hand; the metrics themselves have tests of their own."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from deghost.errors import SettingsError
from deghost.evaluate.hdrvdp2 import hdrvdp2, hdrvdp2_as
from deghost.evaluate.hdrvdp2_display import pixels_per_degree
from deghost.evaluate.protocol import scaling
from deghost.evaluate.protocols import (
    PROTOCOLS,
    in_values_of,
    measure,
    named_protocol,
    prepare_pair,
    with_metrics,
)
from deghost.evaluate.pu21 import encode_pu21
from deghost.evaluate.rounding import as_rgbe


def flat(value, h=32, w=32):
    return torch.full((3, h, w), value)


def noisy(h=48, w=64, seed=8):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.rand(3, h, w, generator=generator) ** 2
    return (truth + 0.01 * torch.randn(3, h, w, generator=generator)).clamp(min=0), truth


def only(name, *columns):
    protocol = PROTOCOLS[name]
    return replace(protocol, metrics={column: protocol.metrics[column] for column in columns})


def mu(value):
    return math.log(1 + 5000 * value) / math.log(5001)


def decibels(error, peak=1.0):
    return 20 * math.log10(peak / error)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_measures_every_column(name):
    """A small pair has a finite number in each column, and each text says something."""
    protocol = PROTOCOLS[name]
    test, truth = (in_values_of(protocol, image) for image in noisy(64, 64))

    scores = measure(protocol, test, truth)

    assert list(scores) == list(protocol.metrics)
    assert all(math.isfinite(score) for score in scores.values())
    assert protocol.name == name
    assert protocol.description and protocol.scale and protocol.source and protocol.notes
    assert not any("\n" in text for text in (protocol.description, *protocol.notes))


@pytest.mark.parametrize("name", ["kalantari", "tel", "iccp19"])
def test_linear_protocols_neither_clip_nor_normalise(name):
    """A result of 1 beside a truth of 2 is off by a peak, and by two known codes of the mu-law."""
    scores = measure(only(name, "psnr-l", "psnr-mu"), flat(1.0), flat(2.0))

    assert scores["psnr-l"] == pytest.approx(0, abs=1e-4)
    assert scores["psnr-mu"] == pytest.approx(decibels(mu(2) - mu(1)), abs=1e-3)


def test_kalantari_clips_for_ssim_alone():
    """Above white, SSIM sees no difference where PSNR does."""
    scores = measure(only("kalantari", "psnr-l", "ssim-l"), flat(1.1), flat(1.2))

    assert scores["psnr-l"] == pytest.approx(20, abs=1e-3)
    assert scores["ssim-l"] == pytest.approx(1)


def test_kalantari_matlab_measures_the_file():
    """A result is 0.7 in memory and 179/256 in a Radiance file, if white is beside it."""
    test = flat(0.7)
    test[0] = 0.9
    truth = flat(179 / 256)
    truth[0] = 230 / 256

    assert measure(only("kalantari-matlab", "psnr-l"), test, truth)["psnr-l"] == math.inf
    rounded, _ = prepare_pair(PROTOCOLS["kalantari-matlab"], test, truth)
    assert (rounded * 256).unique().tolist() == [179.0, 230.0]


@pytest.mark.parametrize(
    ("name", "viewing"),
    [("kalantari", "safnet"), ("kalantari-matlab", "safnet"), ("tel", "sctnet")],
)
def test_quality_is_seen_as_the_named_program_shows_it(name, viewing):
    """HDR-VDP-2 has the screen, distance and files of the protocol's source."""
    protocol = only(name, "hdr-vdp-2")
    test, truth = prepare_pair(protocol, *noisy())
    test = test if name == "kalantari" else as_rgbe(test)

    score = measure(protocol, *noisy())["hdr-vdp-2"]

    assert score == pytest.approx(hdrvdp2_as(viewing, test, truth).quality, abs=1e-4)


def test_ntire_is_measured_on_codes_against_their_maximum():
    """Codes of 3.8 beside 4.0 are a 20th of the peak apart: 26.02 dB."""
    test, truth = flat(3.8), flat(4.0)

    assert measure(only("ntire21", "psnr"), test, truth)["psnr"] == pytest.approx(
        decibels(0.2, 4), abs=1e-3
    )


def test_ntire_by_hand():
    """NumPy's formulas, from linear light through the 16-bit file to both numbers."""
    protocol = PROTOCOLS["ntire21"]
    light, true_light = (4 * image for image in noisy())
    test, truth = (in_values_of(protocol, image) for image in (light, true_light))
    u, v = (image.double().numpy() for image in (test, truth))
    ratio = 65535 / u.max()
    u = np.round(u * ratio) / ratio
    white = np.percentile(v**2.24, 99)
    y, z = (np.log1p(5000 * np.tanh(x**2.24 / white)) / math.log(5001) for x in (u, v))

    scores = measure(protocol, test, truth)

    assert np.allclose(v, true_light.double().numpy() ** (1 / 2.24), atol=1e-6)
    assert scores["psnr"] == pytest.approx(-10 * math.log10(np.mean(((u - v) / v.max()) ** 2)))
    assert scores["psnr-mu"] == pytest.approx(-10 * math.log10(np.mean((y - z) ** 2)), abs=1e-3)


def test_vam_measures_the_filling_too():
    """Of a frame filled up from 24x28 to 32x32 pixels, 352 of 1024 are right without effort."""
    test, truth = flat(1.9, 24, 28), flat(2.0, 24, 28)

    framed, _ = prepare_pair(PROTOCOLS["ntire21-as-vam"], test, truth)
    score = measure(only("ntire21-as-vam", "psnr"), test, truth)["psnr"]

    assert framed.shape == (3, 32, 32)
    assert framed[:, :4].max() == 0 == framed[:, :, :2].max()
    assert framed[:, 4:-4, 2:-2].min() > 0
    assert score == pytest.approx(decibels(0.1, 2) + 10 * math.log10(1024 / 672), abs=1e-3)


def test_vam_fills_a_frame_of_the_challenge_as_its_program_does():
    """1900x1060 becomes 1920x1088, 10 columns at both sides, 14 rows above and below."""
    picture = torch.ones(3, 1060, 1900)

    framed, _ = prepare_pair(PROTOCOLS["ntire21-as-vam"], picture, picture)

    assert framed.shape == (3, 1088, 1920)
    assert torch.equal(framed[:, 14:1074, 10:1910], picture)
    assert framed.sum() == picture.sum()


@pytest.mark.parametrize(
    ("name", "crop"),
    [
        ("bracketire", 10),
        ("bracketire-approx", 10),
        ("bracketire-plus", 16),
        ("bracketire-ntire24", 0),
    ],
)
def test_bracketire_leaves_the_edges_out(name, crop):
    """What is wrong at the edges alone costs nothing, but where the challenge counts it."""
    test, truth = flat(0.5, 64, 64), flat(0.5, 64, 64)
    test[:, :8] = 1.0
    test, truth = (image.mul(65535).floor() / 65535 for image in (test, truth))

    score = measure(only(name, "psnr"), test, truth)["psnr"]

    assert PROTOCOLS[name].crop == crop
    if crop:
        assert score == math.inf
    else:
        assert score == pytest.approx(decibels(0.5) + 10 * math.log10(8), abs=1e-2)


def test_bracketire_cuts_codes_off():
    """A result is measured as the 16-bit picture it is written to."""
    truth = flat(1000 / 65535)

    scores = measure(only("bracketire", "psnr"), flat(1000.9 / 65535), truth)

    assert scores["psnr"] == math.inf


def test_bench_ignores_what_no_frame_shows():
    """A truth of 64 and a result of 1 are equal, as both clip the darkest frame."""
    scores = measure(only("deghost-bench", "psnr-l", "psnr-mu"), flat(1.0), flat(64.0))

    assert scores == {"psnr-l": math.inf, "psnr-mu": math.inf}


def test_bench_measures_recoverable_pixels_apart():
    """Of a mask's half of the pixels, only their own errors count."""
    mask = torch.zeros(32, 32)
    mask[:16] = 1
    test, truth = flat(0.5), flat(0.4)
    test[:, :16] = 0.41
    protocol = only("deghost-bench", "psnr-l", "psnr-mu", "psnr-pu21")

    scores = measure(protocol, test, truth, mask)

    codes = [encode_pu21(torch.tensor(value)).item() for value in (410.0, 400.0)]
    assert scores["psnr-l-recoverable"] == pytest.approx(40, abs=1e-3)
    assert scores["psnr-mu-recoverable"] == pytest.approx(decibels(mu(0.41) - mu(0.4)), abs=1e-2)
    assert scores["psnr-pu21-recoverable"] == pytest.approx(
        decibels(codes[0] - codes[1], 256), abs=1e-2
    )
    assert scores["psnr-l"] == pytest.approx(-10 * math.log10((0.01**2 + 0.1**2) / 2), abs=1e-3)


def test_nothing_recoverable_is_no_number():
    """A scene of which no pixel can be recovered has no such score."""
    scores = measure(
        only("deghost-bench", "psnr-mu", "psnr-l", "psnr-pu21"),
        flat(0.5),
        flat(0.4),
        torch.zeros(32, 32),
    )

    assert math.isnan(scores["psnr-l-recoverable"])


def test_bench_quality_is_of_light_on_its_monitor():
    """White is 1000 cd/m²; 1080 rows of 24 inches at 60 cm are 39 pixels per degree."""
    test, truth = noisy()
    degrees = pixels_per_degree(24, (1920, 1080), 0.6)
    shown = [image.clamp(0, 1).mul(1000).clamp(min=0.005) for image in (test, truth)]

    score = measure(only("deghost-bench", "hdr-vdp-2"), test, truth)["hdr-vdp-2"]

    assert degrees == pytest.approx(38.6, abs=0.1)
    expected = hdrvdp2(*shown, encoding="rgb-bt.709", pixels_per_degree=degrees).quality
    assert score == pytest.approx(expected, abs=1e-3)


def test_light_is_turned_into_what_is_compared():
    """Linear protocols take light, the challenge codes of gamma 2.24, BracketIRE the mu-law."""
    light = flat(0.25)

    assert in_values_of(PROTOCOLS["kalantari"], light) is light
    codes = in_values_of(PROTOCOLS["ntire21"], light)[0, 0, 0].item()
    assert codes == pytest.approx(0.25 ** (1 / 2.24))
    assert in_values_of(PROTOCOLS["bracketire"], 4 * light).max() == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "exposures", "factor"),
    [
        ("kalantari", (1.0, 4.0, 16.0), 1),
        ("deghost-bench", (1.0, 8.0), 1),
        ("ntire21", (0.125, 1.0, 8.0), 1),
        ("kalantari", (0.125, 1.0, 8.0), 0.125),
        ("iccp19", (0.0625, 0.25, 1.0, 4.0, 16.0), 0.0625),
        ("ntire21-as-vam", (1.0, 4.0, 16.0), 4),
        ("bracketire", (1.0, 4.0, 16.0), 0.25),
    ],
)
def test_exposures_tell_a_scene_s_scale(name, exposures, factor):
    """Light of 1 is brought to the clipping level that a protocol's scale is told by."""
    assert scaling(PROTOCOLS[name], torch.tensor(exposures)) == factor


def test_a_mask_of_another_picture_is_refused():
    """It would be stretched over the picture, or tell of other pixels."""
    protocol = only("deghost-bench", "psnr-l")

    with pytest.raises(SettingsError, match="mask of 32x1 pixels is none of a picture of 32x20"):
        measure(protocol, flat(0.1, 20, 32), flat(0.2, 20, 32), torch.ones(1, 32))
    with pytest.raises(SettingsError, match="a mask has values that are not finite"):
        measure(protocol, flat(0.1), flat(0.2), torch.full((32, 32), torch.nan))


def test_a_metric_that_needs_a_file_is_added_by_its_name():
    """LPIPS, once its weights are there, is a column as any other."""
    protocol = with_metrics(only("bracketire", "psnr"), {"lpips": lambda test, truth: truth.sum()})

    scores = measure(protocol, flat(0.0), flat(0.0))

    assert list(scores) == ["psnr", "lpips"]


def test_pictures_that_cannot_be_compared_are_refused_in_one_line():
    """Sizes that differ, values that are not numbers and pictures of edges alone say so."""
    protocol = PROTOCOLS["bracketire"]
    cases = {
        "32x32 and 30x32": (flat(0.1), flat(0.1, 32, 30)),
        "not finite": (flat(math.nan), flat(0.1)),
        "nothing is left of 32x20": (flat(0.1, 20, 32), flat(0.1, 20, 32)),
    }
    for message, (test, truth) in cases.items():
        with pytest.raises(SettingsError, match=message):
            prepare_pair(protocol, test, truth)


def test_an_unknown_protocol_is_told_the_known_ones():
    """The message lists the names."""
    with pytest.raises(SettingsError, match="no protocol 'sig17'; there are: kalantari, kal"):
        named_protocol("sig17")
