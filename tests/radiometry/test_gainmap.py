import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deghost.radiometry.gainmap import (
    HIGHEST_HEADROOM,
    GainMapMetadata,
    apply_gain_map,
    decode_gain,
    encode_gain,
    gain_between,
    luminance,
    metadata_for,
    weight_for,
)


METADATA = GainMapMetadata((-1.0,) * 3, (3.0,) * 3, alternate_headroom=3.0)


def make_pair():
    generator = torch.Generator().manual_seed(0)
    base = torch.rand(3, 8, 9, generator=generator)
    alternate = base * torch.exp2(4 * torch.rand(3, 8, 9, generator=generator) - 1)
    return base, alternate


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.2])
def test_encoding_and_decoding_a_gain_return_it(gamma):
    """Inside the range nothing is lost but the last digits."""
    metadata = GainMapMetadata((-1.0, -2.0, 0.0), (3.0, 3.5, 4.0), (gamma,) * 3)
    gain = torch.linspace(0, 3, 30).reshape(3, 2, 5)

    assert torch.allclose(decode_gain(encode_gain(gain, metadata), metadata), gain, atol=1e-5)


def test_the_whole_gain_restores_the_hdr_rendition():
    """Applying what was measured between two pictures turns one into the other."""
    base, alternate = make_pair()

    codes = encode_gain(gain_between(base, alternate), METADATA)

    assert torch.allclose(apply_gain_map(base, codes, METADATA), alternate, rtol=1e-4, atol=1e-4)


def test_eight_bits_err_by_half_a_step_of_the_range():
    """4 stops in 255 steps: at most 2 ** (2 / 255) - 1 = 0.55 %, apart from the offsets."""
    base, alternate = make_pair()
    codes = encode_gain(gain_between(base, alternate), METADATA)
    rounded = (codes * 255).round() / 255

    restored = apply_gain_map(base, rounded, METADATA)

    error = ((restored + 1 / 64) / (alternate + 1 / 64) - 1).abs()
    assert error.max() <= 2 ** (2 / 255) - 1 + 1e-4


def test_an_ordinary_screen_gets_the_base_picture():
    """At the base's own headroom no gain is applied."""
    base, alternate = make_pair()
    codes = encode_gain(gain_between(base, alternate), METADATA)

    assert torch.allclose(apply_gain_map(base, codes, METADATA, headroom=0.0), base, atol=1e-6)


def test_a_map_of_one_channel_brightens_all_colours_alike():
    """Without offsets the ratios between red, green and blue stay."""
    none = (0.0,) * 3
    metadata = GainMapMetadata(none, (2.0,) * 3, (1.0,) * 3, none, none, alternate_headroom=2.0)
    base, alternate = torch.tensor([0.2, 0.4, 0.1]).view(3, 1, 1), torch.full((3, 1, 1), 0.8)

    codes = encode_gain(gain_between(luminance(base), luminance(alternate), 0.0), metadata)
    restored = apply_gain_map(base, codes, metadata)

    assert torch.allclose(restored / base, restored[:1] / base[:1])
    assert luminance(restored).item() == pytest.approx(0.8, rel=1e-4)


def test_an_hdr_base_is_darkened_for_lesser_screens():
    """With the headrooms exchanged the gain leads downwards (ISO 21496-1)."""
    metadata = GainMapMetadata((0.0,) * 3, (2.0,) * 3, base_headroom=3.0, alternate_headroom=0.0)

    assert weight_for(3.0, metadata) == 0
    assert weight_for(1.5, metadata) == -0.5
    assert weight_for(0.0, metadata) == -1


@given(st.floats(-3, 12))
def test_the_weight_stays_between_none_and_all(headroom):
    """Screens beyond both ends get one of the two pictures, never an extrapolation."""
    assert 0 <= weight_for(headroom, METADATA) <= 1


def test_metadata_hold_the_range_of_the_content():
    """The headroom is that of the brightest value, as far as any screen could show it."""
    metadata = metadata_for(-0.5, 4.0, 16.0)

    assert (metadata.lowest, metadata.highest) == ((-0.5,) * 3, (4.0,) * 3)
    assert metadata.alternate_headroom == 4.0
    assert metadata_for(0.0, 9.0, 1e6).alternate_headroom == HIGHEST_HEADROOM
    assert math.log2(10000 / 203) == pytest.approx(HIGHEST_HEADROOM, abs=0.01)


@pytest.mark.parametrize("brightest", [0.0, 0.5, 1.0])
def test_a_picture_without_highlights_still_has_a_usable_range(brightest):
    """Nobody divides by a range of zero stops."""
    metadata = metadata_for(0.0, 0.0, brightest)

    assert metadata.highest[0] > metadata.lowest[0]
    assert metadata.alternate_headroom > metadata.base_headroom
