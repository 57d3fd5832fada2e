import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio

from deghost.evaluate.psnr import percentile, psnr, psnr_mu, psnr_mu_ntire, psnr_ntire


def mapped(values):
    """The mu-law, written out."""
    return np.log(1 + 5000 * values) / np.log(5001)


@given(st.floats(0.001, 0.4), st.floats(0.1, 10))
def test_a_constant_error_by_hand(error, peak):
    """A constant error e has 20 log10(peak / e) decibels."""
    truth = torch.rand(3, 4, 5, dtype=torch.float64)

    assert psnr(truth + error, truth, peak).item() == pytest.approx(20 * math.log10(peak / error))


@pytest.mark.parametrize(
    ("metric", "decibels"),
    [
        (psnr, 28.026771),
        (psnr_mu, 41.601962),
        (lambda test, truth: psnr_ntire(3 * test, 3 * truth), 28.024919),
        (lambda test, truth: psnr_mu_ntire(3 * test, 3 * truth), 35.460537),
    ],
)
def test_matlabs_language_gives_the_same(pair, metric, decibels):
    """The definitions written out in GNU Octave agree on the same waves."""
    assert metric(*pair).item() == pytest.approx(decibels, abs=1e-6)


def test_scikit_image_agrees(pair):
    """PSNR-L and PSNR-mu are scikit-image's PSNR of range 1."""
    test, truth = (picture.numpy() for picture in pair)

    linear = peak_signal_noise_ratio(truth, test, data_range=1.0)
    curved = peak_signal_noise_ratio(mapped(truth), mapped(test), data_range=1.0)

    assert psnr(*pair).item() == pytest.approx(linear, abs=1e-9)
    assert psnr_mu(*pair).item() == pytest.approx(curved, abs=1e-9)


def test_the_peak_stays_when_the_scale_changes(pair):
    """Four times the light costs 12 dB of PSNR-L but hardly any of PSNR-mu."""
    bright = tuple(4 * picture for picture in pair)

    assert (psnr(*pair) - psnr(*bright)).item() == pytest.approx(20 * math.log10(4), abs=1e-9)
    assert abs((psnr_mu(*pair) - psnr_mu(*bright)).item()) < 0.5


def test_clipping_forgives_only_what_exceeds_one():
    """Clipped PSNR-mu ignores differences above white."""
    truth = torch.tensor([0.5, 1.0, 1.5]).view(3, 1, 1)
    test = torch.tensor([0.5, 1.2, 1.1]).view(3, 1, 1)

    assert psnr_mu(test, truth, clip=True) == math.inf
    assert psnr_mu(test, truth) < 50


def test_ntire_by_numpy(pair):
    """The challenge's chain with NumPy's percentile gives the same."""
    test, truth = (4 * picture for picture in pair)
    light, true_light = test.numpy() ** 2.24, truth.numpy() ** 2.24
    white = np.percentile(true_light, 99)
    error = mapped(np.tanh(light / white)) - mapped(np.tanh(true_light / white))

    expected = -10 * math.log10(np.mean(error**2))

    assert psnr_mu_ntire(test, truth).item() == pytest.approx(expected, abs=1e-9)


@given(st.integers(1, 6), st.integers(1, 9), st.floats(0, 1))
def test_percentiles_are_numpys(height, width, share):
    """Shares are interpolated as NumPy does, at every size."""
    images = torch.rand(2, 3, height, width, dtype=torch.float64)

    expected = [np.percentile(image.numpy(), 100 * share) for image in images]

    assert percentile(images, share).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("metric", [psnr, psnr_mu, psnr_ntire, psnr_mu_ntire])
def test_batches_gradients_and_types(metric):
    """Each image of any batch counts for itself, gradients pass, and the type stays."""
    truth = torch.rand(2, 2, 3, 6, 7)
    test = (truth + 0.1 * torch.rand_like(truth)).requires_grad_()

    decibels = metric(test, truth)
    decibels.sum().backward()

    assert decibels.shape == (2, 2)
    assert decibels.dtype == torch.float32
    assert torch.allclose(decibels[1, 0], metric(test[1, 0], truth[1, 0]), rtol=1e-6)
    assert test.grad.isfinite().all()
    assert test.grad.any()
