import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deghost.errors import SettingsError
from deghost.evaluate.hdrvdp2 import hdrvdp2, hdrvdp2_as
from deghost.evaluate.hdrvdp2_display import PRESETS, Viewing, pixels_per_degree
from deghost.io.radiance import read_radiance


DATA = Path(__file__).parent / "data" / "hdrvdp2"
REFERENCE = json.loads((DATA / "reference.json").read_text())
VIEWING = {
    "srgb": PRESETS["safnet"],
    "bt709_x4000_21in": Viewing("rgb-bt.709", 21, 1.0, scale=4000.0),
    "bt709_x100_24in": PRESETS["bt709"],
    "bt709_x4000_24in": replace(PRESETS["bt709"], scale=4000.0),
}


def read(name):
    return torch.from_numpy(read_radiance(DATA / f"{name}.hdr").pixels).permute(2, 0, 1)


def waves(height, width, channels=3):
    """A pattern that MATLAB makes alike, and the same with ripples of a tenth."""
    y = torch.arange(height, dtype=torch.float64)[:, None]
    x = torch.arange(width, dtype=torch.float64)
    reference = torch.stack(
        [
            10 * (1.5 * (x / 5 + c).sin() * (y / 7).cos() + ((x + 2 * y) / 31).sin()).exp()
            for c in range(1, channels + 1)
        ]
    )
    return reference * (1 + 0.1 * (x * y / 50).sin()), reference


