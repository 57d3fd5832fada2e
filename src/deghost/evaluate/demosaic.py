"""Mosaics of rows R G and G B to RGB, for metrics: by fixed filters or by a known network."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from deghost.layers.foreign_weights import Shape, read_foreign
from deghost.radiometry.mosaic import interpolate_mosaic, parity


GAMMA = 2.2  # of the values that are interpolated
DEPTH, WIDTH = 15, 64  # of the network

Mosaic = Float[Tensor, "*batch h w"]
Colours = Float[Tensor, "*batch 3 h w"]
Demosaic = Callable[[Mosaic], Colours]


def demosaic_linear(mosaic: Mosaic) -> Colours:
    """Interpolate linear values in [0, 1] by 5 x 5 filters that heed the other colours' gradient.

    Malvar, He and Cutler, High-quality linear interpolation for demosaicing of Bayer-patterned
    color images, ICASSP 2004; here on values of gamma 2.2. The mosaic is mirrored at its edges.
    """
    return _in_gamma(mosaic, interpolate_mosaic)


def load_demosaic(path: Path) -> Demosaic:
    """Read the weights of the network by which BracketIRE develops, its `isp/model.bin`.

    Gharbi, Chaurasia, Paris and Durand, Deep joint demosaicking and denoising, SIGGRAPH Asia 2016.
    The function that is returned takes linear values in [0, 1] of an even width and height.
    Raises WeightsError if the file is not of that network.
    """
    state = read_foreign(path, _shapes())

    @torch.no_grad()
    def demosaic(mosaic: Mosaic) -> Colours:
        held = {name: weights.to(mosaic) for name, weights in state.items()}
        return _in_gamma(mosaic, lambda plane: _network(plane, held))

    return demosaic


def _in_gamma(
    mosaic: Mosaic, demosaic: Callable[[Float[Tensor, "n 1 h w"]], Float[Tensor, "n 3 h w"]]
) -> Colours:
    h, w = mosaic.shape[-2:]
    colours = demosaic(mosaic.reshape(-1, 1, h, w).clamp(0, 1) ** (1 / GAMMA))
    return (colours.clamp(0, 1) ** GAMMA).reshape(*mosaic.shape[:-2], 3, h, w)


def _network(
    plane: Float[Tensor, "n 1 h w"], state: Mapping[str, Tensor]
) -> Float[Tensor, "n 3 h w"]:
    """Demosaic by the network, which knows mosaics of rows G R and B G: one column is added.

    The last column is repeated, though its colour is wrong there, as the benchmark does.
    """
    padded = torch.cat([plane[..., 1:2], plane, plane[..., -1:]], dim=-1)
    even_row, even_column = parity(padded)
    red, blue = even_row & ~even_column, ~even_row & even_column
    mosaic = padded * torch.stack([red, ~(red | blue), blue]).to(padded)

    def convolve(maps: Tensor, name: str, **more: int) -> Tensor:
        return functional.conv2d(maps, state[f"{name}.weight"], state[f"{name}.bias"], **more)

    maps = convolve(mosaic, "main_processor.pack_mosaic", stride=2)
    for number in range(1, DEPTH + 1):
        maps = convolve(maps, f"main_processor.conv{number}", padding=1).relu()
    filters, masks = maps.split(WIDTH, dim=1)
    residual = convolve(filters * masks, "residual_predictor")
    upsampler = state["upsampler.weight"], state["upsampler.bias"]
    detail = functional.conv_transpose2d(residual, *upsampler, stride=2, groups=3)
    full = torch.cat([mosaic, detail], dim=1)
    full = convolve(full, "fullres_processor.post_conv", padding=1).relu()
    return convolve(full, "fullres_processor.output")[..., 1:-1]


def _shapes() -> dict[str, Shape]:
    """The names and shapes of the network's weights and biases."""
    weights: dict[str, Shape] = {"main_processor.pack_mosaic": (4, 3, 2, 2)}
    widths = [4, *[WIDTH] * (DEPTH - 1), 2 * WIDTH]
    for number in range(1, DEPTH + 1):
        name = f"main_processor.conv{number}"
        weights[name] = (widths[number], widths[number - 1], 3, 3)
    weights["residual_predictor"] = (12, WIDTH, 1, 1)
    weights["upsampler"] = (12, 1, 2, 2)
    weights["fullres_processor.post_conv"] = (WIDTH, 6, 3, 3)
    weights["fullres_processor.output"] = (3, WIDTH, 1, 1)
    biases = {name: shape[:1] for name, shape in weights.items()} | {"upsampler": (3,)}
    return {f"{name}.weight": shape for name, shape in weights.items()} | {
        f"{name}.bias": shape for name, shape in biases.items()
    }
