import pytest
import torch

from deghost.errors import BracketError
from deghost.layers.fusion import (
    FrameAttention,
    Upsampler,
    in_single_precision,
    radiance_of,
    reference_first,
    with_roots,
)
from deghost.layers.reconstructor import BracketBatch


def numbered(count, reference):
    frames = torch.arange(float(count)).view(1, count, 1, 1, 1).expand(1, count, 6, 2, 2)
    return BracketBatch(frames, torch.ones(1, count), reference)


@pytest.mark.parametrize(("reference", "order"), [(0, [0, 1, 2]), (1, [1, 0, 2]), (2, [2, 0, 1])])
def test_the_reference_comes_first_and_the_others_keep_their_order(reference, order):
    """Whichever frame the reference is."""
    assert reference_first(numbered(3, reference), 3)[0, :, 0, 0, 0].tolist() == order


def test_a_bracket_of_another_length_is_refused():
    """The message has both numbers."""
    with pytest.raises(BracketError, match="takes 5 frames, not 3"):
        reference_first(numbered(3, 1), 5)


def test_roots_stand_beside_their_channels():
    """Even channels are linear, odd ones their roots; radiance below zero has root zero."""
    mosaic = torch.rand(2, 3, 4, 5, 6) - 0.2

    seen = with_roots(mosaic, "raw4")

    assert torch.equal(seen[:, :, ::2], mosaic)
    assert torch.allclose(seen[:, :, 1::2] ** 2.2, mosaic.clamp(min=0), atol=1e-6)


def test_radiance_is_the_last_channels():
    """Codes come before radiance in `srgb6`; a mosaic is nothing else."""
    frames = torch.rand(1, 2, 6, 3, 3)

    assert torch.equal(radiance_of(frames, "srgb6"), frames[:, :, 3:])
    assert torch.equal(radiance_of(frames[:, :, :4], "raw4"), frames[:, :, :4])


def test_attention_only_weakens():
    """Weights lie between 0 and 1."""
    frame, reference = torch.randn(2, 8, 5, 6), torch.randn(2, 8, 5, 6)

    weighted = FrameAttention(8)(frame, reference)

    assert (weighted.abs() <= frame.abs()).all()
    assert (weighted * frame >= 0).all()


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_the_upsampler_multiplies_the_size(scale):
    """A stage for every doubling, none for scale 1."""
    upsampler = Upsampler(8, scale)

    assert upsampler(torch.rand(1, 8, 3, 5)).shape == (1, 8, 3 * scale, 5 * scale)
    assert len(upsampler) == 3 * (scale.bit_length() - 1)


def test_the_last_layer_is_exact_under_autocast():
    """Its result is single precision, equal to that without autocast."""
    layer, features = torch.nn.Conv2d(8, 3, 3, padding=1), torch.rand(1, 8, 6, 6)

    with torch.autocast("cpu", torch.bfloat16):
        result = in_single_precision(layer, features)

    assert torch.equal(result, layer(features))
