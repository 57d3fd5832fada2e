import math

import numpy as np
import pytest
import torch

from deghost.evaluate.psnr import psnr_mu_ntire
from deghost.evaluate.psnr_vam import psnr_mu_vam, psnr_vam


def pair():
    generator = torch.Generator().manual_seed(7)
    truth = 2 * torch.rand(3, 16, 18, generator=generator)
    return truth + 0.03 * torch.randn(3, 16, 18, generator=generator), truth


def test_the_numbers_are_those_of_the_formulas_written_out():
    """NumPy agrees, step by step: clip, linearise, percentile, tanh, mu-law, peak of the truth."""
    test, truth = pair()
    u, v = (np.clip(image.double().numpy(), 0, None) for image in pair())
    peak = v.max()
    linear = -10 * math.log10(np.mean((u - v) ** 2) / peak**2)
    white = np.percentile(v**2.24, 99, method="nearest")
    y, z = (np.log1p(5000 * np.tanh(x**2.24 / white)) / math.log(5001) for x in (u, v))
    toned = -10 * math.log10(np.mean((y - z) ** 2) / z.max() ** 2)

    assert psnr_vam(test, truth).item() == pytest.approx(linear, abs=1e-3)
    assert psnr_mu_vam(test, truth).item() == pytest.approx(toned, abs=1e-3)


def test_its_psnr_mu_is_near_the_challenge_but_below_it():
    """A peak below 1 costs a fraction of a decibel."""
    gap = psnr_mu_ntire(*pair()) - psnr_mu_vam(*pair())

    assert 0 < gap < 1
