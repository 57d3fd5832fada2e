"""Muon: kernels step in every direction alike, the rest as AdamW has it.

Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024: a kernel's momentum,
as a matrix of its outputs, is made orthogonal before it is added. Steps are scaled to the size of
AdamW's, so that one learning rate serves both, as Liu et al., Muon is scalable for LLM training,
2025, found. Measured here: docs/training.md.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer


MOMENTUM = 0.95
BETAS = (0.9, 0.99)  # of what AdamW steps
TINY = 1e-8
QUINTIC = (3.4445, -4.7750, 2.0315)  # of Jordan et al.: fast, to singular values of 0.7 to 1.2
ROUNDS = 5
FADED = 1e-8  # of the norm: units that fire no more; their squares would slow a processor
SIZE = 0.2  # root mean square of a step of AdamW, in learning rates, as Liu et al. measured it


class Muon(Optimizer):
    """Steps convolution kernels by Muon, all else by AdamW."""

    def __init__(
        self,
        kernels: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        lr: float,
        weight_decay: float = 0.0,
    ) -> None:
        groups = [
            {"params": list(kernels), "orthogonal": True},
            {"params": list(others), "orthogonal": False},
        ]
        groups = [group for group in groups if group["params"]]
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Step every parameter that has a gradient. Raises ValueError for a closure."""
        if closure is not None:
            raise ValueError("Muon evaluates nothing again; compute the gradients before")
        for group in self.param_groups:
            direction = _along_kernel if group["orthogonal"] else _along_moments
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                step = direction(self.state[parameter], parameter.grad)
                parameter.add_(step, alpha=-group["lr"])


def inner_kernels(network: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Part what is trained: kernels but the first and the last, which meet data; and the rest.

    Example:
        >>> network = nn.Sequential(*(nn.Conv2d(4, 4, 3) for _ in range(3)))
        >>> [len(part) for part in inner_kernels(network)]
        [1, 5]
    """
    trained = [p for p in network.parameters() if p.requires_grad]
    kernels = [p for p in trained if p.ndim > 2][1:-1]
    inner = {id(p) for p in kernels}
    return kernels, [p for p in trained if id(p) not in inner]


def orthogonal(matrix: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    """Bring all singular values to about 1, by a quintic iteration that needs products only."""
    wide = matrix if len(matrix) <= matrix.shape[1] else matrix.T
    wide = functional.hardshrink(wide / (wide.norm() + TINY), FADED)
    a, b, c = QUINTIC
    for _ in range(ROUNDS):
        square = wide @ wide.T
        wide = a * wide + (b * square + c * square @ square) @ wide
    return wide if len(matrix) <= matrix.shape[1] else wide.T


def _along_kernel(state: dict[str, Any], gradient: Tensor) -> Tensor:
    if not state:
        state["momentum"] = torch.zeros_like(gradient)
    state["momentum"].lerp_(gradient, 1 - MOMENTUM)
    ahead = gradient.lerp(state["momentum"], MOMENTUM).flatten(1)
    return (orthogonal(ahead) * SIZE * max(ahead.shape) ** 0.5).view(gradient.shape)


def _along_moments(state: dict[str, Any], gradient: Tensor) -> Tensor:
    if not state:
        state["step"] = 0
        state["mean"], state["square"] = torch.zeros_like(gradient), torch.zeros_like(gradient)
    state["step"] += 1
    state["mean"].lerp_(gradient, 1 - BETAS[0])
    state["square"].lerp_(gradient.square(), 1 - BETAS[1])
    mean, square = (
        state[name] / (1 - beta ** state["step"])
        for name, beta in zip(("mean", "square"), BETAS, strict=True)
    )
    return mean / (square.sqrt() + TINY)
