import torch
from torch.utils.flop_counter import FlopCounterMode

from deghost.models.exposure_net import ExposureNet, exposure_cues
from deghost.models.exposure_unet import ExposureUNet


NOISE = torch.tensor([[1e-4, 1e-6]])


def test_the_exposure_u_net_has_the_published_blocks():
    """Five blocks of 16 to 256 filters down, four up, and a last convolution of 1 x 1."""
    names = dict(ExposureUNet().named_parameters())

    widths = [names[f"body.down.{i}.2.weight"].shape[0] for i in range(5)]

    assert widths == [16, 32, 64, 128, 256]
    assert [names[f"body.up.{i}.up.weight"].shape[1] for i in range(4)] == [128, 64, 32, 16]
    assert all(names[f"body.up.{i}.up.weight"].shape[2:] == (3, 3) for i in range(4))
    assert names["body.last.weight"].shape == (1, 16, 1, 1)


def test_the_exposure_u_net_drops_features_only_while_it_learns():
    """With dropout a network in training is random, and one in use is not."""
    network, codes = ExposureUNet(), torch.rand(1, 3, 19, 33)

    assert not torch.equal(network(codes), network(codes))
    network.eval()
    assert torch.equal(network(codes), network(codes))
    assert network(codes).shape == (1, 19, 33)


def test_padding_changes_nothing_far_from_the_border():
    """A frame of a size that fits, and the same frame cut by a row, agree far from the cut."""
    network = ExposureUNet().eval()
    codes = torch.rand(1, 3, 256, 16)

    with torch.no_grad():
        whole, cut = network(codes), network(codes[:, :, :-1])

    assert torch.allclose(whole[:, :16], cut[:, :16], atol=1e-5)


def test_the_house_network_is_small():
    """At most 10,000 multiplications a pixel."""
    network, frame = ExposureNet().eval(), torch.rand(1, 3, 128, 128)

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(frame, frame, NOISE)

    assert counter.get_total_flops() / 2 / 128**2 < 10_000


def test_the_house_network_takes_any_size():
    """One probability a pixel, whatever the size."""
    network, frame = ExposureNet().eval(), torch.rand(2, 3, 13, 30)

    found = network.probabilities(frame, frame, NOISE.expand(2, -1)).detach()

    assert found.shape == (2, 13, 30)
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


def test_a_black_and_a_clipped_pixel_give_finite_cues():
    """Logarithms end where light no longer matters."""
    codes = torch.tensor([0.0, 1.0]).expand(1, 3, 1, 2)

    cues = exposure_cues(codes, codes, torch.zeros(1, 2) + 1e-8)

    assert cues.isfinite().all()
    assert float(cues.abs().max()) < 2
