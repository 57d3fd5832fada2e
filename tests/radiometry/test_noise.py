import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from deghost.radiometry.noise import _QUIET_BIAS, NoiseModel, estimate_noise, unclipped


def noisy_patches(shot, read, generator):
    level = torch.rand(150, 1, 1, 1, generator=generator) ** 2 * 0.6 + 0.002
    ramp = level * (1 + 0.2 * torch.linspace(0, 1, 64)[None, None, :, None])
    clean = ramp.expand(150, 3, 64, 64)
    noise = torch.randn(clean.shape, generator=generator) * (shot * clean + read).sqrt()
    return list(clean + noise)


@pytest.mark.parametrize(("shot", "read"), [(5e-5, 1e-7), (1e-3, 1e-6), (5e-3, 2e-5)])
def test_noise_is_found_in_smooth_patches(shot, read):
    """Shot and read noise of a simulated sensor come back within a fifth and a half."""
    noise = estimate_noise(noisy_patches(shot, read, torch.Generator().manual_seed(0)))

    assert noise.shot == pytest.approx(shot, rel=0.2)
    assert noise.read == pytest.approx(read, rel=0.5)


def test_texture_is_not_taken_for_noise():
    """With strong texture in three quarters of the patches, the smooth quarter still counts."""
    generator = torch.Generator().manual_seed(2)
    patches = noisy_patches(2e-4, 1e-6, generator)
    for patch in patches[:110]:
        patch.add_(0.05 * torch.rand(patch.shape, generator=generator))

    noise = estimate_noise(patches)

    assert noise.shot == pytest.approx(2e-4, rel=0.5)


def test_nothing_to_measure_gives_a_cautious_model():
    """Black, clipped or missing patches do not fail."""
    for patches in ([], [torch.zeros(3, 64, 64)], [torch.ones(3, 64, 64)]):
        noise = estimate_noise(patches)
        assert noise.shot > 0
        assert noise.read > 0


def test_the_bias_of_the_quietest_fifth():
    """The constant that corrects for choosing quiet blocks is what simulation gives."""
    white = torch.randn(400, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    kernel = torch.tensor([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]]) / 6
    filtered = functional.conv2d(white, kernel[None, None])[..., :56, :56]
    variance = functional.avg_pool2d(filtered.square(), 8).flatten()

    quiet = variance[variance <= variance.quantile(0.2)]

    assert float(quiet.mean()) == pytest.approx(_QUIET_BIAS, abs=0.01)


@given(low=st.floats(0, 1), high=st.floats(0, 1))
def test_trust_never_grows_with_the_value(low, high):
    """A brighter value is never further from clipping."""
    darker, brighter = sorted([low, high])

    trust = unclipped(torch.tensor([darker, brighter]))

    assert 0 <= float(trust[1]) <= float(trust[0]) <= 1


def test_variance_is_linear_in_the_signal():
    """Photon noise: four times the light, four times the variance."""
    model = NoiseModel(shot=1e-3, read=0.0)

    dark, bright = model.variance(torch.tensor([0.1, 0.4]))

    assert float(bright / dark) == pytest.approx(4)


def test_an_estimate_is_the_same_every_time():
    """Not a bit differs between estimates: training that is gone on with rests on it."""
    generator = torch.Generator().manual_seed(3)
    light = torch.rand(3, 64, 64, generator=generator) * 0.6
    patch = light + 0.01 * torch.randn(light.shape, generator=generator)

    found = {(noise.shot, noise.read) for noise in (estimate_noise([patch]) for _ in range(20))}

    assert len(found) == 1
