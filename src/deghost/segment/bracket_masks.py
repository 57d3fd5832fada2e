"""Masks of where the frames of packed brackets are well exposed, for networks that take them."""

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.layers.reconstructor import BracketBatch
from deghost.segment.exposure import Side
from deghost.types import Mask


MakeMask = Callable[[Float[Tensor, "3 h w"], Side], Mask]  # see `deghost.segment.exposure.MASKS`


def ones_mask(encoded: Float[Tensor, "3 h w"], side: Side) -> Mask:
    """Believe every pixel of either side: what the masks are compared with.

    Example:
        >>> ones_mask(torch.rand(3, 1, 2), "dark")
        tensor([[1., 1.]])
    """
    return torch.ones_like(encoded[0])


def with_masks(batch: BracketBatch, make: MakeMask) -> BracketBatch:
    """Add a mask for each `srgb6` frame, made from its codes; the reference's is all ones."""

    def mask(codes: Float[Tensor, "3 h w"], k: int) -> Mask:
        if k == batch.reference:
            return torch.ones_like(codes[0])
        return make(codes, "dark" if k < batch.reference else "bright")

    masks = [
        torch.stack([mask(codes, k) for k, codes in enumerate(bracket)])
        for bracket in batch.frames[:, :, :3]
    ]
    return replace(batch, masks=torch.stack(masks))
