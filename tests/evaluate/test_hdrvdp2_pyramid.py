import pytest
import torch
from torch.nn import functional

from deghost.evaluate.hdrvdp2_filters import LOW, oriented_kernels, round_kernel
from deghost.evaluate.hdrvdp2_pyramid import (
    compose,
    convolve,
    correlate,
    decompose,
    height,
    level_kernels,
    split_kernels,
)


def levels(picture):
    bands = [[] for _ in range(height(picture.shape) + 2)]
    for number, band in decompose(picture[None]):
        bands[number].append(band[0])
    return bands


@pytest.mark.parametrize("size", [(17, 17), (33, 50), (64, 41)])
@pytest.mark.parametrize("kernels", [split_kernels(), level_kernels()])
def test_correlation_by_spectra_is_sliding_a_kernel(size, kernels):
    """The products of spectra are the sums of products over the reflected picture."""
    pictures = torch.rand(2, *size, dtype=torch.float64)
    reach = kernels.shape[-1] // 2
    around = functional.pad(pictures[:, None], (reach,) * 4, mode="reflect")
    expected = functional.conv2d(around, kernels[:, None])

    correlated = torch.stack(list(correlate(pictures, kernels)), 1)

    assert torch.allclose(correlated, expected, atol=1e-12)


def test_convolution_is_correlation_with_turned_kernels():
    """Both differ by half a turn of the kernels."""
    pictures = [torch.rand(30, 41, dtype=torch.float64) for _ in range(5)]
    kernels = level_kernels()
    turned = [
        next(correlate(picture[None], kernel[None].flip(1, 2)))[0]
        for picture, kernel in zip(pictures, kernels, strict=True)
    ]

    assert torch.allclose(convolve(pictures, kernels), sum(turned), atol=1e-12)


@pytest.mark.parametrize("size", [(17, 40), (96, 128), (101, 67)])
def test_a_picture_survives_the_pyramid(size):
    """Away from the edges, decomposing and composing gives the picture back to some per cent."""
    picture = torch.rand(size, dtype=torch.float64)

    error = (compose(levels(picture)) - picture)[8:-8, 8:-8]

    assert error.std() < 0.05 * picture.std()


def test_directions_answer_to_edges_along_them():
    """A vertical edge excites the first direction most and the third not at all."""
    picture = torch.zeros(64, 64)
    picture[:, 32:] = 1

    upright, falling, level, rising = (band.abs().max() for band in levels(picture)[2])

    assert upright > 2 * falling > 0.1
    assert falling == pytest.approx(rising.item(), rel=1e-4)
    assert level < 1e-6


def test_only_the_low_pass_keeps_the_mean():
    """A grey picture is zero in all bands but the last, which doubles it at each level."""
    *bands, (low,) = levels(torch.ones(70, 90))

    assert max(band.abs().max() for level in bands for band in level) < 1e-5
    assert torch.allclose(low, torch.full_like(low, 4.0 if len(bands) == 3 else 8.0), rtol=1e-4)


def test_kernels_have_their_symmetries():
    """Round kernels are unchanged by turns and flips, oriented ones odd about their middle."""
    low, oriented = round_kernel(LOW), oriented_kernels()

    assert torch.equal(low, low.T)
    assert torch.equal(low, low.flip(0))
    assert torch.equal(oriented, -oriented.flip(1, 2))
    assert oriented.sum((1, 2)).abs().max() < 1e-15
