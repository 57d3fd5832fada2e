import pytest
import torch

from deghost.layers.counting import count_macs, count_parameters, count_parameters_in_use
from deghost.layers.reconstructor import BracketBatch
from deghost.models.hdr_transformer import (
    HDRTransformer,
    HDRTransformerConfig,
    StochasticDepth,
    WindowAttention,
)


def bracket(config, height=9, width=14):
    channels = 6 if config.layout == "srgb6" else 4
    frames = torch.rand(1, config.frames, channels, height, width)
    return BracketBatch(frames, 4.0 ** torch.arange(config.frames)[None], config.frames // 2)


def attend_slowly(attention, tokens):
    """Pixel by pixel: attend to all of the own window that lie on the same side of the seam."""
    window, heads, shift = attention.window, attention.heads, attention.shift
    height, width, channels = tokens.shape[1:]
    share = channels // heads
    query, key, value = attention.enter(tokens[0]).unflatten(-1, (3, heads, share)).unbind(2)
    result = torch.zeros(height, width, heads, share)

    def place(at, length):
        rolled = (at - shift) % length
        return rolled // window, rolled % window, at < shift

    def meet(here, there, length):
        (window_a, _, wrapped_a), (window_b, _, wrapped_b) = (
            place(here, length),
            place(there, length),
        )
        return window_a == window_b and wrapped_a == wrapped_b

    for y, x in torch.cartesian_prod(torch.arange(height), torch.arange(width)).tolist():
        others = [
            (v, u)
            for v in range(height)
            for u in range(width)
            if meet(y, v, height) and meet(x, u, width)
        ]
        for head in range(heads):
            scores = []
            for v, u in others:
                down = place(y, height)[1] - place(v, height)[1] + window - 1
                right = place(x, width)[1] - place(u, width)[1] + window - 1
                bias = attention.bias[down * (2 * window - 1) + right, head]
                scores.append(query[y, x, head] @ key[v, u, head] / share**0.5 + bias)
            weights = torch.stack(scores).softmax(0)
            for weight, (v, u) in zip(weights, others, strict=True):
                result[y, x, head] += weight * value[v, u, head]
    return attention.leave(result.flatten(2))[None]


@pytest.mark.parametrize("shift", [0, 1, 2])
@pytest.mark.parametrize("size", [(3, 3), (3, 6), (9, 6)])
@torch.no_grad()
def test_window_attention_is_its_definition(shift, size):
    """Windows, shifted or not, as few or many as there are, agree with loops over pixels."""
    torch.manual_seed(0)
    attention = WindowAttention(4, 2, 3, shift)
    torch.nn.init.normal_(attention.bias)
    tokens = torch.randn(1, *size, 4)

    assert torch.allclose(attention(tokens), attend_slowly(attention, tokens), atol=1e-5)


def test_it_has_the_size_of_the_published_program():
    """1,222,113 parameters, all in use, and 1.96e12 operations for three frames of 1.5 MP.

    By hand, per pixel: 486,120 of multiplications before the body, 131,220 after it and between,
    18 layers of 30,081 by weights and 7,680 between the pixels of windows.
    """
    network = HDRTransformer()
    batch = BracketBatch(torch.empty(1, 3, 6, 1000, 1500, device="meta"), torch.ones(1, 3), 1)
    by_hand = 1000 * 1504 * (9720 + 388_800 + 97_200 + 18 * (30_081 + 7_680) + 97_200 + 34_020)

    assert count_parameters(network) == 1_222_113
    assert count_parameters_in_use(network, bracket(network.config)) == 1_222_113
    assert count_macs(network, batch) == pytest.approx(by_hand, rel=0.001)


@pytest.mark.parametrize("layout", ["srgb6", "raw4"])
@pytest.mark.parametrize("frames", [2, 3, 5])
@pytest.mark.parametrize("scale", [1, 4])
def test_layout_frames_and_scale_are_configuration(layout, frames, scale):
    """Each combination gives radiance in [0, 1] and three stages of features."""
    config = HDRTransformerConfig(layout, frames, scale, width=8, heads=2, layers=2, window=4)
    made = HDRTransformer(config)(bracket(config))

    assert made.radiance.shape == (1, 3 if layout == "srgb6" else 4, 9 * scale, 14 * scale)
    assert ((made.radiance >= 0) & (made.radiance <= 1)).all()
    assert [stage.shape for stage in made.features] == [(1, 8, 9, 14)] * 3


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (3, 21)])
def test_any_size_is_padded_inside(size):
    """Pictures smaller than a window, or not a multiple of it."""
    network = HDRTransformer(HDRTransformerConfig(width=8, heads=2, layers=2)).eval()

    made = network(bracket(network.config, *size))

    assert made.radiance.shape[-2:] == size
    assert made.radiance.isfinite().all()


def test_layers_are_left_out_only_while_training():
    """The chance grows along the depth; what is kept grows with it, so that the mean stays."""
    torch.manual_seed(0)
    branch = torch.ones(4000, 1, 1, 1)
    drop = StochasticDepth(0.25)

    kept = drop(branch)

    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert kept.mean() == pytest.approx(1, abs=0.03)
    assert torch.equal(drop.eval()(branch), branch)
    rates = [m.rate for m in HDRTransformer().modules() if isinstance(m, StochasticDepth)]
    assert rates == pytest.approx(torch.linspace(0, 0.1, 18).tolist())
