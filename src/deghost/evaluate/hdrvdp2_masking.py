"""What is noticed of two responses, band by band: contrast sensitivity and masking.

Mantiuk, Kim, Rempel and Heidrich, "HDR-VDP-2: a calibrated metric for visibility and quality
predictions in all luminance conditions" (SIGGRAPH 2011), section 4, with the parameters of version
2.2; see NOTICE.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from deghost.evaluate.hdrvdp2_eye import Response, look_up
from deghost.evaluate.hdrvdp2_pyramid import Band, Map, decompose, height
from deghost.evaluate.hdrvdp2_sensitivity import (
    LOG_LUMINANCES,
    neural_sensitivity,
    sensitivity_table,
)
from deghost.evaluate.resize import resize_bicubic


EXCITATION = 10**0.544068  # p, the slope 3.5 of the psychometric function
INHIBITION = 10**0.49576  # q
SELF_MASKING = 10**0.189065
CROSS_MASKING = 10**0.449199  # by the other directions
NEIGHBOUR_MASKING = 10**1.52512  # by the neighbouring frequencies


@dataclass(frozen=True)
class Comparison:
    """A band of two responses: how they differ, and what they have in common."""

    difference: Band
    common: Band  # the smaller of both magnitudes, blurred a little
    frequency: float  # cycles per degree

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        h, w = self.common[0].shape
        return h, w


def compare(test: Response, reference: Response, pixels_per_degree: float) -> list[Comparison]:
    """Compare two responses band by band, fine to coarse; the last band is the low pass."""
    both = torch.stack([test.achromatic, reference.achromatic])
    last = height(both.shape[1:]) + 1
    compared = []
    for number, directions in groupby(decompose(both), itemgetter(0)):
        frequency = pixels_per_degree / 2 ** (number + 1)
        difference, common = [], []
        for _, band in directions:
            seen = _see_low_pass(band, (test, reference), frequency) if number == last else band
            difference.append(seen[0] - seen[1])
            smaller = torch.minimum(*seen.abs())
            common.append(functional.avg_pool2d(smaller[None], 3, stride=1, padding=1)[0])
        compared.append(Comparison(difference, common, frequency))
    return compared


def detect(compared: Sequence[Comparison], adaptation: Map) -> Iterator[Band]:
    """Yield how far each band's difference is above the threshold of detection.

    `adaptation` is in cd/m². A value of `2 ** number` in the band of that number, counted from
    the finest one, is at the threshold; the sign is that of the difference.
    """
    logarithm = adaptation.clamp(min=10 ** LOG_LUMINANCES[0]).log10()
    for number, band in enumerate(compared):
        norm = 2.0**number
        sensitivity = logarithm.new_ones(band.size)
        if number < len(compared) - 1:  # the low pass is weighed already
            table = torch.from_numpy(sensitivity_table(band.frequency)).to(logarithm)
            sensitivity = look_up(resize_bicubic(logarithm, band.size), table)
        gain = norm * sensitivity**EXCITATION
        scale = sensitivity / norm
        everything = torch.stack(tuple(band.common)).sum(0)
        noticed = []
        for direction, (difference, own) in enumerate(
            zip(band.difference, band.common, strict=True)
        ):
            masking = SELF_MASKING * (own * scale).pow_(INHIBITION)
            others = (everything - own).clamp_(min=0)
            masking += CROSS_MASKING * others.mul_(scale).pow_(INHIBITION)
            around = _around(compared, number, direction)
            masking += NEIGHBOUR_MASKING * around.mul_(scale).pow_(INHIBITION)
            excitation = (difference.abs() * scale).pow_(EXCITATION).mul_(norm)
            excitation *= masking.mul_(gain).square_().add_(1).rsqrt_()
            noticed.append(excitation.copysign_(difference))
        yield noticed


def _around(compared: Sequence[Comparison], number: int, direction: int) -> Map:
    """What both pictures show in the next finer and coarser bands of a direction."""
    band = compared[number]
    around = torch.zeros_like(band.common[0])
    neighbours = [(compared[number - 1], 2.0)] if number > 0 else []
    if number < len(compared) - 2:  # the low pass masks nothing
        neighbours.append((compared[number + 1], 0.5))
    for neighbour, weight in neighbours:
        shown = neighbour.common[min(direction, len(neighbour.common) - 1)]
        around.add_(resize_bicubic(shown, band.size).clamp(min=0), alpha=weight)
    return around


def _see_low_pass(
    bands: Float[Tensor, "2 h w"], responses: Sequence[Response], frequency: float
) -> Float[Tensor, "2 h w"]:
    """Weigh the low pass by the contrast sensitivity of each of its frequencies."""
    h, w = bands.shape[1:]
    frame = (2 * h, 2 * w)
    spacing = 1 / (frequency * 2 * math.sqrt(2))
    rows = torch.fft.fftfreq(2 * h, spacing, dtype=torch.float64)
    columns = torch.fft.rfftfreq(2 * w, spacing, dtype=torch.float64)
    grid = torch.hypot(rows[:, None], columns).numpy()
    surround = bands[1].mean()
    seen = []
    for band, response in zip(bands, responses, strict=True):
        light = response.adaptation.mean().double().cpu().numpy()
        weights = torch.from_numpy(neural_sensitivity(grid, light)).to(bands)
        spectrum = torch.fft.rfft2(band - surround, s=frame) * weights
        seen.append(torch.fft.irfft2(spectrum, s=frame)[:h, :w])
    return torch.stack(seen)
