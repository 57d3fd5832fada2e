import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from deghost.errors import SettingsError
from deghost.evaluate.bracketire import (
    CODES,
    Development,
    develop,
    inside,
    psnr_bracketire,
    ssim_bracketire,
)
from deghost.evaluate.demosaic import demosaic_linear


MATRIX = torch.tensor([[1.6, -0.5, -0.1], [-0.2, 1.5, -0.3], [0.0, -0.6, 1.6]])


def stored(pair):
    """The pair as 16-bit pictures: as codes, and as values in [0, 1]."""
    codes = [np.floor(picture.clamp(0, 1).numpy() * CODES).astype(np.uint16) for picture in pair]
    return codes, [torch.from_numpy(picture / CODES) for picture in codes]


@pytest.mark.parametrize("crop", [0, 3])
def test_scikit_image_agrees(pair, crop):
    """PSNR and SSIM are those of 16-bit pictures without their borders."""
    codes, values = stored(pair)
    cut = slice(crop, -crop or None)
    test, truth = (picture[:, cut, cut].transpose(1, 2, 0) for picture in codes)

    decibels = peak_signal_noise_ratio(truth, test, data_range=CODES)
    similarity = structural_similarity(
        test, truth, win_size=11, data_range=CODES, channel_axis=2, gaussian_weights=True
    )

    assert psnr_bracketire(*values, crop=crop).item() == pytest.approx(decibels, abs=1e-9)
    assert ssim_bracketire(*values, crop=crop).item() == pytest.approx(similarity, abs=1e-9)


def test_borders_do_not_count():
    """By default, ten pixels a side are left out."""
    truth = torch.rand(3, 34, 35)
    test = truth.clone()
    test[:, :10] = test[:, -10:] = test[:, :, :10] = test[:, :, -10:] = 0

    assert inside(truth, 10).shape == (3, 14, 15)
    assert psnr_bracketire(test, truth) == torch.inf
    assert ssim_bracketire(test, truth).item() == pytest.approx(1)


def test_a_flat_patch_by_hand():
    """Gains, clipping, the matrix, clipping, the mu-law and whole codes, in this order."""
    mosaic = torch.tensor([0.8, 1.6, 1.6, 14.0]).view(4, 1, 1).expand(4, 6, 6)
    camera = np.array([2 * 0.8 / 16, 1.6 / 16, 1.0])  # blue clips: 1.5 x 14 / 16
    light = np.clip(MATRIX.numpy().astype(float) @ camera, 0, 1)
    codes = np.floor(np.log(1 + 5000 * light) / np.log(5001) * 65535)

    def nearest(plane):
        """Each colour of a block of four for all of it; greens are equal."""
        colours = plane[..., ::2, ::2], plane[..., ::2, 1::2], plane[..., 1::2, 1::2]
        wide = torch.stack(colours, -3)
        return wide.repeat_interleave(2, -1).repeat_interleave(2, -2)

    picture = develop(mosaic, Development(2.0, 1.5, MATRIX), nearest)

    assert picture.shape == (3, 12, 12)
    assert (picture[:, 5, 5] * 65535).tolist() == pytest.approx(codes.tolist(), abs=1.01)
    assert torch.allclose(picture, picture[:, :1, :1].expand_as(picture))


def test_developing_gives_whole_codes_of_a_batch():
    """Pictures of a batch have twice the sides and values that are codes of 16 bits."""
    mosaics = 4 * torch.rand(2, 4, 8, 9)

    pictures = develop(mosaics, Development(1.9, 1.6, MATRIX), demosaic_linear)

    assert pictures.shape == (2, 3, 16, 18)
    codes = pictures.double() * CODES
    assert torch.allclose(codes, codes.round(), atol=0.01)
    assert pictures.min() >= 0
    assert pictures.max() <= 1


def test_a_small_picture_is_refused():
    """What is left within the borders must hold the window."""
    picture = torch.rand(3, 30, 40)

    with pytest.raises(SettingsError, match="20x10 pixels is too small"):
        ssim_bracketire(picture, picture)
