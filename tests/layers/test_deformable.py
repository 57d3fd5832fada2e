import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from deghost.layers.deformable import DeformableConvolution, deformable_convolution


def bilinear(plane, x, y):
    """The value of a plane between its pixels, zero outside, written out."""
    total = 0.0
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < plane.shape[0] and 0 <= column < plane.shape[1]:
                total += (1 - abs(x - column)) * (1 - abs(y - row)) * float(plane[row, column])
    return total


def convolve_slowly(features, offsets, trust, weight):
    """The definition of Zhu et al., one product at a time."""
    groups, size = offsets.shape[1], weight.shape[-1]
    outputs, inputs = weight.shape[:2]
    result = torch.zeros(features.shape[0], outputs, *features.shape[2:])
    for b, o, y, x in torch.cartesian_prod(*map(torch.arange, result.shape)).tolist():
        group = o // (outputs // groups)
        for c in range(inputs):
            plane = features[b, group * inputs + c]
            for tap in range(size**2):
                row, column = divmod(tap, size)
                shift = offsets[b, group, tap, :, y, x].tolist()
                value = bilinear(
                    plane, x + column - size // 2 + shift[0], y + row - size // 2 + shift[1]
                )
                share = float(trust[b, group, tap, y, x]) * float(weight[o, c, row, column])
                result[b, o, y, x] += share * value
    return result


def make(groups=2, height=4, width=5, reach=3.0, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape):
        return torch.rand(shape, generator=generator)

    offsets = reach * (2 * rand(1, groups, 9, 2, height, width) - 1)
    trust = rand(1, groups, 9, height, width)
    return rand(1, 2 * groups, height, width), offsets, trust, rand(2 * groups, 2, 3, 3) - 0.5


@settings(max_examples=4, deadline=None)
@given(
    groups=st.integers(1, 2),
    height=st.integers(1, 4),
    width=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_the_convolution_is_its_definition(groups, height, width, seed):
    """Groups, taps, offsets, trust and zeros outside as written out in loops."""
    parts = make(groups, height, width, seed=seed)

    assert torch.allclose(deformable_convolution(*parts), convolve_slowly(*parts), atol=1e-4)


def test_without_offsets_it_is_a_grouped_convolution():
    """No offsets, full trust: the ordinary convolution with zero padding."""
    features, offsets, trust, weight = make(height=7, width=9)

    result = deformable_convolution(
        features, torch.zeros_like(offsets), torch.ones_like(trust), weight
    )

    expected = functional.conv2d(features, weight, padding=1, groups=2)
    assert torch.allclose(result, expected, atol=1e-5)


def test_a_common_offset_moves_the_picture():
    """The same whole-pixel offset at all taps is a shift of the features beforehand."""
    features, offsets, trust, weight = make(height=8, width=8)
    shift = torch.tensor([2.0, 1.0]).view(1, 1, 1, 2, 1, 1).expand_as(offsets)

    result = deformable_convolution(features, shift, trust, weight)

    moved = functional.pad(features, (0, 2, 0, 1))[..., 1:, 2:]
    expected = deformable_convolution(moved, torch.zeros_like(offsets), trust, weight)
    assert torch.allclose(result[..., 2:-2, 2:-3], expected[..., 2:-2, 2:-3], atol=1e-5)


def test_gradients_reach_features_offsets_trust_and_weight():
    """Along each input, the gradient agrees with the difference of two convolutions."""
    features, offsets, trust, weight = make(reach=0.4)
    # away from whole pixels, where the slope jumps
    offsets = torch.where(offsets < 0, offsets.clamp(max=-0.05), offsets.clamp(min=0.05))
    parts = [part.requires_grad_() for part in (features, offsets, trust, weight)]
    result = deformable_convolution(*parts)
    towards = torch.rand(result.shape, generator=torch.Generator().manual_seed(2))
    gradients = torch.autograd.grad((result * towards).sum(), parts)

    for k, (part, gradient) in enumerate(zip(parts, gradients, strict=True)):
        step = torch.zeros_like(part)
        step.view(-1)[gradient.abs().argmax()] = 1e-2
        ends = []
        for sign in (1, -1):
            moved = [p + sign * step if i == k else p for i, p in enumerate(parts)]
            with torch.no_grad():
                ends.append(float((deformable_convolution(*moved) * towards).sum()))
        slope = (ends[0] - ends[1]) / 2e-2
        assert math.isclose(slope, float((gradient * step).sum()) / 1e-2, rel_tol=0.02)


def test_the_module_adds_a_bias():
    """A constant on top of the function."""
    features, offsets, trust, _ = make()
    module = DeformableConvolution(4, 6, 2)
    torch.nn.init.constant_(module.bias, 3.0)

    result = module(features, offsets, trust)

    plain = deformable_convolution(features, offsets, trust, module.weight)
    assert torch.allclose(result, plain + 3)
