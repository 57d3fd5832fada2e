"""Windows row by row are the windows of pooling."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from deghost.layers.windows import largest_around, mean_around


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    side=st.sampled_from([3, 5, 7]),
    seed=st.integers(0, 1000),
)
def test_windows_are_those_of_pooling(height, width, side, seed):
    planes = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(seed))
    largest = functional.max_pool2d(planes, side, 1, side // 2)
    mean = functional.avg_pool2d(planes, side, 1, side // 2, count_include_pad=False)
    assert torch.equal(largest_around(planes, side), largest)
    torch.testing.assert_close(mean_around(planes, side), mean)
    assert torch.equal(largest_around(planes[0, 0], side), largest[0, 0])


@pytest.mark.parametrize("side", [0, 1, 4])
def test_a_square_without_a_middle_is_refused(side):
    with pytest.raises(ValueError, match="odd"):
        largest_around(torch.zeros(4, 4), side)
