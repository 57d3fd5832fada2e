"""A convolution in one pass is the convolution in two steps."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from deghost.layers import convolution
from deghost.layers.convolution import add_convolved, rectified


def random_features(channels: int, height: int = 13, width: int = 18) -> torch.Tensor:
    return torch.randn(2, channels, height, width).contiguous(memory_format=torch.channels_last)


@given(
    channels=st.sampled_from([4, 12, 32]),
    kernel=st.sampled_from([1, 3, 5]),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2, 4]),
    stride=st.integers(1, 2),
    bias=st.booleans(),
)
def test_one_pass_gives_what_two_steps_give(channels, kernel, dilation, groups, stride, bias):
    layer = nn.Conv2d(
        channels, 8, kernel, stride, kernel // 2, dilation=dilation, groups=groups, bias=bias
    )
    x = random_features(channels)
    with torch.no_grad():
        plain = layer(x)
        features = torch.randn_like(plain)
        torch.testing.assert_close(rectified(layer, x), plain.relu())
        torch.testing.assert_close(add_convolved(features.clone(), layer, x), features + plain)


def test_what_is_added_to_is_overwritten_in_one_pass(monkeypatch):
    assert convolution._ONE_PASS  # of the PyTorch that is tested
    layer, x, features = nn.Conv2d(8, 8, 3, padding=1), random_features(8), random_features(8)
    with torch.inference_mode():
        assert add_convolved(features, layer, x).data_ptr() == features.data_ptr()
        monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
        assert add_convolved(features, layer, x).data_ptr() != features.data_ptr()


@pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this processor takes two steps"
)
def test_half_precision_rounds_less_than_two_steps():
    layer, x, features = nn.Conv2d(64, 64, 3, padding=1), random_features(64), random_features(64)
    exact = (features.bfloat16().double() + _in_doubles(layer, x)).detach()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        short, before = x.bfloat16(), features.bfloat16()
        two_steps = layer(short) + before
        one = add_convolved(before, layer, short)
    assert one.dtype == torch.bfloat16
    assert (one - exact).abs().mean() < (two_steps - exact).abs().mean()


def _in_doubles(layer: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    """The convolution of rounded numbers, exactly."""
    rounded = (t.bfloat16().double() for t in (x, layer.weight, layer.bias))
    return functional.conv2d(*rounded, padding=1)


def test_gradients_flow_and_features_are_left_alone_when_they_are_asked_for():
    layer, x, features = nn.Conv2d(8, 8, 3, padding=1), random_features(8), random_features(8)
    before = features.clone()
    add_convolved(features, layer, rectified(layer, x)).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.abs().sum() > 0
    assert torch.equal(features, before)


@pytest.mark.parametrize("odd", ["planar", "doubles", "short features", "reflected"])
def test_what_one_pass_cannot_do_is_done_in_two(odd):
    layer, x = nn.Conv2d(8, 8, 3, padding=1), random_features(8)
    if odd == "planar":
        x = x.contiguous()
    if odd == "doubles":
        layer, x = layer.double(), x.double()
    if odd == "reflected":
        layer = nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect")
    features = torch.randn_like(x)
    if odd == "short features":
        features = features.bfloat16()
    with torch.no_grad():
        torch.testing.assert_close(rectified(layer, x), layer(x).relu())
        torch.testing.assert_close(add_convolved(features, layer, x), features + layer(x))


def test_a_processor_that_cannot_multiply_short_numbers_takes_two_steps(monkeypatch):
    """oneDNN then refuses them, where PyTorch's own convolution does not."""
    steps = """if True:
        import torch
        from deghost.layers.convolution import rectified
        layer = torch.nn.Conv2d(8, 8, 3, padding=1)
        x = torch.rand(1, 8, 9, 9).contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            print(rectified(layer, x.bfloat16()).dtype)
    """
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    done = subprocess.run(
        [sys.executable, "-c", steps], check=False, capture_output=True, text=True
    )
    assert done.stdout.strip() == "torch.bfloat16", done.stderr
