import cv2
import numpy as np
import torch

from deghost.radiometry.bilateral import Place, build_grid, read_grid


def test_the_grid_filters_like_opencvs_bilateral_filter():
    """In the inside of the image the grid comes near the brute-force filter of the same sigmas."""
    generator = torch.Generator().manual_seed(1)
    level = 0.3 * torch.randn(120, 120, generator=generator)
    level[:, 60:] += 6

    ours = read_grid(build_grid(level, 0.05, 1.0), level, Place(0, 0, (120, 120)))
    theirs = cv2.bilateralFilter(level.numpy(), 37, 1.0, 6.0)

    inside = (slice(25, 95), slice(25, 95))
    assert np.abs(ours.numpy() - theirs)[inside].mean() < 0.06


def test_a_level_unknown_to_the_grid_is_read_as_itself():
    """Between two far levels, a new one in the middle is its own base."""
    level = torch.zeros(40, 40)
    level[:, 20:] = 30.0
    grid = build_grid(level, 0.1, 1.0)

    read = read_grid(grid, torch.full((40, 40), 15.0), Place(0, 0, (40, 40)))

    torch.testing.assert_close(read, torch.full((40, 40), 15.0), atol=1e-3, rtol=0)
