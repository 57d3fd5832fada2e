"""From light on the eye to the response of its receptors, as HDR-VDP-2 models it.

Mantiuk, Kim, Rempel and Heidrich, "HDR-VDP-2: a calibrated metric for visibility and quality
predictions in all luminance conditions" (SIGGRAPH 2011), section 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from deghost.evaluate.hdrvdp2_sensitivity import (
    LOG_LUMINANCES,
    SCATTER_AMPLITUDES,
    SCATTER_DECAYS,
    receptor_tables,
)


DARKEST, BRIGHTEST = 1e-5, 1e10  # cd/m², what is left of the light after scattering
BLOCK = 64  # rows or columns transformed at once

Light = Float[Tensor, "c h w"]  # cd/m² of each primary
Primaries = Sequence[tuple[float, float, float]]  # of L and M cones and of rods, by a primary

# The spectra of the primaries times the sensitivities of L and M cones (Smith and Pokorny 1975)
# and of rods (CIE 1951 scotopic), summed over wavelength; white of 1 cd/m² gives L + M of about 1.
PRIMARIES: dict[str, Primaries] = {
    "ccfl-lcd": (
        (0.198996120338, 0.0410058604076, 0.0143773686211),
        (0.404762607038, 0.254923306441, 0.480920841084),
        (0.0543906192553, 0.0500122489593, 0.454275895669),
    ),
    "crt": (
        (0.193521438568, 0.0450532090857, 0.0470736661755),
        (0.414224010764, 0.256275195962, 0.538454767533),
        (0.0507166362863, 0.04523801972, 0.400413942316),
    ),
    "led-lcd": (
        (0.178717470833, 0.0472952893423, 0.0688682732169),
        (0.441718417647, 0.264952931503, 0.584439209302),
        (0.0372989838133, 0.0340675162108, 0.330973586775),
    ),
}
DAYLIGHT: Primaries = ((0.601847152245, 0.316708295579, 0.9046706546),)  # one channel of D65


@dataclass(frozen=True)
class Response:
    """What the receptors make of a picture."""

    achromatic: Float[Tensor, "h w"]  # just noticeable differences, of zero mean
    adaptation: Float[Tensor, "h w"]  # cd/m², the light to which each place is adapted


def respond(
    light: Light,
    scatter: Float[Tensor, "half tall"],
    surround: tuple[float, ...],
    primaries: Primaries,
) -> Response:
    """Scatter light in the eye, catch it by cones and rods, and give their response.

    `surround` is the light of each primary around the picture, in cd/m².
    """
    caught = light.new_zeros(3, *light.shape[1:])
    for primary, around, shares in zip(light, surround, primaries, strict=True):
        scattered = _scattered(primary, scatter, around)
        for receptor, share in zip(caught, shares, strict=True):
            receptor.add_(scattered, alpha=share)
    adaptation = caught[0] + caught[1]
    cone, rod = torch.from_numpy(receptor_tables()).to(light)
    total = torch.zeros_like(adaptation)
    for receptor, table in zip(caught, (cone, cone, rod), strict=True):
        total += look_up(receptor.clamp_(min=DARKEST).log10_(), table)
    return Response(total.sub_(total.mean()), adaptation)


def scatter_spectrum(
    size: tuple[int, int], pixels_per_degree: float, device: torch.device
) -> Float64[Tensor, "half tall"]:
    """Give the eye's modulation transfer over twice a height and width.

    Example:
        >>> scatter_spectrum((2, 2), 60.0, torch.device("cpu"))[:, 0].round(decimals=3)
        tensor([1.0000, 0.2810, 0.1830], dtype=torch.float64)
    """
    h, w = size
    rows = torch.fft.rfftfreq(2 * h, 1 / pixels_per_degree, dtype=torch.float64, device=device)
    columns = torch.fft.rfftfreq(2 * w, 1 / pixels_per_degree, dtype=torch.float64, device=device)
    frequency = torch.hypot(rows[:, None], columns)
    transfer = torch.zeros_like(frequency)
    for amplitude, decay in zip(SCATTER_AMPLITUDES, SCATTER_DECAYS, strict=True):
        transfer.add_(torch.exp(frequency * -decay), alpha=amplitude)
    return torch.cat([transfer, transfer[1:-1].flip(0)]).T.contiguous()


def look_up(
    logarithm: Float[Tensor, "..."], table: Float[Tensor, " samples"]
) -> Float[Tensor, "..."]:
    """Read a table over LOG_LUMINANCES, linear between its samples.

    Example:
        >>> look_up(torch.tensor([-9.0, -5.0, 2.5, 5.0]), torch.tensor([0.0, 10.0, 40.0]))
        tensor([ 0.,  0., 25., 40.])
    """
    lowest, highest = LOG_LUMINANCES
    intervals = len(table) - 1
    position = (logarithm - lowest) * (intervals / (highest - lowest))
    position.clamp_(0, intervals)
    below = position.to(torch.int32).clamp_(max=intervals - 1)
    share = position.sub_(below)
    steps = table.diff()
    flat = below.flatten()
    start = table.index_select(0, flat).view_as(share)
    return start.addcmul_(share, steps.index_select(0, flat).view_as(share))


def _scattered(
    primary: Float[Tensor, "h w"], scatter: Float64[Tensor, "half tall"], surround: float
) -> Float[Tensor, "h w"]:
    """Spread light by the eye's scatter, with light of a constant surround around it.

    Double precision keeps the glare of the sun from drowning shadows in rounding. A plane of
    twice the height and width is transformed, block by block so that each stays in the cache.
    """
    h, w = primary.shape
    half, tall = scatter.shape
    spectrum = torch.empty(h, half, dtype=torch.complex128, device=primary.device)
    for first in range(0, h, BLOCK):
        rows = slice(first, first + BLOCK)
        spectrum[rows] = torch.fft.rfft(primary[rows].double() - surround, n=2 * w)
    for first in range(0, half, BLOCK):
        columns = slice(first, first + BLOCK)
        block = torch.fft.fft(spectrum[:, columns].T.contiguous(), n=tall)
        spectrum[:, columns] = torch.fft.ifft(block.mul_(scatter[columns]))[:, :h].T
    spread = torch.empty_like(primary)
    for first in range(0, h, BLOCK):
        rows = slice(first, first + BLOCK)
        spread[rows] = torch.fft.irfft(spectrum[rows], n=2 * w)[:, :w].add_(surround)
    return spread.clamp_(DARKEST, BRIGHTEST)
