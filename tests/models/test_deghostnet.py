import pytest
import torch
from torch.nn.functional import max_pool2d

from deghost.layers.counting import count_macs
from deghost.models.deghostnet import (
    APART,
    DETAIL,
    DEVIATIONS,
    FLOOR,
    HOLE,
    REACH,
    DeghostNet,
    DeghostNetConfig,
)


SMALL = DeghostNetConfig(widths=(8, 12))


def given(height=20, width=27, seed=0):
    """Random pictures, and maps of 0.01 deviation and full trust in all three."""
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.rand(2, 9, height, width, generator=generator)
    maps = torch.ones(2, 5, height, width)
    maps[:, :2] = 0.01
    return pictures, maps


def contrast(merge):
    """How far apart the brightest and darkest pixel within `REACH` are, by another way."""
    brightness = merge.mean(1, keepdim=True)
    largest, least = (
        max_pool2d(sign * brightness, REACH, 1, REACH // 2) * sign for sign in (1, -1)
    )
    return largest - least


def wild(seed=0):
    """A network whose answers are large and arbitrary."""
    torch.manual_seed(seed)
    network = DeghostNet(SMALL)
    torch.nn.init.normal_(network.leave.weight, std=5.0)
    return network


def test_a_fresh_network_gives_nearly_the_merge():
    """Before training nothing is added, and little taken from the other pictures."""
    pictures, maps = given()

    finished = DeghostNet()(pictures, maps)

    assert finished.shape == (2, 3, 20, 27)
    assert (finished - pictures[:, :3]).abs().max() < 0.05


@pytest.mark.parametrize("seed", range(3))
def test_measured_pixels_move_no_further_than_bounds_allow(seed):
    """Whatever the weights: among the three pictures, but for noise, contrast and distances."""
    pictures, maps = given(seed=seed)
    parts = torch.stack(pictures.split(3, dim=1))
    bound = DEVIATIONS * 0.01 + FLOOR

    with torch.no_grad():
        finished = wild(seed)(pictures, maps)

    away = (parts[1:] - parts[0]).abs()
    bound = bound + APART * away.amax(2, keepdim=True).sum(0) + DETAIL * contrast(parts[0])
    assert (finished <= parts[0] + away.sum(0) + bound + 1e-5).all()
    assert (finished >= parts[0] - away.sum(0) - bound - 1e-5).all()
    assert (finished - parts[0]).abs().max() > 0.01


def test_where_pictures_agree_only_noise_and_false_detail_are_taken_away():
    """With all three alike a result is at most the bound away; more only where nothing is known."""
    pictures, maps = given()
    pictures = pictures[:, :3].repeat(1, 3, 1, 1)
    maps[:, 2, :, 10:] = 0

    with torch.no_grad():
        change = (wild()(pictures, maps) - pictures[:, :3]).abs()

    bound = DEVIATIONS * 0.01 + FLOOR + DETAIL * contrast(pictures[:, :3])
    excess = change - bound
    assert excess[..., :10].max() <= 1e-5
    assert 0 < excess[..., 10:].max() <= HOLE + 1e-5


def test_clean_flat_areas_stay_as_they_are():
    """Without noise and contrast, nothing larger than an error of coding can be added."""
    _, maps = given()
    maps[:, :2] = 0
    flat = torch.rand(2, 3, 1, 1).repeat(1, 3, 20, 27)

    with torch.no_grad():
        change = (wild()(flat, maps) - flat[:, :3]).abs()

    assert change.max() <= FLOOR + 1e-6


def test_in_holes_no_colour_is_added():
    """Where all that was measured moved, grey pictures make a grey one, whatever is answered."""
    grey = torch.rand(2, 3, 20, 27, generator=torch.Generator().manual_seed(1))
    pictures = grey.repeat_interleave(3, dim=1)
    maps = given()[1]
    maps[:, 2] = 0

    with torch.no_grad():
        finished = wild()(pictures, maps)

    assert torch.allclose(finished, finished[:, :1].expand(-1, 3, -1, -1), atol=1e-5)
    assert (finished - pictures[:, :3]).abs().max() > 0.1


def test_what_clips_in_every_frame_stays_as_it_is():
    """Where nothing was seen there is nothing to add to what is alike in all three pictures."""
    pictures, maps = given()
    pictures = pictures[:, :3].repeat(1, 3, 1, 1)
    maps[:, 2:] = 0

    with torch.no_grad():
        finished = wild()(pictures, maps)

    assert torch.allclose(finished, pictures[:, :3], atol=1e-6)


def test_a_clipped_reference_is_not_taken():
    """Where the reference is not trusted its value does not matter to what is taken of it."""
    pictures, maps = given()
    maps[:, 3] = 0
    network = DeghostNet(SMALL)
    brighter = pictures.clone()
    brighter[:, 3:6] += 1

    with torch.no_grad():
        results = [network(given_pictures, maps) for given_pictures in (pictures, brighter)]

    assert torch.equal(*results)


def test_faint_noise_survives_half_precision():
    """In bfloat16 the network still sees grain a thousandth as high as the picture is bright."""
    network = DeghostNet(SMALL)
    torch.nn.init.normal_(network.leave.weight, std=0.1)
    pictures, maps = given()
    pictures = torch.full_like(pictures, 0.9)
    maps[:, :2] = 0.0005
    grain = 0.0005 * torch.randn(2, 3, 20, 27, generator=torch.Generator().manual_seed(1))
    noisy = pictures + grain.repeat(1, 3, 1, 1)

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        plain, grained = (network(x, maps) - x[:, :3] for x in (pictures, noisy))

    assert (plain - grained).abs().max() > 1e-5


@pytest.mark.parametrize("widths", [(8, 12), (4, 8, 8), (4, 4, 6, 8)])
@pytest.mark.parametrize(
    "part", [(0, 150, 0, 141), (55, 88, 22, 141), (116, 150, 0, 7), (72, 73, 73, 74)]
)
def test_a_part_is_what_the_whole_shows_there(widths, part):
    """Only what its surroundings are seen for is left out."""
    torch.manual_seed(2)
    network = DeghostNet(DeghostNetConfig(widths=widths))
    torch.nn.init.normal_(network.leave.weight, std=0.5)
    pictures, maps = torch.rand(1, 9, 150, 141), torch.rand(1, 5, 150, 141)
    top, bottom, left, right = part

    whole = network(pictures, maps)
    found = network(pictures, maps, (slice(top, bottom), slice(left, right)))

    assert torch.allclose(found, whole[:, :, top:bottom, left:right], atol=1e-5)


def test_it_takes_a_hundred_thousand_products_a_pixel():
    """However many frames there are; 128,256 where nothing is padded."""
    sizes = (1, 9, 64, 96), (1, 5, 64, 96)

    macs = count_macs(DeghostNet(), *(torch.rand(size) for size in sizes))

    assert macs == 128_256 * 64 * 96
