"""Convolutions together with what follows them, in one pass over memory where PyTorch can.

On a processor, storing features and reading them again costs as much as multiplying them. oneDNN
rectifies what a convolution finds, or adds it to other features, before it is stored. PyTorch's
compiler calls the same two operators; without it they are called here, where nothing is
differentiated. They round once where two steps would round twice.
"""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


_OPERATORS = "_convolution_pointwise", "_convolution_pointwise_", "_is_mkldnn_bf16_supported"
_ONE_PASS = all(hasattr(torch.ops.mkldnn, name) for name in _OPERATORS)


def rectified(convolution: nn.Conv2d, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h2 w2"]:
    """ReLU of what a convolution finds."""
    if not _can_fuse(convolution, x):
        return functional.relu(convolution(x), inplace=True)
    parameters = _parameters(convolution, x)
    fused = torch.ops.mkldnn._convolution_pointwise(x, *parameters, "relu", [], "")
    return cast("Tensor", fused)


def add_convolved(
    features: Float[Tensor, "b d h2 w2"], convolution: nn.Conv2d, x: Float[Tensor, "b c h w"]
) -> Float[Tensor, "b d h2 w2"]:
    """Features with what a convolution finds in `x` added: they are given up, and may change."""
    whole = features.is_contiguous(memory_format=torch.channels_last)
    if not whole or features.dtype != x.dtype or not _can_fuse(convolution, x):
        return cast("Tensor", convolution(x).add_(features))
    parameters = _parameters(convolution, x)
    torch.ops.mkldnn._convolution_pointwise_(features, x, *parameters, "add", 1.0, None, [], "")
    return features


def _can_fuse(convolution: nn.Conv2d, x: Tensor) -> bool:
    """Whether the operators take these features as they are, and nothing asks for a gradient."""
    here = x.device.type == "cpu" and x.is_contiguous(memory_format=torch.channels_last)
    plain = not (torch.is_grad_enabled() or torch.compiler.is_compiling())
    known = isinstance(convolution.padding, tuple) and convolution.padding_mode == "zeros"
    return _ONE_PASS and here and plain and known and _can_multiply(convolution, x.dtype)


def _can_multiply(convolution: nn.Conv2d, numbers: torch.dtype) -> bool:
    """Whether a convolution would multiply in these numbers, and oneDNN here can."""
    short = torch.is_autocast_enabled("cpu")
    wanted = torch.get_autocast_dtype("cpu") if short else convolution.weight.dtype
    if numbers != wanted or not torch.backends.mkldnn.enabled:
        return False
    if numbers == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return numbers == torch.float32


def _parameters(convolution: nn.Conv2d, x: Tensor) -> tuple[object, ...]:
    """What both operators ask for: weights in the numbers of the features, and geometry."""
    bias = convolution.bias
    return (
        convolution.weight.to(x.dtype),
        None if bias is None else bias.to(x.dtype),
        convolution.padding,
        convolution.stride,
        convolution.dilation,
        convolution.groups,
    )
