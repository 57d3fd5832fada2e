"""The loop, on a network of one number."""

import pytest
import torch
from torch import nn, optim

from deghost.train.loop import Trainee, follow, train
from deghost.train.processes import Process
from deghost.train.settings import LoopSettings


HERE = Process(torch.device("cpu"))


class Line(nn.Module):
    def __init__(self, slope=0.0):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor([slope]))
        self.register_buffer("seen", torch.tensor(0))

    def forward(self, x):
        return self.slope * x


def distance(network, batch):
    x, y = batch
    return (network(x) - y).square().mean()


BATCH = (torch.tensor([1.0, 2.0]), torch.tensor([3.0, 6.0]))


def test_a_step_is_what_the_optimiser_makes_of_the_gradient():
    """One step of gradient descent on (2 x - 3 x)^2 is worked out by hand."""
    network = Line(2.0)
    trainee = Trainee(network, optim.SGD(network.parameters(), 0.1))

    step = next(train(trainee, [BATCH], distance, LoopSettings(clip=100.0), HERE))

    assert step.loss.item() == pytest.approx((1 + 4) / 2)
    assert step.gradient.item() == pytest.approx(5.0)  # |d/ds of (1 + 4) / 2 * (s - 3)^2|
    assert network.slope.item() == pytest.approx(2.5)
    assert (step.number, trainee.step, step.rate) == (1, 1, 0.1)


def test_gradients_are_clipped():
    """A gradient of norm 5 moves the slope as far as one of norm 1."""
    network = Line(2.0)
    trainee = Trainee(network, optim.SGD(network.parameters(), 0.1))

    list(train(trainee, [BATCH], distance, LoopSettings(clip=1.0), HERE))

    assert network.slope.item() == pytest.approx(2.1, abs=1e-5)


def test_the_loop_ends_with_its_batches():
    """A step a batch, and no more."""
    network = Line()
    trainee = Trainee(network, optim.Adam(network.parameters()))

    steps = list(train(trainee, [BATCH] * 4, distance, LoopSettings(), HERE))

    assert [step.number for step in steps] == [1, 2, 3, 4]


def test_the_average_follows():
    """The average moves a tenth of the way at a decay of 0.9; what is no weight is copied."""
    average, network = Line(0.0), Line(1.0)
    network.seen += 7

    follow(average, network, 0.9)

    assert average.slope.item() == pytest.approx(0.1)
    assert average.seen.item() == 7


def test_the_schedule_sets_the_rate_of_the_next_step():
    """A rate that halves at every step is reported as it was used."""
    network = Line()
    optimiser = optim.SGD(network.parameters(), 0.4)
    schedule = optim.lr_scheduler.LambdaLR(optimiser, lambda step: 0.5**step)

    rates = [
        step.rate
        for step in train(
            Trainee(network, optimiser, schedule), [BATCH] * 3, distance, LoopSettings(), HERE
        )
    ]

    assert rates == pytest.approx([0.4, 0.2, 0.1])


def test_bfloat16_is_used_when_asked_for():
    """The network's products are of the lower precision, its weights stay single floats."""
    network = nn.Linear(4, 1)
    kinds = []

    def loss(module, batch):
        out = module(batch)
        kinds.append(out.dtype)
        return out.float().square().mean()

    trainee = Trainee(network, optim.SGD(network.parameters(), 0.1))
    list(train(trainee, [torch.ones(2, 4)], loss, LoopSettings(precision="bfloat16"), HERE))

    assert kinds == [torch.bfloat16]
    assert network.weight.dtype == torch.float32
