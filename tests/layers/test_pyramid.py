import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deghost.layers.pyramid import continue_smoothly


@given(seed=st.integers(0, 50), share=st.floats(0.05, 0.9))
def test_what_is_filled_lies_between_what_is_known(seed, share):
    """Every value is a weighted mean of known ones, so none goes beyond them."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(2, 3, (37, 53, 2)).astype(np.float32)
    known = (rng.random((37, 53)) < share).astype(np.float32)
    known[5, 7] = 1

    filled = continue_smoothly(values, known)

    assert filled.min() >= values[known > 0].min() - 1e-4
    assert filled.max() <= values[known > 0].max() + 1e-4


def test_known_values_stay():
    """Where the weight is 1 nothing changes."""
    rng = np.random.default_rng(1)
    values = rng.uniform(0, 1, (40, 60, 3)).astype(np.float32)
    known = (rng.random((40, 60)) < 0.5).astype(np.float32)

    filled = continue_smoothly(values, known)

    assert np.allclose(filled[known > 0], values[known > 0], atol=1e-5)


def test_surroundings_reach_only_so_far():
    """With three levels a pixel sixty away from anything known is 0."""
    values = np.ones((8, 200, 1), np.float32)
    known = np.zeros((8, 200), np.float32)
    known[:, :4] = 1

    filled = continue_smoothly(values, known, levels=3)

    assert filled[4, 100, 0] == 0
    assert filled[4, 5, 0] > 0.5
