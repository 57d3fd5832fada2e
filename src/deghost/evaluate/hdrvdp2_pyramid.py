"""The steerable pyramid of HDR-VDP-2: pictures into bands of frequency and direction, and back.

Simoncelli and Freeman, "The steerable pyramid: a flexible architecture for multi-scale
derivative computation" (ICIP 1995), with spatial kernels and pictures continued by reflection
about their edge pixels. Kernels are applied as products of spectra, which for these sizes is
several times faster than sliding them.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import torch
from jaxtyping import Complex, Float, Float64
from torch import Tensor
from torch.nn import functional

from deghost.evaluate.hdrvdp2_filters import FIRST_LOW, HIGH, LOW, oriented_kernels, round_kernel


SMALLEST = 17  # pixels; a smaller picture has no room for the kernels

Map = Float[Tensor, "h w"]
Band = Sequence[Float[Tensor, "_ _"]]  # a map of each direction; bands differ in size
Pictures = Float[Tensor, "n h w"]
Kernels = Float64[Tensor, "k side side"]


def decompose(pictures: Pictures) -> Iterator[tuple[int, Float[Tensor, "n band_h band_w"]]]:
    """Yield the bands of pictures, each with the number of its level, fine to coarse.

    Level 0 is one high pass, the last level one low pass; those between have four directions
    and are half as large as the one before.
    """
    high, low = correlate(pictures, split_kernels())
    yield 0, high
    last = height(pictures.shape[1:]) + 1
    for number in range(1, last):
        filtered = correlate(low, level_kernels())
        for _ in range(len(level_kernels()) - 1):
            yield number, next(filtered)
        low = next(filtered)[:, ::2, ::2].contiguous()
    yield last, low


def compose(bands: Sequence[Band]) -> Map:
    """Rebuild a picture from the directions of each level, nearly as it was.

    Example:
        >>> picture = torch.rand(1, 40, 50, generator=torch.Generator().manual_seed(1))
        >>> bands = [[], [], [], []]
        >>> for level, band in decompose(picture):
        ...     bands[level].append(band[0])
        >>> bool((compose(bands) - picture[0]).std() < 0.03)
        True
    """
    (high,), *oriented, (low,) = bands
    for directions in reversed(oriented):
        h, w = directions[0].shape
        wide = low.new_zeros(h, w)
        wide[::2, ::2] = low
        low = convolve([*directions, wide], level_kernels())
    return convolve([high, low], split_kernels())


def height(size: Sequence[int]) -> int:
    """Count the levels for which a picture of a size has room.

    Example:
        >>> height((1000, 1500)), height((33, 400)), height((34, 400))
        (6, 1, 2)
    """
    smaller = min(size)
    return 0 if smaller < SMALLEST else 1 + height((smaller // 2,))


def correlate(pictures: Pictures, kernels: Kernels) -> Iterator[Pictures]:
    """Yield the pictures, continued by reflection, correlated with one kernel after the other."""
    h, w = pictures.shape[1:]
    reach = kernels.shape[-1] // 2
    spectra = [_spectrum(picture, reach) for picture in pictures]
    frame = (good_size(h + 2 * reach), good_size(w + 2 * reach))
    for kernel in kernels.to(pictures):
        weights = torch.fft.rfft2(kernel, s=frame).conj_physical_()
        filtered = [torch.fft.irfft2(spectrum * weights, s=frame) for spectrum in spectra]
        yield torch.stack([picture[:h, :w] for picture in filtered])


def convolve(pictures: Sequence[Map], kernels: Kernels) -> Map:
    """Convolve each picture, continued by reflection, with its kernel and add the results."""
    h, w = pictures[0].shape
    reach = kernels.shape[-1] // 2
    frame = (good_size(h + 2 * reach), good_size(w + 2 * reach))
    total = torch.zeros((), device=pictures[0].device)
    for picture, kernel in zip(pictures, kernels.to(pictures[0]), strict=True):
        total = _spectrum(picture, reach).mul_(torch.fft.rfft2(kernel, s=frame)).add_(total)
    return torch.fft.irfft2(total, s=frame)[2 * reach :, 2 * reach :][:h, :w]


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


def _spectrum(picture: Map, reach: int) -> Complex[Tensor, "tall half"]:
    """The spectrum of a picture continued by reflection over `reach` pixels."""
    continued = functional.pad(picture[None], (reach,) * 4, mode="reflect")[0]
    return torch.fft.rfft2(continued, s=[good_size(side) for side in continued.shape])


@lru_cache(maxsize=1)
def split_kernels() -> Kernels:
    """Give the kernels of the first split: high and low."""
    low = functional.pad(round_kernel(FIRST_LOW), (3,) * 4)
    return torch.stack([round_kernel(HIGH), low])


@lru_cache(maxsize=1)
def level_kernels() -> Kernels:
    """Give the kernels of each level: four directions and the low pass to the next level."""
    oriented = functional.pad(oriented_kernels(), (4,) * 4)
    return torch.cat([oriented, round_kernel(LOW)[None]])
