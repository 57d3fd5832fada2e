import pytest
import torch

from deghost.errors import SettingsError
from deghost.evaluate.hdrvdp2_display import PRESETS, pixels_per_degree, to_light


@pytest.mark.parametrize(
    ("name", "size", "degrees"),
    [
        ("safnet", (1000, 1500), 25.34),
        ("sctnet", (1000, 1500), 23.79),
        ("sctnet", (400, 300), 23.79),
        ("selfhdr", (1000, 1500), 26.76),
        ("deephdrvideo", (1000, 1500), 26.76),
        ("bt709", (384, 512), 9.557),
    ],
)
def test_presets_have_the_published_pixels_per_degree(name, size, degrees):
    """The screens and distances of the published scripts give their pixels per degree."""
    assert PRESETS[name].degrees(size) == pytest.approx(degrees, abs=6e-3)


def test_pixels_per_degree_follow_distance():
    """Far away, twice the distance doubles them."""
    near, far = (pixels_per_degree(24, (1920, 1080), metres) for metres in (50.0, 100.0))

    assert far == pytest.approx(2 * near, rel=1e-4)


@pytest.mark.parametrize("screen", [(0, (10, 10), 1.0), (24, (10, 0), 1.0), (24, (10, 10), -1.0)])
def test_an_impossible_screen_is_refused(screen):
    """A screen needs a size, pixels and a distance."""
    with pytest.raises(SettingsError, match="give positive numbers"):
        pixels_per_degree(*screen)


def test_an_srgb_screen_shows_black_at_one_and_white_at_a_hundred():
    """The screen's range is 1 to 100 cd/m², and values above 1 go on."""
    codes = torch.tensor([0.0, 0.5, 1.0, 2.0]).expand(3, 1, 4)

    light = to_light(codes, "sRGB-display")[0, 0]

    assert light[:3].tolist() == pytest.approx([1.0, 99 * 0.2140411 + 1, 100.0], rel=1e-6)
    assert light[3] > 400


def test_the_white_of_xyz_is_grey_light():
    """D65 of 80 cd/m² lights the three primaries alike."""
    white = 80 * torch.tensor([0.95047, 1.0, 1.08883]).reshape(3, 1, 1).expand(3, 2, 2)

    assert torch.allclose(to_light(white, "XYZ"), torch.full((3, 2, 2), 80.0), rtol=1e-3)


@pytest.mark.parametrize("encoding", ["rgb-bt.709", "luminance"])
def test_light_stays_light(encoding):
    """Linear encodings are taken as they are."""
    picture = torch.rand(3 if encoding == "rgb-bt.709" else 1, 4, 5)

    assert torch.equal(to_light(picture, encoding), picture)


@pytest.mark.parametrize(
    ("encoding", "channels"),
    [("luminance", 3), ("luma-display", 3), ("sRGB-display", 1), ("XYZ", 1), ("rgb-bt.709", 4)],
)
def test_a_wrong_number_of_channels_is_refused(encoding, channels):
    """The message names the encoding and both numbers."""
    with pytest.raises(SettingsError, match=rf"{encoding} takes \d channels?, not {channels}"):
        to_light(torch.ones(channels, 2, 2), encoding)