def noisy(size=(40, 60), strength=0.1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    reference = 50 * torch.rand(3, *size, generator=generator) + 1
    return reference * (1 + strength * torch.randn(3, *size, generator=generator)), reference


def compare(test, reference):
    return hdrvdp2(test, reference, encoding="rgb-bt.709", pixels_per_degree=30.0)


@pytest.mark.parametrize("row", REFERENCE, ids="{pair}-{setup}".format_map)
def test_quality_is_that_of_the_authors_program(row):
    """On real pictures, single precision agrees with HDR-VDP-2.2.2 to three decimals."""
    test, reference = (read(f"{row['pair']}_{kind}") for kind in ("test", "ref"))
    viewing = VIEWING[row["setup"]]
    if row["setup"] == "bt709_x4000_21in":  # that script swaps width and height
        viewing = replace(viewing, resolution=tuple(test.shape[1:]))

    assert hdrvdp2_as(viewing, test, reference).quality == pytest.approx(row["q"], abs=5e-4)


@pytest.mark.parametrize(
    ("size", "encoding", "degrees", "more", "scale", "quality", "peak", "mean"),
    [
        ((101, 151), "XYZ", 30.0, {}, 1, 66.65463, 293.881, 8.42776),
        ((97, 65), "rgb-bt.709", 20.0, {"display": "crt"}, 1, 68.99621, 214.118, 1.62772),
        (
            (133, 119),
            "sRGB-display",
            45.0,
            {"display": "led-lcd"},
            0.02,
            58.73636,
            727.368,
            7.75024,
        ),
        ((150, 201), "luminance", 12.0, {}, 1, 82.60261, 21710.9, 555.56),
        ((64, 80), "rgb-bt.709", 30.0, {"surround": 13.0}, 1, 59.52194, 36.4942, 2.08129),
        ((33, 35), "luminance", 60.0, {}, 1, 75.91088, 5.62439, 0.277035),
        ((131, 90), "luma-display", 25.0, {}, 0.02, 68.10770, 1859.62, 14.6524),
    ],
)
def test_every_encoding_display_and_odd_size_agrees_with_the_authors_program(
    size, encoding, degrees, more, scale, quality, peak, mean
):
    """Quality and map are those of HDR-VDP-2.2.1 run on the same pattern under GNU Octave."""
    test, reference = waves(*size, 1 if encoding.startswith("l") else 3)

    seen = hdrvdp2(
        test * scale, reference * scale, encoding=encoding, pixels_per_degree=degrees, **more
    )

    assert seen.quality == pytest.approx(quality, abs=5e-5)
    assert seen.contrast.max().item() == pytest.approx(peak, rel=1e-4)
    assert seen.contrast.mean().item() == pytest.approx(mean, rel=1e-4)


@settings(max_examples=8, deadline=None)
@given(st.integers(17, 70), st.integers(17, 70), st.floats(1e-3, 1e4))
def test_equal_pictures_are_perfect(height, width, light):
    """A picture beside itself has quality 100, and nothing shows anywhere."""
    picture = light * torch.rand(3, height, width)

    seen = compare(picture, picture.clone())

    assert seen.quality == 100
    assert seen.detection == 0
    assert not seen.contrast.any()


def test_stronger_noise_is_worse_and_shows_more():
    """Quality falls and the difference rises as noise grows."""
    seen = [compare(*noisy(strength=strength)) for strength in (0.01, 0.03, 0.1, 0.3)]

    quality = [each.quality for each in seen]
    assert quality == sorted(quality, reverse=True)
    assert [each.contrast.max() for each in seen] == sorted(each.contrast.max() for each in seen)
    assert len(set(quality)) == 4


@pytest.mark.parametrize("axes", [(1,), (2,), (1, 2)])
def test_a_mirror_changes_nothing(axes):
    """Mirrored pictures have the same quality and a mirrored map, where halving allows it."""
    test, reference = (picture.double() for picture in noisy((65, 97)))
    seen, mirrored = compare(test, reference), compare(test.flip(axes), reference.flip(axes))

    assert mirrored.quality == pytest.approx(seen.quality, abs=1e-6)
    flipped = mirrored.contrast.flip([axis - 1 for axis in axes])
    assert torch.allclose(flipped, seen.contrast, rtol=1e-5, atol=1e-6 * seen.contrast.max().item())


def test_a_difference_shows_where_it_is():
    """The map is brightest at the spot that differs."""
    reference = torch.full((3, 80, 100), 20.0)
    test = reference.clone()
    test[:, 30:36, 60:66] *= 1.5

    y, x = divmod(compare(test, reference).contrast.argmax().item(), 100)

    assert 28 <= y <= 37
    assert 58 <= x <= 67


def test_single_precision_agrees_with_double_beside_the_sun():
    """Bright light next to deep shadow costs no accuracy that matters."""
    test, reference = noisy((60, 80))
    reference[:, :8, :8] *= 1e5
    test[:, :8, :8] *= 1e5
    exact = compare(test.double(), reference.double())

    assert compare(test, reference).quality == pytest.approx(exact.quality, abs=1e-3)


def test_a_mean_surround_is_the_geometric_mean_of_the_reference():
    """Its light is that of each primary, whatever the test shows."""
    test, reference = noisy()
    grey = reference[:1].expand(3, -1, -1)
    mean = grey[0].double().log().mean().exp().item()

    def quality(surround):
        settings = {"encoding": "rgb-bt.709", "pixels_per_degree": 30.0}
        return hdrvdp2(test, grey, **settings, surround=surround).quality

    assert quality("mean") == pytest.approx(quality(mean), abs=1e-4)
    assert quality("mean") != pytest.approx(quality(1e-5), abs=0.1)


def test_inputs_are_left_as_they_are():
    """The metric does not write into its arguments."""
    test, reference = noisy()
    before = test.clone(), reference.clone()
    compare(test, reference)

    assert torch.equal(test, before[0])
    assert torch.equal(reference, before[1])


def test_a_preset_is_its_call():
    """A preset stands for an encoding, a distance and an order of arguments."""
    test, reference = (picture / 60 for picture in noisy())
    swapped = hdrvdp2(
        reference,
        test,
        encoding="sRGB-display",
        pixels_per_degree=pixels_per_degree(24, (60, 40), 0.5),
    )

    assert hdrvdp2_as("selfhdr", test, reference).quality == swapped.quality
    assert hdrvdp2_as("deephdrvideo", reference, test).quality == swapped.quality


@pytest.mark.parametrize(
    ("test", "more", "message"),
    [
        (
            torch.ones(3, 40, 61),
            {},
            "61x40 and 60x40 pixels cannot be compared; make them one size",
        ),
        (torch.full((3, 40, 60), torch.nan), {}, "not finite; mend them"),
        (torch.ones(3, 40, 60), {"pixels_per_degree": 0.0}, "0 pixels per degree is not"),
        (torch.ones(3, 40, 60), {"surround": -1.0}, "surround of -1 cd/m² is not"),
        (torch.ones(3, 40, 60), {"display": "oled"}, "no display 'oled'; there are: ccfl-lcd, crt"),
        (torch.ones(3, 40, 60), {"encoding": "luminance"}, "takes 1 channel, not 3"),
    ],
)
def test_what_cannot_be_compared_is_refused(test, more, message):
    """Each mistake is named with its numbers and its remedy."""
    call = {"encoding": "rgb-bt.709", "pixels_per_degree": 30.0} | more

    with pytest.raises(SettingsError, match=message):
        hdrvdp2(test, torch.ones(3, 40, 60), **call)


def test_a_picture_too_small_for_the_pyramid_is_refused():
    """Less than 17 pixels leave no room for the filters."""
    picture = torch.ones(3, 16, 40)

    with pytest.raises(SettingsError, match="40x16 pixels is too small.*needs 17"):
        compare(picture, picture)


def test_an_unknown_viewing_is_refused_with_the_names_there_are():
    """The message lists the presets."""
    picture = torch.ones(3, 20, 20)

    with pytest.raises(SettingsError, match="no viewing 'imax'; there are: safnet, sctnet"):
        hdrvdp2_as("imax", picture, picture)
