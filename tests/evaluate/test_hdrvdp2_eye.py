import numpy as np
import pytest
import torch

from deghost.evaluate.hdrvdp2_eye import (
    DAYLIGHT,
    PRIMARIES,
    look_up,
    respond,
    scatter_spectrum,
)
from deghost.evaluate.hdrvdp2_sensitivity import (
    joint_sensitivity,
    neural_sensitivity,
    receptor_tables,
    rod_sensitivity,
)


CPU = torch.device("cpu")


def eye(light, degrees=30.0, surround=1e-5, primaries=DAYLIGHT):
    scatter = scatter_spectrum(tuple(light.shape[1:]), degrees, CPU)
    return respond(light, scatter, (surround,) * len(light), primaries)


@pytest.mark.parametrize("display", PRIMARIES)
def test_white_of_one_candela_adapts_to_about_one(display):
    """The cones' shares of a white add up to its luminance."""
    assert sum(red + green for red, green, _ in PRIMARIES[display]) == pytest.approx(1, abs=6e-3)


@pytest.mark.parametrize("size", [(17, 20), (70, 65), (40, 129)])
def test_scatter_is_a_convolution(size):
    """Light scatters as by one transform of a plane of twice the size, block by block or not."""
    light = 100 * torch.rand(1, *size, dtype=torch.float64)
    scatter = scatter_spectrum(size, 30.0, CPU)
    h, w = size
    plane = torch.fft.rfft2(light[0] - 2.0, s=(2 * h, 2 * w)) * scatter.T
    expected = torch.fft.irfft2(plane, s=(2 * h, 2 * w))[:h, :w] + 2.0

    adaptation = respond(light, scatter, (2.0,), DAYLIGHT).adaptation

    assert torch.allclose(adaptation, expected * sum(DAYLIGHT[0][:2]), rtol=1e-9)


def test_a_light_in_the_dark_glares():
    """Scatter takes light from a spot, spreads it, and adds none."""
    light = torch.zeros(1, 64, 64)
    light[0, 32, 32] = 1e4

    adaptation = eye(light).adaptation

    assert 0.3e4 < adaptation[32, 32] < 0.95e4
    assert adaptation[32, 34] > adaptation[32, 40] > 1e-2
    assert adaptation.sum() < 1e4


def test_response_has_no_mean_and_rises_with_light():
    """The response is centred, and a brighter place responds more."""
    light = torch.full((1, 40, 40), 10.0)
    light[0, :, 20:] = 100.0

    achromatic = eye(light).achromatic

    assert abs(achromatic.mean()) < 1e-4
    assert achromatic[20, 30] > achromatic[20, 10] + 20


def test_table_reading_is_linear_interpolation():
    """Reading a table agrees with NumPy's interpolation, also past its ends."""
    table = torch.rand(50, dtype=torch.float64).cumsum(0)
    at = torch.linspace(-6, 6, 301, dtype=torch.float64).reshape(7, 43)

    expected = np.interp(at.numpy(), np.linspace(-5, 5, 50), table.numpy())

    assert np.allclose(look_up(at, table).numpy(), expected, atol=1e-12)


def test_receptors_see_more_in_more_light():
    """Both response curves rise throughout, and daylight leaves the rods behind."""
    tables = receptor_tables()

    assert (np.diff(tables) > -1e-12).all()
    assert np.ptp(tables[1, -400:]) < 0.01 * np.ptp(tables[0, -400:])


def test_sensitivities_are_those_of_the_paper():
    """In daylight the eye's sensitivity is the cones'; in dim light the rods do most."""
    light = np.array([1e-4, 1e-2, 1.0, 1e4])

    assert rod_sensitivity(light)[1] > 0.5 * joint_sensitivity(light)[1]
    assert joint_sensitivity(light)[3] == pytest.approx(30.162, rel=1e-4)
    assert rod_sensitivity(light)[3] < 1e-6


def test_contrast_sensitivity_peaks_at_a_few_cycles():
    """Neither broad nor fine patterns are seen best, and luminance stops mattering past 150."""
    frequency = np.geomspace(0.05, 60, 200)
    sensitivity = neural_sensitivity(frequency, np.array(150.0))

    assert 2 < frequency[sensitivity.argmax()] < 12
    assert np.array_equal(neural_sensitivity(frequency, np.array(1e4)), sensitivity)
