"""Mosaics of rows R G and G B: where their colours lie, and what is missing between them."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


# Filters in sixteenths; each estimates a colour that a pixel lacks from its surroundings.
ACROSS = ((0, 0, -2, 0, 0), (0, 0, 4, 0, 0), (-2, 4, 8, 4, -2), (0, 0, 4, 0, 0), (0, 0, -2, 0, 0))
ALONG = ((0, 0, 1, 0, 0), (0, -2, 0, -2, 0), (-2, 8, 10, 8, -2), (0, -2, 0, -2, 0), (0, 0, 1, 0, 0))
UPRIGHT = tuple(zip(*ALONG, strict=True))
SLANTED = ((0, 0, -3, 0, 0), (0, 4, 0, 4, 0), (-3, 0, 12, 0, -3), (0, 4, 0, 4, 0), (0, 0, -3, 0, 0))


def interpolate_mosaic(plane: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Interpolate the colours that pixels lack by 5 x 5 filters that heed the others' gradient.

    Malvar, He and Cutler, High-quality linear interpolation for demosaicing of Bayer-patterned
    color images, ICASSP 2004. The mosaic is mirrored at its edges; results may leave its range.
    """
    kernels = plane.new_tensor([ACROSS, ALONG, UPRIGHT, SLANTED])[:, None] / 16
    estimates = functional.conv2d(functional.pad(plane, (2,) * 4, mode="reflect"), kernels)
    across, along, upright, slanted = estimates.unbind(1)
    seen = plane[:, 0]
    even_row, even_column = parity(plane)
    red, blue = even_row & even_column, ~even_row & ~even_column
    red_at_green = torch.where(even_row, along, upright)
    blue_at_green = torch.where(even_row, upright, along)
    return torch.stack(
        [
            torch.where(red, seen, torch.where(blue, slanted, red_at_green)),
            torch.where(red | blue, across, seen),
            torch.where(blue, seen, torch.where(red, slanted, blue_at_green)),
        ],
        dim=1,
    )


def parity(plane: Float[Tensor, "n _ h w"]) -> tuple[Tensor, Tensor]:
    """Which pixels lie in even rows, and which in even columns."""
    h, w = plane.shape[-2:]
    rows = torch.arange(h, device=plane.device)[:, None] % 2 == 0
    columns = torch.arange(w, device=plane.device)[None] % 2 == 0
    return rows.expand(h, w), columns.expand(h, w)
