from dataclasses import replace
from typing import ClassVar

import torch
from torch import nn

from deghost.layers.counting import count_macs, count_parameters, count_parameters_in_use
from deghost.layers.reconstructor import BracketBatch, Reconstruction, Reconstructor


class Tiny(Reconstructor):
    """A convolution, a norm and a linear layer, and one layer that never runs."""

    multiple_of: ClassVar[int] = 2

    def __init__(self):
        super().__init__()
        self.wide = nn.Conv2d(12, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.mix = nn.Linear(8, 3, bias=False)
        self.idle = nn.Conv2d(8, 8, 1)

    @property
    def frames(self):
        return 2

    def forward(self, batch):
        features = self.norm(self.wide(batch.frames.flatten(1, 2)))
        return Reconstruction(self.mix(features.movedim(1, -1)).movedim(-1, 1))


BATCH = BracketBatch(torch.rand(1, 2, 6, 10, 20), torch.ones(1, 2), 0)


def test_parameters_are_counted_by_hand():
    """Idle layers are declared but not in use; Keras counts the statistics of norms, too."""
    network = Tiny()
    used = (12 * 9 + 1) * 8 + 2 * 8 + 8 * 3

    assert count_parameters(network) == used + 8 * 8 + 8
    assert count_parameters(network, statistics=True) == used + 8 * 8 + 8 + 2 * 8
    assert count_parameters_in_use(network, BATCH) == used


def test_multiplications_are_counted_by_hand():
    """A convolution counts its kernel at every place where it is put, a linear layer its matrix."""
    assert count_macs(Tiny(), BATCH) == 5 * 10 * (12 * 9 * 8 + 8 * 3)


def test_counting_changes_nothing():
    """The network counted keeps its place, its mode and its numbers."""
    network = Tiny().eval()
    before = network(BATCH).radiance

    count_parameters_in_use(network, BATCH)
    count_macs(network, replace(BATCH, masks=torch.ones(1, 2, 10, 20)))

    assert torch.equal(network(BATCH).radiance, before)
    assert all(parameter.grad is None for parameter in network.parameters())
