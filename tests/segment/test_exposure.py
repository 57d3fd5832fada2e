import cv2
import numpy as np
import torch
from hypothesis import given
from hypothesis.extra.numpy import arrays
from skimage.filters import threshold_otsu

from deghost.radiometry.noise import NoiseModel
from deghost.segment.exposure import luma, manual_mask, noise_mask, otsu_mask, otsu_threshold


@given(arrays(np.uint8, (24, 32)))
def test_otsu_splits_as_well_as_opencv_does(codes):
    """The between-class variance at our threshold is the one at OpenCV's."""
    ours = round(otsu_threshold(torch.from_numpy(codes) / 255) * 255)
    theirs, _ = cv2.threshold(codes, 0, 255, cv2.THRESH_OTSU)

    def variance(threshold):
        low, high = codes[codes <= threshold], codes[codes > threshold]
        if not len(low) or not len(high):
            return 0.0
        share = len(low) / codes.size
        return share * (1 - share) * (low.mean() - high.mean()) ** 2

    assert np.isclose(variance(ours), variance(theirs), rtol=1e-6)


def test_otsu_agrees_with_scikit_image():
    """On a picture of two Gaussian classes both libraries give the same level."""
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(60, 12, 5000), rng.normal(170, 25, 3000)])
    codes = values.clip(0, 255).round().astype(np.uint8).reshape(80, 100)

    assert round(otsu_threshold(torch.from_numpy(codes) / 255) * 255) == threshold_otsu(codes)


def test_luma_is_that_of_opencv():
    """The 8-bit Y of our luma is OpenCV's to within rounding."""
    codes = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    planes = torch.from_numpy(codes).permute(2, 0, 1) / 255

    expected = cv2.cvtColor(codes, cv2.COLOR_RGB2YCrCb)[..., 0]

    assert np.abs(luma(planes).numpy() * 255 - expected).max() <= 0.51


def test_the_masks_of_a_dark_and_a_bright_frame_are_complements():
    """Otsu keeps what is bright in the dark frame and what is dark in the bright one."""
    picture = torch.rand(3, 40, 50, generator=torch.Generator().manual_seed(3))

    assert torch.equal(otsu_mask(picture, "dark"), 1 - otsu_mask(picture, "bright"))


def test_manual_ranges_are_inclusive():
    """120 to 255 in the dark frame and 0 to 200 in the bright one, both ends included."""
    grey = (torch.tensor([119.0, 120.0, 200.0, 201.0, 255.0]) / 255).expand(3, 1, 5)

    assert manual_mask(grey, "dark")[0].tolist() == [0, 1, 1, 1, 1]
    assert manual_mask(grey, "bright")[0].tolist() == [1, 1, 1, 0, 0]


def test_noise_decides_what_is_well_exposed():
    """Clipped pixels do not count, dark ones count by their signal-to-noise."""
    noise = NoiseModel(shot=1e-4, read=1e-6)
    linear = torch.tensor([0.0, 0.004, 0.3, 1.0]).expand(3, 1, 4)

    mask = noise_mask(linear, noise, signal_to_noise=10)[0]

    expected = 0.004 / (1e-4 * 0.004 + 1e-6) ** 0.5 / 10
    assert torch.allclose(mask, torch.tensor([0.0, expected, 1.0, 0.0]))
