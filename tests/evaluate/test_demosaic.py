import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import convolve2d
from torch import nn

from deghost.errors import WeightsError
from deghost.evaluate.demosaic import demosaic_linear, load_demosaic


CROSS = np.array([[0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1]])
GREEN = np.vstack([CROSS, CROSS[1::-1]]) / 8


class Network(nn.Module):
    """The published network, built as its authors' weights name it."""

    def __init__(self):
        super().__init__()
        self.main_processor = nn.Sequential()
        self.main_processor.add_module("pack_mosaic", nn.Conv2d(3, 4, 2, stride=2))
        for number in range(1, 16):
            channels, width = 4 if number == 1 else 64, 128 if number == 15 else 64
            conv = nn.Conv2d(channels, width, 3, padding=1)
            self.main_processor.add_module(f"conv{number}", conv)
            self.main_processor.add_module(f"relu{number}", nn.ReLU())
        self.residual_predictor = nn.Conv2d(64, 12, 1)
        self.upsampler = nn.ConvTranspose2d(12, 3, 2, stride=2, groups=3)
        self.fullres_processor = nn.Sequential()
        self.fullres_processor.add_module("post_conv", nn.Conv2d(6, 64, 3, padding=1))
        self.fullres_processor.add_module("relu", nn.ReLU())
        self.fullres_processor.add_module("output", nn.Conv2d(64, 3, 1))

    def forward(self, mosaic):
        maps = self.main_processor(mosaic)
        detail = self.upsampler(self.residual_predictor(maps[:, :64] * maps[:, 64:]))
        return self.fullres_processor(torch.cat([mosaic, detail], 1))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Network()


def test_the_network_is_the_published_one(network, tmp_path):
    """With one more column on each side, rows read G R and B G; others are black in each colour."""
    torch.save(network.state_dict(), tmp_path / "model.bin")
    mosaic = torch.rand(6, 10)
    codes = mosaic.numpy() ** (1 / 2.2)
    padded = np.concatenate([codes[:, 1:2], codes, codes[:, -1:]], axis=1)
    colours = np.zeros((3, 6, 12), np.float32)
    for y in range(6):
        for x in range(12):
            channel = 1 if (y + x) % 2 == 0 else 2 * (y % 2)
            colours[channel, y, x] = padded[y, x]
    with torch.no_grad():
        expected = network(torch.from_numpy(colours)[None])[0, :, :, 1:-1].clamp(0, 1) ** 2.2

    found = load_demosaic(tmp_path / "model.bin")(mosaic)

    assert torch.allclose(found, expected, atol=1e-6)


def test_a_batch_of_mosaics(network, tmp_path):
    """Mosaics of a batch are demosaiced one by one."""
    torch.save(network.state_dict(), tmp_path / "model.bin")
    demosaic = load_demosaic(tmp_path / "model.bin")
    mosaics = torch.rand(2, 2, 6, 8)

    assert torch.allclose(demosaic(mosaics)[1, 0], demosaic(mosaics[1, 0]), atol=1e-6)


def test_weights_of_another_network_are_refused(tmp_path):
    """The message names the file and what it lacks."""
    torch.save({"features.0.weight": torch.ones(3)}, tmp_path / "alex.pth")

    with pytest.raises(WeightsError, match=r"alex.pth has no main_processor.pack_mosaic.weight"):
        load_demosaic(tmp_path / "alex.pth")


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_flat_colour_is_kept(red, green, blue):
    """The filters of each colour add up to 1, those of the others to 0."""
    mosaic = torch.tensor([[red, green], [green, blue]], dtype=torch.float64).repeat(3, 4)
    colour = torch.tensor([red, green, blue], dtype=torch.float64).view(3, 1, 1)

    assert torch.allclose(demosaic_linear(mosaic), colour.expand(3, 6, 8), atol=1e-9)


def test_grey_stays_grey():
    """A smooth grey picture comes back, in all colours."""
    ramp = torch.linspace(0.2, 0.8, 16, dtype=torch.float64) ** 2.2
    mosaic = ramp.expand(12, 16)

    picture = demosaic_linear(mosaic)[:, 2:-2, 2:-2]

    assert torch.allclose(picture, mosaic[2:-2, 2:-2].expand_as(picture), atol=1e-12)


def test_green_is_the_papers_filter():
    """At red and blue, green is the published cross of 5 x 5 in the curved domain."""
    mosaic = 0.3 + 0.4 * torch.rand(10, 12, dtype=torch.float64)
    curved = convolve2d(mosaic.numpy() ** (1 / 2.2), GREEN, mode="same", boundary="fill")
    expected = np.clip(curved, 0, 1) ** 2.2

    green = demosaic_linear(mosaic)[1].numpy()

    assert green[2:-2:2, 2:-2:2] == pytest.approx(expected[2:-2:2, 2:-2:2], abs=1e-9)
    assert green[3:-2:2, 3:-2:2] == pytest.approx(expected[3:-2:2, 3:-2:2], abs=1e-9)
    assert green[2::2, 3::2] == pytest.approx(mosaic.numpy()[2::2, 3::2], abs=1e-9)
