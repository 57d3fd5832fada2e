import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deghost.evaluate.resize import resize_bicubic


SIDES = st.integers(1, 150)


def test_known_values():
    """Halving a ramp gives what MATLAB's language gives."""
    halved = resize_bicubic(torch.arange(8.0, dtype=torch.float64)[None], (1, 4))

    assert halved.tolist()[0] == pytest.approx([0.449219, 2.488281, 4.511719, 6.550781], abs=1e-6)


@given(SIDES, SIDES, SIDES, SIDES)
def test_a_grey_image_stays_grey(h, w, tall, wide):
    """Weights add up to 1 at every size, up and down."""
    resized = resize_bicubic(torch.full((2, h, w), 7.0, dtype=torch.float64), (tall, wide))

    assert resized.shape == (2, tall, wide)
    assert torch.allclose(resized, torch.full_like(resized, 7.0))


@given(SIDES, SIDES, SIDES, SIDES)
def test_mirroring_before_or_after_is_the_same(h, w, tall, wide):
    """Resizing has no preferred side."""
    image = torch.rand(h, w, dtype=torch.float64)

    mirrored = resize_bicubic(image.flip(0, 1), (tall, wide)).flip(0, 1)

    assert torch.allclose(mirrored, resize_bicubic(image, (tall, wide)))


@pytest.mark.parametrize("size", [(100, 75), (200, 300), (37, 50), (131, 211)])
def test_the_inside_agrees_with_torch(size):
    """Away from the edges, PyTorch's anti-aliased bicubic agrees."""
    image = torch.rand(1, 1, 100, 150, dtype=torch.float64)
    expected = torch.nn.functional.interpolate(image, size, mode="bicubic", antialias=True)[0, 0]

    inside = slice(12, -12)

    assert torch.allclose(
        resize_bicubic(image, size)[0, 0][inside, inside], expected[inside, inside], atol=1e-9
    )


def test_a_ramp_stays_a_ramp():
    """Interpolation between the samples of a straight line stays on it."""
    ramp = torch.arange(40.0, dtype=torch.float64)[None].expand(5, 40)

    doubled = resize_bicubic(ramp, (5, 80))

    assert torch.allclose(doubled[0, 8:-8].diff(), torch.tensor(0.5, dtype=torch.float64))
