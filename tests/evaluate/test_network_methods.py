"""Networks as methods of a benchmark."""

from typing import ClassVar

import pytest
import torch

from deghost.evaluate.network_methods import NetworkMethod
from deghost.evaluate.tiles import Cut
from deghost.layers.reconstructor import Reconstruction, Reconstructor
from deghost.models.vam import VAM
from deghost.types import Scene


class Middle(Reconstructor):
    """Gives back the radiance of the reference."""

    multiple_of: ClassVar[int] = 1

    @property
    def frames(self):
        return 3

    def forward(self, batch):
        return Reconstruction(batch.frames[:, batch.reference, 3:])


@pytest.fixture
def scene():
    torch.manual_seed(1)
    codes = torch.rand(3, 3, 20, 30)
    return Scene("a", codes, torch.tensor([0.5, 2.0, 8.0]), 1, "gamma2.2")


@pytest.mark.parametrize(
    "cut", [Cut("official", tile=16, overlap=8), Cut("overlap", tile=16, overlap=4), Cut("full")]
)
def test_tiles_make_the_whole_in_the_scale_of_the_truth(scene, cut):
    """However frames are cut, what a network makes of each pixel comes to its place."""
    made = NetworkMethod(Middle(), cut)(scene)

    assert torch.allclose(made, scene.frames[1] ** 2.2 / 2.0, atol=1e-5)


@torch.inference_mode()
def test_masks_are_of_whole_frames(scene):
    """A network that takes masks gets those of frames, not of tiles; at white edges they are 1."""
    seen = []

    def none_at_all(codes, side):
        seen.append((side, codes.shape[-2:]))
        return torch.zeros_like(codes[0])

    NetworkMethod(VAM().eval(), Cut("official", tile=32, overlap=0), none_at_all)(scene)

    assert seen == [("dark", (20, 30)), ("bright", (20, 30))]
