import pytest
import torch

from deghost.errors import SettingsError
from deghost.evaluate.ms_ssim import EXPONENTS, SMALLEST, halved, ms_ssim


def test_the_authors_definition_in_matlabs_language_gives_the_same(large_pair):
    """Five scales, odd sizes and colours one by one, computed in GNU Octave."""
    assert ms_ssim(*large_pair).item() == pytest.approx(0.99614103, abs=1e-8)


def test_flat_images_by_hand():
    """Without structure, only the luminance of the coarsest scale counts."""
    test, truth = (torch.full((3, SMALLEST, 170), grey) for grey in (0.6, 0.5))
    luminance = (2 * 0.6 * 0.5 + 1e-4) / (0.36 + 0.25 + 1e-4)

    assert ms_ssim(test, truth).item() == pytest.approx(luminance ** EXPONENTS[-1], rel=1e-6)


def test_unlike_structures_have_no_negative_powers():
    """The negative of a picture scores 0, and gradients are numbers."""
    truth = torch.rand(2, 3, SMALLEST, SMALLEST)
    test = (1 - truth).requires_grad_()

    scores = ms_ssim(test, truth)
    scores.sum().backward()

    assert scores.tolist() == [0, 0]
    assert test.grad.isfinite().all()


def test_gradients_pass_where_pictures_are_alike(large_pair):
    """Each image of a batch counts for itself, and has a gradient."""
    truth = torch.stack([large_pair[1], large_pair[1]]).float()
    test = torch.stack(large_pair).float().requires_grad_()

    scores = ms_ssim(test, truth)
    scores.sum().backward()

    assert scores[1].item() == pytest.approx(1, abs=1e-6)
    assert scores[0] < scores[1]
    assert test.grad[0].any()
    assert test.grad.isfinite().all()


def test_halving_keeps_the_mean_of_even_sizes():
    """Blocks of four pixels become their mean."""
    images = torch.rand(2, 3, 4, 6)

    assert torch.allclose(halved(images).mean((-2, -1)), images.mean((-2, -1)))


def test_an_image_without_five_scales_is_refused():
    """The message names the least size."""
    image = torch.rand(3, 160, 200)

    with pytest.raises(SettingsError, match="200x160 pixels is too small: SSIM needs 161"):
        ms_ssim(image, image)
