"""Bicubic resizing as MATLAB's `imresize` does it, on which several published metrics rest."""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor


BLOCK = 64  # outputs computed by one small matrix product

Taps = tuple[Int64[np.ndarray, "out taps"], Float64[np.ndarray, "out taps"]]


def resize_bicubic(
    images: Float[Tensor, "*n h w"], size: tuple[int, int]
) -> Float[Tensor, "*n out_h out_w"]:
    """Resize images by Keys' cubic (a = -1/2), widened when shrinking, mirrored at the edges.

    Keys, "Cubic convolution interpolation for digital image processing" (IEEE ASSP 1981).

    Example:
        >>> resize_bicubic(torch.arange(8.0)[None], (1, 4))
        tensor([[0.4492, 2.4883, 4.5117, 6.5508]])
    """
    if size == tuple(images.shape[-2:]):
        return images
    shorter = _resize_rows(images, size[0])
    return _resize_rows(shorter.mT, size[1]).mT


def _resize_rows(images: Float[Tensor, "*n h w"], rows: int) -> Float[Tensor, "*n rows w"]:
    """Resize the first image axis, block of rows by block of rows."""
    if rows == images.shape[-2]:
        return images
    resized = images.new_empty((*images.shape[:-2], rows, images.shape[-1]))
    for start, first, weights in _blocks(images.shape[-2], rows):
        part = images[..., first : first + weights.shape[1], :]
        torch.matmul(
            weights.to(images), part, out=resized[..., start : start + weights.shape[0], :]
        )
    return resized


@lru_cache(maxsize=64)
def _blocks(length: int, outputs: int) -> list[tuple[int, int, Float64[Tensor, "out in"]]]:
    """The first output, the first input and the weights between them of each block."""
    sources, weights = _taps(length, outputs)
    blocks = []
    for start in range(0, outputs, BLOCK):
        chosen = sources[start : start + BLOCK]
        first = int(chosen.min())
        matrix = np.zeros((len(chosen), int(chosen.max()) - first + 1))
        rows = np.arange(len(chosen))[:, None]
        np.add.at(matrix, (rows, chosen - first), weights[start : start + BLOCK])
        blocks.append((start, first, torch.from_numpy(matrix)))
    return blocks


def _taps(length: int, outputs: int) -> Taps:
    """The inputs that each output is a sum of, mirrored at the edges, and their weights."""
    scale = outputs / length
    stretch = min(scale, 1.0)
    centres = (np.arange(outputs) + 0.5) / scale - 0.5
    reach = int(np.ceil(2 / stretch))
    sources = np.floor(centres).astype(np.int64)[:, None] + np.arange(1 - reach, reach + 1)
    weights = stretch * _cubic(stretch * (sources - centres[:, None]))
    position = sources % (2 * length)
    mirrored = np.where(position < length, position, 2 * length - 1 - position)
    return mirrored, weights / weights.sum(1, keepdims=True)


def _cubic(distance: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
    """Keys' cubic with a = -1/2."""
    d = np.abs(distance)
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return np.where(d <= 1, near, np.where(d <= 2, far, 0.0))
