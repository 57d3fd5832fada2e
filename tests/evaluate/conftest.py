"""A pair of pictures that other languages can make alike."""

import pytest
import torch


def waves(height, width):
    """Three colours of waves in [0, 1], and the same with ripples of a tenth, which comes first."""
    y = torch.arange(height, dtype=torch.float64)[:, None]
    x = torch.arange(width, dtype=torch.float64)
    colours = range(1, 4)
    truth = torch.stack([0.5 + 0.5 * (x / (2 + c)).sin() * (y / 3).cos() for c in colours])
    ripples = torch.stack([1 + 0.1 * (x * y / 7 + c).sin() for c in colours])
    return truth * ripples, truth


@pytest.fixture
def pair():
    """A test and its truth of 30 x 40 pixels."""
    return waves(30, 40)


@pytest.fixture
def large_pair():
    """A test and its truth of 171 x 193 pixels."""
    return waves(171, 193)
