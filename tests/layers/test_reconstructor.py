import torch

from deghost.layers.reconstructor import pack_srgb6


def test_radiance_of_frames_of_one_light_is_equal():
    """Codes differ with the exposure, radiance does not."""
    light = torch.rand(1, 1, 3, 4, 5) * 0.25
    exposures = torch.tensor([[1.0, 2.0, 4.0]])

    packed = pack_srgb6(light * exposures.view(1, 3, 1, 1, 1), exposures)

    assert torch.allclose(packed[:, :, 3:], light.expand(-1, 3, -1, -1, -1))
    assert torch.allclose(packed[:, :, :3] ** 2.2, light * exposures.view(1, 3, 1, 1, 1), atol=1e-6)
