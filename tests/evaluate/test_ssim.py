import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from deghost.errors import SettingsError
from deghost.evaluate.ssim import ssim, ssim_mu, ssim_uniform, ssim_volume


KINDS = [ssim, ssim_volume, ssim_uniform]


def channels_last(picture):
    return picture.permute(1, 2, 0).numpy()


def test_scikit_images_gaussian_agrees(pair):
    """The Python kind is scikit-image's Gaussian one with biased variances, on clipped values."""
    test, truth = (channels_last(picture * 1.1) for picture in pair)

    expected = structural_similarity(
        np.clip(test, 0, 1) * 255,
        np.clip(truth, 0, 1) * 255,
        data_range=255,
        channel_axis=2,
        gaussian_weights=True,
        use_sample_covariance=False,
    )

    assert ssim(*(picture * 1.1 for picture in pair)).item() == pytest.approx(expected, abs=1e-9)


def test_scikit_images_default_agrees(pair):
    """The old kind is scikit-image's default with a range of 2."""
    test, truth = (channels_last(picture) for picture in pair)

    expected = structural_similarity(test, truth, data_range=2.0, channel_axis=2)

    assert ssim_uniform(*pair).item() == pytest.approx(expected, abs=1e-9)


def test_matlabs_volume_agrees_with_scipy_and_octave(pair):
    """A volume is filtered in all three axes, beyond which the last value goes on."""

    def average(volume):
        return gaussian_filter(volume, 1.5, mode="nearest", radius=5)

    test, truth = (picture.numpy() for picture in pair)
    mean, true_mean = average(test), average(truth)
    variances = average(test**2) + average(truth**2) - mean**2 - true_mean**2
    covariance = average(test * truth) - mean * true_mean
    luminance = (2 * mean * true_mean + 1e-4) / (mean**2 + true_mean**2 + 1e-4)
    expected = (luminance * (2 * covariance + 9e-4) / (variances + 9e-4)).mean()

    assert ssim_volume(*pair).item() == pytest.approx(expected, abs=1e-12)
    assert ssim_volume(*pair).item() == pytest.approx(0.97666932, abs=1e-8)
    assert ssim_mu(*pair, ssim_volume).item() == pytest.approx(0.99015709, abs=1e-8)


def test_the_three_kinds_differ(pair):
    """They are not comparable: both others are more generous than the Python kind."""
    python, matlab, old = (kind(*pair).item() for kind in KINDS)

    assert min(matlab, old) > python + 0.01
    assert abs(matlab - old) > 0.001


def test_flat_images_by_hand():
    """Without structure, only luminance counts: (2 a b + C1) / (a² + b² + C1)."""
    test, truth = torch.full((3, 12, 13), 0.6), torch.full((3, 12, 13), 0.5)
    expected = (2 * 0.6 * 0.5 + 1e-4) / (0.36 + 0.25 + 1e-4)

    assert ssim(test, truth).item() == pytest.approx(expected, rel=1e-6)
    assert ssim_volume(test, truth).item() == pytest.approx(expected, rel=1e-6)


def test_strips_leave_no_seam(large_pair):
    """An image of several strips scores as one whole filtering does."""
    test, truth = (channels_last(picture.clamp(0, 1)) for picture in large_pair)

    expected = structural_similarity(
        test,
        truth,
        data_range=1,
        channel_axis=2,
        gaussian_weights=True,
        use_sample_covariance=False,
    )

    assert ssim(*large_pair).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_symmetric_and_one_for_equal_images(kind, pair):
    """The order of both does not matter, and nothing is more alike than equals."""
    test, truth = pair

    assert kind(test, truth).item() == pytest.approx(kind(truth, test).item(), abs=1e-12)
    assert kind(truth, truth).item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_batches_gradients_and_types(kind):
    """Each image of any batch counts for itself, gradients pass, and the type stays."""
    truth = torch.rand(2, 2, 3, 14, 12)
    test = (0.9 * truth).requires_grad_()

    scores = ssim_mu(test, truth, kind)
    scores.sum().backward()

    assert scores.shape == (2, 2)
    assert scores.dtype == torch.float32
    assert torch.allclose(scores[0, 1], ssim_mu(test[0, 1], truth[0, 1], kind))
    assert test.grad.isfinite().all()
    assert test.grad.any()


@pytest.mark.parametrize(("kind", "least"), [(ssim, 11), (ssim_uniform, 7)])
def test_an_image_smaller_than_the_window_is_refused(kind, least):
    """The message names both sizes."""
    image = torch.rand(3, 20, least - 1)

    with pytest.raises(SettingsError, match=f"{least - 1}x20 pixels is too small.*{least} each"):
        kind(image, image)
