import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deghost.errors import SettingsError
from deghost.radiometry.response import (
    decode,
    encode,
    linear_table,
    linearise,
    named_response,
    quantisation_step,
)
from deghost.types import Response


NAMES = ["srgb", "rec709", "linear", "gamma2.2", "gamma1.8"]


@pytest.mark.parametrize("name", NAMES)
def test_a_named_response_rises_from_black_to_white(name):
    """Every named curve starts at 0, ends at 1 and never falls."""
    table = named_response(name).table

    assert table.shape == (3, 65536)
    assert np.all(table[:, 0] == 0)
    assert np.all(table[:, -1] == 1)
    assert np.all(np.diff(table, axis=1) >= 0)


@pytest.mark.parametrize(
    ("name", "code", "linear"),
    [
        ("srgb", 10 / 255, 0.003035),
        ("srgb", 118 / 255, 0.181164),
        ("srgb", 188 / 255, 0.502886),
        ("rec709", 0.5, 0.259718),
        ("gamma2.2", 0.5, 0.217638),
    ],
)
def test_curves_pass_through_published_points(name, code, linear):
    """The formulas of IEC 61966-2-1 and BT.709 give the values worked out by hand."""
    assert decode(torch.tensor(code), name).item() == pytest.approx(linear, abs=2e-6)


@pytest.mark.parametrize("name", NAMES)
@given(value=st.floats(0, 1))
def test_encoding_undoes_decoding(name, value):
    """A code decoded and encoded again is the same code."""
    code = torch.tensor(value, dtype=torch.float64)

    assert encode(decode(code, name), name).item() == pytest.approx(value, abs=4e-5)


@pytest.mark.parametrize("name", NAMES)
def test_encoding_has_finite_gradients_wherever_there_is_light(name):
    """Losses may be taken on encoded values, also near black."""
    light = torch.tensor([1e-6, 0.001, 0.5, 2.0], requires_grad=True)

    encode(light, name).sum().backward()

    assert light.grad.isfinite().all()


@pytest.mark.parametrize("name", ["srbg", "gamma", "gamma0", "gamma0.5", "gamma9", ""])
def test_an_unknown_name_is_answered_with_the_known_ones(name):
    """A misspelt response costs one readable line."""
    with pytest.raises(SettingsError, match="srgb, rec709, linear, gamma2.2"):
        named_response(name)


@pytest.mark.parametrize("white", [255, 65535, 4095])
def test_a_table_holds_the_formula_at_every_code(white):
    """Tables are the curve at the codes, also where the codes are not samples."""
    codes = torch.linspace(0, 1, white + 1, dtype=torch.float64)

    table = linear_table(named_response("srgb"), white)

    np.testing.assert_allclose(table[:, 1], decode(codes, "srgb"), atol=1e-7)


def test_a_coarse_response_is_interpolated():
    """Between two samples of a response, codes lie on the straight line."""
    response = Response("drawn", np.array([[0, 0.2, 1.0]] * 3))

    table = linear_table(response, 4)

    np.testing.assert_allclose(table[:, 2], [0, 0.1, 0.2, 0.6, 1.0], atol=1e-7)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_linearise_looks_each_channel_up_in_its_own_curve(kind):
    """Integer codes become the table's values, channel by channel."""
    codes = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (5, 7, 3), kind, True)
    curves = [named_response(name).table[0] for name in ("srgb", "gamma2.2", "linear")]

    linear = linearise(codes, Response("three", np.stack(curves)))

    assert linear.dtype == torch.float32
    assert linear.permute(1, 2, 0).is_contiguous()
    for channel, name in enumerate(["srgb", "gamma2.2", "linear"]):
        code = torch.from_numpy(codes[..., channel] / np.iinfo(kind).max)
        torch.testing.assert_close(
            linear[channel].double(), decode(code, name), atol=1e-7, rtol=1e-6
        )


def test_linearise_reads_windows_of_a_larger_image():
    """A window that is not contiguous in memory gives the same values."""
    pixels = np.random.default_rng(1).integers(0, 65535, (9, 9, 3), np.uint16)
    response = named_response("srgb")

    assert torch.equal(
        linearise(pixels[2:7, 3:8], response), linearise(pixels, response)[:, 2:7, 3:8]
    )


def test_floating_point_light_stays_as_it_is():
    """Linear float pixels keep values above white and below black, even if read-only."""
    pixels = np.array([[[-0.1, 0.5, 7.0]]], np.float32)
    pixels.setflags(write=False)

    assert linearise(pixels, named_response("linear")).flatten().tolist() == pytest.approx(
        [-0.1, 0.5, 7.0]
    )


def test_floating_point_codes_are_interpolated():
    """Encoded float pixels follow the curve between its samples."""
    code = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(2))
    pixels = code.permute(1, 2, 0).contiguous().numpy()

    linear = linearise(pixels, named_response("srgb"))

    torch.testing.assert_close(linear, decode(code, "srgb"), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_quantisation_steps_tile_the_range(name):
    """The widths of all codes, the two ends counted half, add up to the whole range."""
    step = quantisation_step(named_response(name), 255).astype(np.float64)

    total = step.sum(axis=0) - (step[0] + step[-1]) / 2

    assert step.shape == (256, 3)
    np.testing.assert_allclose(total, 1, rtol=0.01)
