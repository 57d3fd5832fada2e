import pytest
import torch

from deghost.evaluate.pu21 import encode_pu21, psnr_pu21, ssim_pu21


def test_matlabs_language_gives_the_same(pair):
    """The definitions written out in GNU Octave agree, with 1.0 at 1000 cd/m²."""
    assert psnr_pu21(*pair).item() == pytest.approx(33.966260, abs=1e-6)
    assert ssim_pu21(*pair).item() == pytest.approx(0.95039212, abs=1e-8)


def test_codes_rise_with_light_and_end_at_its_limits():
    """From 0.005 to 10000 cd/m² codes rise; beyond, they stay."""
    light = torch.logspace(-2.3, 4, 200, dtype=torch.float64)

    codes = encode_pu21(light)

    assert (codes.diff() > 0).all()
    assert codes[0] == pytest.approx(0, abs=0.05)
    assert encode_pu21(torch.tensor([0.0, -3.0, 1e5])).tolist() == pytest.approx(
        [*encode_pu21(torch.tensor([0.005, 0.005, 1e4])).tolist()]
    )


def test_a_hundred_candelas_have_the_code_of_white():
    """By design, 100 cd/m² is near 256, the range of the metrics."""
    assert encode_pu21(torch.tensor(100.0)).item() == pytest.approx(256, abs=1)


def test_a_hand_worked_psnr():
    """One code level of difference everywhere is 20 log10(256) = 48.16 dB."""
    truth = torch.full((3, 4, 4), 100.0, dtype=torch.float64)
    slope = (encode_pu21(truth + 1e-3) - encode_pu21(truth)) / 1e-3

    decibels = psnr_pu21(truth + 1e-2 / slope, truth, peak=1.0)

    assert decibels.item() == pytest.approx(48.1648 + 40, abs=1e-2)


def test_the_same_error_shows_more_in_the_dark():
    """A tenth of a candela matters at 1 cd/m², not at 1000."""
    dark, light = torch.full((3, 16, 16), 1e-3), torch.full((3, 16, 16), 1.0)

    assert psnr_pu21(dark + 1e-4, dark) < psnr_pu21(light + 1e-4, light) - 20


@pytest.mark.parametrize("metric", [psnr_pu21, ssim_pu21])
def test_batches_and_gradients(metric):
    """Each image of any batch counts for itself, and gradients pass."""
    truth = torch.rand(2, 2, 3, 14, 12) + 0.01
    test = (0.9 * truth).requires_grad_()

    scores = metric(test, truth)
    scores.sum().backward()

    assert scores.shape == (2, 2)
    assert torch.allclose(scores[0, 1], metric(test[0, 1], truth[0, 1]))
    assert test.grad.isfinite().all()
    assert test.grad.any()
