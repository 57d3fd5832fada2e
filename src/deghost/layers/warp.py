"""Reading feature maps between their pixels."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


Outside = Literal["zeros", "border"]


def sample(
    features: Float[Tensor, "b c h w"], positions: Float[Tensor, "b 2 *size"], outside: Outside
) -> Float[Tensor, "b c *size"]:
    """Read features at positions, x then y in pixels, by bilinear interpolation.

    Pixels outside count as zero, or as their nearest neighbour on the border. Done in the
    precision of the positions: half-precision coordinates would be off by pixels.

    Example:
        >>> row = torch.tensor([1.0, 2.0, 4.0]).view(1, 1, 1, 3)
        >>> positions = torch.tensor([[0.5, 2.5], [0.0, 0.0]]).view(1, 2, 1, 2)
        >>> sample(row, positions, "zeros").flatten()
        tensor([1.5000, 2.0000])
    """
    height, width = features.shape[-2:]
    x, y = positions.unbind(1)
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    values = features.to(grid.dtype)
    return F.grid_sample(values, grid, padding_mode=outside, align_corners=False)


def pixel_grid(like: Float[Tensor, "*any h w"]) -> Float[Tensor, "2 h w"]:
    """Give the position of every pixel of a map, x then y, in float32.

    Example:
        >>> pixel_grid(torch.zeros(1, 2))
        tensor([[[0., 1.]],
        <BLANKLINE>
                [[0., 0.]]])
    """
    height, width = like.shape[-2:]
    x = torch.arange(width, dtype=torch.float32, device=like.device)
    y = torch.arange(height, dtype=torch.float32, device=like.device)
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)])


def warp(
    features: Float[Tensor, "b c h w"], flow: Float[Tensor, "b 2 h w"], outside: Outside = "zeros"
) -> Float[Tensor, "b c h w"]:
    """Fetch for every pixel what lies at its place plus the flow, x then y in pixels."""
    return sample(features, pixel_grid(flow) + flow, outside).to(features.dtype)
