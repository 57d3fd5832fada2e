"""The steerable pyramid of HDR-VDP-2: pictures into bands of frequency and direction, and back.

Simoncelli and Freeman, "The steerable pyramid: a flexible architecture for multi-scale
derivative computation" (ICIP 1995), with spatial kernels and pictures continued by reflection
about their edge pixels. Kernels are applied as products of spectra, which for these sizes is
several times faster than sliding them.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional

from deghost.evaluate.hdrvdp2_filters import FIRST_LOW, HIGH, LOW, oriented_kernels, round_kernel


SMALLEST = 17  # pixels; a smaller picture has no room for the kernels

Pictures = Float[Tensor, "n h w"]
Kernels = Float64[Tensor, "k side side"]


def decompose(pictures: Pictures) -> Iterator[tuple[int, Float[Tensor, "n _ _"]]]:
    """Yield the bands of pictures with their number: 0, a high pass; four of each level; a low pass.

    Each level is half as large as the one before.
    """
    split, levels = _kernels()
    high, low = correlate(pictures, split)
    yield 0, high
    last = height(pictures.shape[1:]) + 1
    for number in range(1, last):
        filtered = correlate(low, levels)
        for _ in range(len(levels) - 1):
            yield number, next(filtered)
        low = next(filtered)[:, ::2, ::2].contiguous()
    yield last, low


def compose(bands: Sequence[Sequence[Float[Tensor, "n _ _"]]]) -> Pictures:
    """Rebuild pictures from the bands of `decompose`, nearly as they were.

    Example:
        >>> picture = torch.rand(1, 40, 50, generator=torch.Generator().manual_seed(1))
        >>> bands = [[band for n, band in decompose(picture) if n == number] for number in range(4)]
        >>> bool((compose(bands) - picture).abs().max() < 0.02)
        True
    """
    split, levels = _kernels()
    (high,), *oriented, (low,) = bands
    for directions in reversed(oriented):
        wide = spread(low, directions[0].shape[1:])
        low = convolve([*directions, wide], levels)
    return convolve([high, low], split)


def height(size: Sequence[int]) -> int:
    """Count the levels for which a picture of a size has room.

    Example:
        >>> height((1000, 1500)), height((33, 400)), height((34, 400))
        (6, 1, 2)
    """
    smaller = min(size)
    return 0 if smaller < SMALLEST else 1 + height((smaller // 2,))


def spread(picture: Float[Tensor, "n h w"], size: Sequence[int]) -> Float[Tensor, "n tall wide"]:
    """Put a picture's pixels on the even rows and columns of a larger one that is else zero."""
    wide = picture.new_zeros(picture.shape[0], *size)
    wide[:, ::2, ::2] = picture
    return wide


def correlate(pictures: Pictures, kernels: Kernels) -> Iterator[Pictures]:
    """Yield the pictures, continued by reflection, correlated with one kernel after the other."""
    h, w = pictures.shape[1:]
    frame = _frame(pictures[0], kernels)
    spectra = [_spectrum(picture, frame, kernels) for picture in pictures]
    for kernel in kernels.to(pictures):
        weights = torch.fft.rfft2(kernel, s=frame).conj_physical_()
        filtered = [torch.fft.irfft2(spectrum * weights, s=frame) for spectrum in spectra]
        yield torch.stack([picture[:h, :w] for picture in filtered])


def convolve(pictures: Sequence[Pictures], kernels: Kernels) -> Pictures:
    """Convolve one picture with each kernel, continued by reflection, and add the results."""
    h, w = pictures[0].shape[1:]
    frame = _frame(pictures[0][0], kernels)
    total = pictures[0].new_zeros(
        (len(pictures[0]), frame[0], frame[1] // 2 + 1), dtype=torch.complex64
    )
    for picture, kernel in zip(pictures, kernels.to(pictures[0]), strict=True):
        total = total + _spectrum(picture, frame, kernels) * torch.fft.rfft2(kernel, s=frame)
    start = 2 * (kernels.shape[-1] // 2)
    return torch.fft.irfft2(total, s=frame)[:, start : start + h, start : start + w]


@lru_cache(maxsize=1024)
def good_size(least: int) -> int:
    """Find the next length without prime factors above 5, which transforms fast.

    Example:
        >>> good_size(1016), good_size(1518)
        (1024, 1536)
    """
    rest = least
    for factor in (2, 3, 5):
        while rest % factor == 0:
            rest //= factor
    return least if rest == 1 else good_size(least + 1)


def _spectrum(
    pictures: Float[Tensor, "n h w"], reach: int, frame: tuple[int, int]
) -> Float[Tensor, "..."]:
    """The spectrum of pictures continued by reflection over `reach` pixels."""
    continued = functional.pad(pictures[None], (reach,) * 4, mode="reflect")[0]
    return torch.fft.rfft2(continued, s=frame)


@lru_cache(maxsize=1)
def _kernels() -> tuple[Kernels, Kernels]:
    """The kernels of the first split, high and low, and those of each level, the low one last."""
    first = functional.pad(round_kernel(FIRST_LOW), (3,) * 4)
    oriented = functional.pad(oriented_kernels(), (4,) * 4)
    split = torch.stack([round_kernel(HIGH), first])
    return split, torch.cat([oriented, round_kernel(LOW)[None]])
