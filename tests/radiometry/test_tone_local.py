import math

import pytest
import torch

from deghost.radiometry.response import decode
from deghost.radiometry.tone_local import belonging, find_frameworks
from deghost.radiometry.tonemap import tone_map


def test_durand_leaves_flat_light_and_details_alone():
    """A scene of little contrast is only made brighter: what is not at white keeps its ratios."""
    generator = torch.Generator().manual_seed(0)
    light = (0.4 + 0.1 * torch.rand(60, 30, generator=generator)).expand(3, 60, 30)

    shown = decode(tone_map(light, "durand"), "srgb")
    factor = (shown / light)[shown < 0.999]

    assert factor.max() / factor.min() < 1.02


def test_durand_shows_the_base_in_the_contrast_asked():
    """Two flat fields ten stops apart end up a factor of 5 apart, the brighter at white."""
    light = torch.full((3, 64, 96), 1 / 1024)
    light[:, :, 48:] = 1.0

    shown = decode(tone_map(light, "durand"), "srgb")

    assert shown[0, 32, 90].item() == pytest.approx(1.0, abs=0.01)
    assert shown[0, 32, 5].item() == pytest.approx(0.2, abs=0.01)


def test_frameworks_are_a_decade_apart():
    """Clusters closer than a decade are joined; far ones stay."""
    level = torch.cat([torch.full((50,), 0.0), torch.full((50,), 0.6), torch.full((60,), 3.0)])

    centres = find_frameworks(level[None])

    assert centres.tolist() == pytest.approx([0.3, 3.0], abs=1e-4)


def test_a_spark_is_no_framework():
    """One pixel in ten thousand does not make the scene's white."""
    level = torch.zeros(100, 100)
    level[5, 5] = 5

    assert len(find_frameworks(level)) == 1


def test_belonging_is_a_gaussian_of_distance():
    """At a centre, the neighbour one sigma off has exp(-1/2) of its weight."""
    share = belonging(torch.tensor([[0.0, 1.0]]), torch.tensor([0.0, 2.0]))

    assert share[1, 0, 0].item() == pytest.approx(math.exp(-0.5) / (1 + math.exp(-0.5)))
    assert share[:, 0, 1].tolist() == pytest.approx([0.5, 0.5])


def test_krawczyk_anchors_each_framework_to_white():
    """A dim and a bright even field far apart: each is shown nearer to white than by one anchor."""
    light = torch.full((3, 64, 96), 1e-3)
    light[:, :, 48:] = 10.0

    shown = decode(tone_map(light, "krawczyk"), "srgb")

    assert shown[0, 32, 90].item() == pytest.approx(1.0)
    assert shown[0, 32, 5].item() > 10 * 1e-4
