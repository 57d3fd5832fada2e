"""Convolution whose taps lie where the content asks (Zhu et al., Deformable ConvNets v2, 2019)."""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from deghost.layers.warp import pixel_grid, sample


def deformable_convolution(
    features: Float[Tensor, "b c h w"],
    offsets: Float[Tensor, "b groups taps 2 h w"],
    trust: Float[Tensor, "b groups taps h w"],
    weight: Float[Tensor, "out group_c kernel kernel"],
) -> Float[Tensor, "b out h w"]:
    """Convolve in groups of channels, each tap moved by its own offset and scaled by its trust.

    Offsets are x then y in pixels, added to where the tap lies in an ordinary convolution with
    zero padding and stride 1; taps run row by row. One tap is read at a time, so that no more
    than one copy of the features is made at once.
    """
    batch, groups = offsets.shape[:2]
    size = weight.shape[-1]
    grid = pixel_grid(features)
    grouped = rearrange(features, "b (g c) h w -> (b g) c h w", g=groups)
    result: Tensor | None = None
    for tap in range(size * size):
        row, column = divmod(tap, size)
        centre = grid + grid.new_tensor([column - size // 2, row - size // 2])[:, None, None]
        positions = rearrange(offsets[:, :, tap].float() + centre, "b g xy h w -> (b g) xy h w")
        values = sample(grouped, positions, "zeros").to(features.dtype)
        values = rearrange(values, "(b g) c h w -> b g c h w", b=batch) * trust[:, :, tap, None]
        part = F.conv2d(values.flatten(1, 2), weight[:, :, row, column, None, None], groups=groups)
        result = part if result is None else result + part
    assert result is not None
    return result


class DeformableConvolution(nn.Module):
    """The weights of a modulated deformable convolution; offsets and trust are given to it."""

    def __init__(self, channels: int, width: int, groups: int, size: int = 3) -> None:
        super().__init__()
        self.groups, self.size = groups, size
        self.weight = nn.Parameter(torch.empty(width, channels // groups, size, size))
        self.bias = nn.Parameter(torch.zeros(width))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))

    def forward(
        self,
        features: Float[Tensor, "b c h w"],
        offsets: Float[Tensor, "b groups taps 2 h w"],
        trust: Float[Tensor, "b groups taps h w"],
    ) -> Float[Tensor, "b out h w"]:
        """Convolve features; see `deformable_convolution`."""
        result = deformable_convolution(features, offsets, trust, self.weight)
        return result + self.bias[:, None, None]
