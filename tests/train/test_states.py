"""States taken apart and put together."""

import json

import torch
from torch import nn, optim

from deghost.train.states import put_together, take_apart


def test_any_state_comes_back_from_plain_data():
    """Tuples, numbers as keys, None and tensors survive JSON."""
    state = {"betas": (0.9, 0.99), "state": {0: {"m": torch.ones(2)}, 1: None}, "list": [1, "a"]}

    plain, tensors = take_apart(state, "x")
    back = put_together(json.loads(json.dumps(plain)), tensors)

    assert torch.equal(back["state"][0].pop("m"), torch.ones(2))
    assert back == {"betas": (0.9, 0.99), "state": {0: {}, 1: None}, "list": [1, "a"]}


def test_an_optimiser_goes_on_from_its_state():
    """Adam makes the same next step from a state that went through JSON."""
    networks = [nn.Linear(2, 1) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    optimisers = [optim.Adam(network.parameters(), 0.1) for network in networks]
    networks[0](torch.ones(1, 2)).sum().backward()
    optimisers[0].step()
    networks[1].load_state_dict(networks[0].state_dict())

    plain, shared = take_apart(optimisers[0].state_dict(), "")
    tensors = {name: tensor.clone() for name, tensor in shared.items()}
    optimisers[1].load_state_dict(put_together(json.loads(json.dumps(plain)), tensors))
    for network, optimiser in zip(networks, optimisers, strict=True):
        network.zero_grad()
        network(torch.ones(1, 2)).square().sum().backward()
        optimiser.step()

    assert torch.equal(networks[0].weight, networks[1].weight)
