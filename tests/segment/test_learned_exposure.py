import torch

from deghost.models.exposure_net import ExposureNet
from deghost.models.exposure_unet import ExposureUNet
from deghost.models.zoo import load_network
from deghost.radiometry.noise import NoiseModel
from deghost.radiometry.response import encode
from deghost.segment import learned_exposure
from deghost.segment.learned_exposure import learned_mask, unet_mask


def test_strips_do_not_show(monkeypatch):
    """Worked on in strips, a mask is what it is in one piece."""
    torch.manual_seed(0)
    network, frame = ExposureNet().eval(), torch.rand(3, 300, 40)
    noise = NoiseModel(1e-4, 1e-6)
    whole = learned_mask(network, frame, frame, noise)

    monkeypatch.setattr(learned_exposure, "STRIP", 64)

    assert torch.allclose(learned_mask(network, frame, frame, noise), whole, atol=1e-5)


def test_the_shipped_network_finds_clipping_and_noise():
    """In a ramp from black to clipped light both ends are lost and the middle is not."""
    network = load_network("exposure-net")
    generator = torch.Generator().manual_seed(1)
    light = torch.logspace(-5, 0.5, 256, base=10).expand(3, 64, 256)
    noise = NoiseModel(shot=1e-4, read=1e-5)
    noisy = light + noise.variance(light).sqrt() * torch.randn(light.shape, generator=generator)
    linear = noisy.clamp(0, 1)

    mask = learned_mask(network, encode(linear, "srgb"), linear, noise)

    assert float(mask[:, :100].mean()) < 0.2  # below 0.0015, half a deviation
    assert float(mask[:, 170:220].mean()) > 0.9  # 0.05 to 0.55
    assert float(mask[:, -20:].mean()) < 0.2


def test_the_shipped_u_nets_follow_the_manual_rule():
    """The dark frame counts where it is bright, the bright one where it is not white."""
    low, high = load_network("exposure-unet-low"), load_network("exposure-unet-high")
    assert isinstance(low, ExposureUNet)
    assert isinstance(high, ExposureUNet)
    codes = torch.full((3, 64, 64), 0.1)
    codes[:, :, 32:] = 0.95

    assert unet_mask(low, codes)[16:48, 40:56].mean() > unet_mask(low, codes)[16:48, 8:24].mean()
    assert unet_mask(high, codes)[16:48, 40:56].mean() < unet_mask(high, codes)[16:48, 8:24].mean()
