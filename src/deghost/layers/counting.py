"""What a network costs: parameters and multiplications, counted and not measured."""

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.flop_counter import FlopCounterMode

from deghost.layers.reconstructor import BracketBatch, Reconstructor


def count_parameters(network: nn.Module, statistics: bool = False) -> int:
    """Count the numbers that training changes, on request with the statistics of batch norm.

    Keras counts with them: each channel has a running mean and a running variance.

    Example:
        >>> norm = torch.nn.BatchNorm2d(8)
        >>> count_parameters(norm), count_parameters(norm, statistics=True)
        (16, 32)
    """
    trained = sum(parameter.numel() for parameter in network.parameters())
    norms = (m for m in network.modules() if isinstance(m, _BatchNorm))
    return trained + statistics * sum(2 * norm.num_features for norm in norms)


def count_parameters_in_use(network: Reconstructor, batch: BracketBatch) -> int:
    """Count the parameters that a reconstruction depends on; nothing is computed."""
    sketch = deepcopy(network).to("meta").train()
    made = sketch(_on_meta(batch))
    results = [made.radiance, *made.maps.values(), *made.features]
    sums = [result.float().sum() for result in results if result.requires_grad]
    torch.stack(sums).sum().backward()
    return sum(p.numel() for p in sketch.parameters() if p.grad is not None)


def count_macs(network: nn.Module, *given: Tensor | BracketBatch) -> int:
    """Count the multiply-accumulate operations of a network on what it is given.

    Those of convolutions, linear layers, matrix products and attention count, without biases.
    Norms, activations, pooling, warping and element-wise products do not. Nothing is computed.

    Example:
        >>> layer = torch.nn.Conv2d(8, 4, 3, padding=1)
        >>> count_macs(layer, torch.rand(1, 8, 10, 10))  # 8 * 4 * 9 * 100
        28800
    """
    sketch = deepcopy(network).to("meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        sketch(*(_on_meta(g) if isinstance(g, BracketBatch) else _sketch(g) for g in given))
    return int(counter.get_total_flops()) // 2


def _on_meta(batch: BracketBatch) -> BracketBatch:
    """Keep the shapes of a batch and forget its values."""
    masks = None if batch.masks is None else _sketch(batch.masks)
    return BracketBatch(_sketch(batch.frames), _sketch(batch.exposures), batch.reference, masks)


def _sketch(values: Tensor) -> Tensor:
    return torch.empty_like(values, device="meta")
