"""Muon: orthogonal steps of kernels, AdamW elsewhere."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn, optim

from deghost.train.muon import BETAS, Muon, inner_kernels, orthogonal
from deghost.train.optimisers import make_optimiser
from deghost.train.settings import TrainSettings
from deghost.train.states import put_together, take_apart


def three_layers() -> nn.Sequential:
    """A network whose second convolution is inner."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.GroupNorm(2, 6), nn.Conv2d(6, 5, 3), nn.ReLU(), nn.Conv2d(5, 1, 1)
    )


def learn(network: nn.Module, optimiser: optim.Optimizer, steps: int) -> None:
    """Take steps towards nothing."""
    pictures = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        optimiser.zero_grad()
        network(pictures).square().mean().backward()
        optimiser.step()


@given(st.integers(1, 24), st.integers(1, 24), st.floats(1e-6, 1e6), st.integers(0, 99))
def test_orthogonal_matrices_have_like_singular_values(rows, columns, size, seed):
    """Whatever its shape and size; what is small against the largest is brought up, too."""
    generator = torch.Generator().manual_seed(seed)
    left, _ = torch.linalg.qr(torch.randn(rows, rows, generator=generator))
    right, _ = torch.linalg.qr(torch.randn(columns, columns, generator=generator))
    rank = min(rows, columns)
    values = torch.linspace(1, 0.05, rank)

    found = orthogonal(size * left[:, :rank] * values @ right[:, :rank].T)
    found = left[:, :rank].T @ found @ right[:, :rank]

    assert (found.diagonal() - 1).abs().max() < 0.4
    assert (found - torch.diag(found.diagonal())).abs().max() < 0.01


@pytest.mark.parametrize("left", [1e-10, 1e-20, 1e-30, 1e-40])
def test_units_that_fire_no_more_do_not_move(left):
    """What is left of their momentum is taken for nothing, and the others do not notice."""
    matrix = torch.randn(8, 30, generator=torch.Generator().manual_seed(0))
    faded, gone = matrix.clone(), matrix.clone()
    faded[:3] *= left
    gone[:3] = 0

    assert torch.equal(orthogonal(faded), orthogonal(gone))


def test_kernels_step_as_pytorch_steps_matrices():
    """PyTorch's Muon, which takes matrices only and multiplies in bfloat16."""
    kernel = nn.Parameter(torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(0)))
    matrix = nn.Parameter(kernel.detach().flatten(1).clone())
    start = matrix.detach().clone()
    ours = Muon([kernel], [], lr=0.1, weight_decay=0.01)
    theirs = optim.Muon([matrix], lr=0.1, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")

    for k in range(3):
        gradient = torch.randn(6, 36, generator=torch.Generator().manual_seed(k + 1))
        kernel.grad, matrix.grad = gradient.view(6, 4, 3, 3), gradient.clone()
        ours.step()
        theirs.step()

    moved = (matrix.detach() - start).abs().mean()
    assert (kernel.detach().flatten(1) - matrix.detach()).abs().mean() < 0.02 * moved


def test_all_else_steps_as_adamw():
    """Biases, norms, and the first and last kernels."""
    networks = three_layers(), three_layers()
    for network in networks:
        network[2].weight.requires_grad_(requires_grad=False)
    first = make_optimiser(
        networks[0], TrainSettings(optimiser="muon", learning_rate=0.01, weight_decay=0.1)
    )
    kernels, others = inner_kernels(networks[1])
    second = optim.AdamW(others, 0.01, BETAS, weight_decay=0.1)

    for network, optimiser in zip(networks, (first, second), strict=True):
        learn(network, optimiser, 5)

    assert not kernels
    for ours, theirs in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_the_size_of_a_kernels_gradient_does_not_count():
    """Directions do."""
    found = []
    for scale in (1e-3, 1e3):
        kernel = nn.Parameter(torch.zeros(4, 2, 3, 3))
        optimiser = Muon([kernel], [], lr=1.0)
        kernel.grad = scale * torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(0))
        optimiser.step()
        found.append(kernel.detach())

    assert torch.allclose(*found, atol=1e-4)
    assert found[0].square().mean().sqrt() == pytest.approx(0.2, rel=0.3)


def test_it_goes_on_from_its_state():
    """The next steps are the same from a state that went through JSON; unused weights stay."""
    networks = three_layers(), three_layers()
    settings = TrainSettings(optimiser="muon", learning_rate=0.01)
    optimisers = [make_optimiser(network, settings) for network in networks]
    learn(networks[0], optimisers[0], 2)
    networks[1].load_state_dict(networks[0].state_dict())

    plain, shared = take_apart(optimisers[0].state_dict(), "")
    tensors = {name: tensor.clone() for name, tensor in shared.items()}
    optimisers[1].load_state_dict(put_together(json.loads(json.dumps(plain)), tensors))
    for network, optimiser in zip(networks, optimisers, strict=True):
        learn(network, optimiser, 2)

    for one, other in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(one, other)


def test_weights_without_gradient_stay_and_closures_are_refused():
    """What a loss does not reach is not moved."""
    network = three_layers()
    before = [p.detach().clone() for p in network.parameters()]
    optimiser = make_optimiser(network, TrainSettings(optimiser="muon"))

    optimiser.step()

    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    with pytest.raises(ValueError, match="before"):
        optimiser.step(lambda: 0.0)
