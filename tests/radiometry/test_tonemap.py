import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deghost.errors import SettingsError
from deghost.radiometry.gainmap import luminance
from deghost.radiometry.response import decode
from deghost.radiometry.tone_global import hable, reinhard
from deghost.radiometry.tonemap import (
    TONE_MAPPERS,
    inverse_mu_law,
    mu_law,
    plan_tone,
    shrunk,
    tone_map,
)


NAMES = sorted(TONE_MAPPERS)


def scene(h=60, w=90, seed=0):
    """A dark room with texture and a bright window, coloured, over some twelve stops."""
    generator = torch.Generator().manual_seed(seed)
    stops = 0.4 * torch.randn(3, h, w, generator=generator)
    stops = stops + torch.linspace(-5, -2, w)
    stops[:, h // 4 : h // 2, w // 3 : w // 2] += 7
    return 2.0**stops


def grey_scene(seed=0):
    """The same without colour."""
    return scene(seed=seed)[:1].expand(3, -1, -1)


def test_mu_law_gives_the_numbers_of_its_formula():
    """log(1 + 5000 x) / log(5001): 0.4615... at 1 %, 0 and 1 at the ends."""
    assert mu_law(torch.tensor(0.01)).item() == pytest.approx(math.log(51) / math.log(5001))
    assert mu_law(torch.tensor([0.0, 1.0])).tolist() == pytest.approx([0, 1])


@given(st.floats(0, 100), st.sampled_from([10.0, 500.0, 5000.0]))
def test_mu_law_can_be_undone(value, mu):
    """Compressing and expanding returns the light, above 1 also."""
    light = torch.tensor(value, dtype=torch.float64)

    assert inverse_mu_law(mu_law(light, mu), mu).item() == pytest.approx(value, rel=1e-9, abs=1e-9)


def test_mu_law_is_differentiable_at_black():
    """The slope at 0 is mu / log(1 + mu), about 587."""
    light = torch.zeros(1, requires_grad=True)

    mu_law(light).sum().backward()

    assert light.grad.item() == pytest.approx(5000 / math.log(5001), rel=1e-5)


def test_reinhard_is_its_equation():
    """L (1 + L / white^2) / (1 + L): 2 with white 4 becomes 2 * 1.125 / 3 = 0.75."""
    assert reinhard(torch.tensor(2.0), 4.0).item() == pytest.approx(0.75)


def test_reinhard_shows_the_log_average_by_the_key():
    """A scene half at 1, half at 4 averages 2: its 1 is shown as 0.09 / 1.09 and a bit."""
    light = torch.ones(3, 8, 8)
    light[:, 4:] = 4

    shown = decode(tone_map(light, "reinhard"), "srgb")

    level = 0.18 / 2
    expected = level * (1 + level / (4 * level) ** 2) / (1 + level)
    assert shown[0, 0, 0].item() == pytest.approx(expected, rel=1e-4)
    assert shown[0, 7, 0].item() == pytest.approx(1, abs=1e-4)


def test_hable_is_worked_out_by_hand():
    """At 1: (0.15 + 0.05 + 0.004) / (0.15 + 0.5 + 0.06) - 1/15 = 0.22066."""
    assert hable(torch.tensor(1.0)).item() == pytest.approx(0.204 / 0.71 - 1 / 15, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_grey_stays_grey(name):
    """No tone mapping colours what has no colour."""
    shown = tone_map(grey_scene(), name)

    torch.testing.assert_close(shown[0], shown[1], atol=1e-5, rtol=0)
    torch.testing.assert_close(shown[0], shown[2], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("factor", [1e-4, 1e4])
def test_the_unit_of_light_does_not_matter(name, factor):
    """Radiance in other units gives the same picture."""
    torch.testing.assert_close(
        tone_map(scene() * factor, name), tone_map(scene(), name), atol=2e-3, rtol=0
    )


@pytest.mark.parametrize("name", ["photographic", "reinhard", "filmic"])
def test_brighter_light_is_shown_no_darker(name):
    """Along a ramp of fourteen stops the picture never falls."""
    light = (2.0 ** torch.linspace(-10, 4, 400)).expand(3, 40, 400)

    shown = tone_map(light, name)[1, 20]

    assert (shown.diff() > -1e-4).all()
    assert shown[-1] - shown[0] > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_tiles_are_parts_of_the_whole(name):
    """Applied tile by tile, a plan gives the same picture without a seam."""
    light = scene(50, 70)
    tone = plan_tone(light, name)
    whole = tone(light)

    tiles = [
        torch.cat(
            [tone(light[:, y : y + 17, x : x + 23], y, x, (50, 70)) for x in range(0, 70, 23)],
            dim=2,
        )
        for y in range(0, 50, 17)
    ]

    torch.testing.assert_close(torch.cat(tiles, dim=1), whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_made_small_fits_the_full_image(name):
    """Planned on a quarter of the size, the picture is nearly that of the full plan."""
    coarse = scene(60, 90)
    light = torch.nn.functional.interpolate(coarse[None], (240, 360), mode="bilinear")[0]

    small = plan_tone(shrunk(light, 60 * 90), name)(light)
    full = plan_tone(light, name)(light)

    assert (small - full).abs().mean() < 0.02


def test_a_large_image_is_planned_small_and_done_in_strips():
    """More pixels than the proxy holds give the picture that one call with the plan gives."""
    light = torch.nn.functional.interpolate(scene()[None], (900, 1000), mode="bilinear")[0]

    shown = tone_map(light)

    torch.testing.assert_close(
        shown, plan_tone(shrunk(light), "photographic")(light), atol=1e-5, rtol=0
    )
    assert shown.permute(1, 2, 0).is_contiguous()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "light",
    [
        torch.zeros(3, 8, 8),
        torch.full((3, 1, 1), 0.3),
        torch.zeros(3, 1, 1),
        -torch.ones(3, 4, 6),
        torch.full((3, 5, 5), 1e30),
        (10.0 ** torch.linspace(-6, 6, 64)).expand(3, 16, 64),
        torch.tensor([0.5, torch.nan, torch.inf, 0.0]).expand(3, 4, 4),
    ],
    ids=["black", "pixel", "black pixel", "negative", "flat", "twelve decades", "not finite"],
)
def test_odd_images_give_pictures(name, light):
    """Black, single, negative, huge or broken values never leave the display's range."""
    shown = tone_map(light, name)

    assert shown.shape == light.shape
    assert shown.isfinite().all()
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert (shown[light <= 0] < 0.01).all()


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from(NAMES))
@settings(max_examples=30, deadline=None)
def test_any_size_is_shown(h, w, name):
    """There is no minimal size."""
    assert tone_map(scene(60, 60)[:, :h, :w], name).isfinite().all()


def test_a_spark_that_the_plan_never_saw_is_bright():
    """A pixel far above anything in the small image is shown as white, not as an error."""
    light = scene()
    tone = plan_tone(light, "photographic")
    light[:, 30, 10] = 1e5

    shown = tone(light)

    assert (shown[:, 30, 10] > 0.95).all()


def test_the_photographic_picture_shows_both_ends():
    """Room and window of a scene of twelve stops are neither crushed nor burnt."""
    light = scene(120, 180)

    shown = luminance(tone_map(light))[0]
    window = shown[32:58, 62:88]

    assert shown[:, :40].mean() > 0.15
    assert window.mean() < 0.97
    assert window.std() > 0.02
    assert 0.3 < shown.mean() < 0.65


def test_the_photographic_picture_has_no_halo():
    """On both sides of a high edge the flat fields stay flat."""
    light = torch.full((3, 100, 200), 0.02)
    light[:, :, 100:] = 2.0

    shown = tone_map(light)[1, 50]

    assert shown[:100].max() - shown[:100].min() < 0.01
    assert shown[100:].max() - shown[100:].min() < 0.01


def test_the_photographic_picture_draws_no_line_along_a_lamp():
    """From the lamp through its rim and its glow, all gets darker."""
    y, x = torch.meshgrid(torch.arange(-150.0, 150), torch.arange(-200.0, 250), indexing="ij")
    away = torch.hypot(x, y)
    lamp = (30.5 - away).clamp(0, 1)  # its rim lies within pixels
    glow = 1 + 6 * torch.exp(-(away - 30).clamp(min=0) / 5)

    shown = tone_map((700 * lamp + (1 - lamp) * glow).expand(3, -1, -1))

    outwards = shown[1, 150, 200:300]
    assert (outwards - outwards.cummin(0).values).max() < 0.005


def test_the_photographic_picture_keeps_hues():
    """The order and the proportion of the channels' distances from grey survive."""
    light = torch.ones(3, 40, 40) * torch.tensor([4.0, 1.0, 0.5])[:, None, None]
    light[:, :20] = 0.1

    shown = decode(tone_map(light), "srgb")[:, 30, 20]

    assert ((shown[0] - shown[2]) / (shown[1] - shown[2])).item() == pytest.approx(7, rel=0.01)


def test_an_unknown_name_is_answered_with_the_known_ones():
    """A misspelt tone mapping costs one readable line."""
    with pytest.raises(SettingsError, match="photographic, reinhard, filmic, durand, krawczyk"):
        plan_tone(scene(), "reinhart")


def test_shrinking_keeps_the_light():
    """The small image has the mean light of the large one, and a small image is passed on."""
    light = scene(300, 200)

    small = shrunk(light, 6000)

    assert small.shape == (3, 95, 63)
    torch.testing.assert_close(small.mean((1, 2)), light.mean((1, 2)), rtol=0.01, atol=0)
    assert shrunk(small, 6000) is small
