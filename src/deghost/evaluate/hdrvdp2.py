"""HDR-VDP-2.2: how good a picture looks beside its reference, and where the difference shows.

Mantiuk, Kim, Rempel and Heidrich, "HDR-VDP-2: a calibrated metric for visibility and quality
predictions in all luminance conditions" (SIGGRAPH 2011); quality of version 2.2: Narwaria,
Mantiuk, Perreira Da Silva and Le Callet, "HDR-VDP-2.2: a calibrated method for objective quality
prediction of high-dynamic range and standard images" (J. Electronic Imaging 2015).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.errors import SettingsError
from deghost.evaluate.comparable import comparable
from deghost.evaluate.hdrvdp2_display import PRESETS, Encoding, Picture, Viewing, to_light
from deghost.evaluate.hdrvdp2_eye import DARKEST, DAYLIGHT, PRIMARIES, respond, scatter_spectrum
from deghost.evaluate.hdrvdp2_masking import Comparison, compare, detect
from deghost.evaluate.hdrvdp2_pyramid import SMALLEST, Band, Map, compose
from deghost.evaluate.hdrvdp2_sensitivity import quality_weight
from deghost.evaluate.resize import resize_bicubic


DARK_SURROUND = 1e-5  # cd/m²
ALIKE = 1e-3  # relative; pixels that differ less do not count in the quality
QUALITY_FLOOR = 1e-12


@dataclass(frozen=True)
class HdrVdp2:
    """What HDR-VDP-2 says of a picture beside its reference."""

    quality: float  # Q: 100 for equal pictures, less for worse ones, may be negative
    visibility: Map  # probability that a viewer sees a difference there
    contrast: Map  # of the difference; 1 is seen half of the time

    @property
    def detection(self) -> float:
        """The probability that a viewer sees any difference."""
        return self.visibility.max().item()


@torch.no_grad()
def hdrvdp2(
    test: Picture,
    reference: Float[Tensor, "_ _ _"],
    *,
    encoding: Encoding,
    pixels_per_degree: float,
    display: str = "ccfl-lcd",
    surround: float | Literal["mean"] = DARK_SURROUND,
) -> HdrVdp2:
    """Compare two pictures as a viewer would, by HDR-VDP-2.2.

    `display` names the primaries of RGB and XYZ pictures; one channel has the spectrum of D65.
    `surround` is the light around the pictures in cd/m², or "mean": of each primary the geometric
    mean of the reference. Computes in the type of the pictures,
    single precision at least, but scatters their light in double precision. Gradients do not pass.
    Raises SettingsError for pictures or settings that cannot be compared.
    """
    test, reference = comparable(test, reference)
    _check(test, pixels_per_degree, surround)
    if display not in PRIMARIES:
        raise SettingsError(f"no display {display!r}; there are: {', '.join(PRIMARIES)}")
    primaries = DAYLIGHT if len(test) == 1 else PRIMARIES[display]
    shown = [to_light(picture, encoding) for picture in (test, reference)]
    differing = _differing(*shown)
    h, w = test.shape[1:]
    scatter = scatter_spectrum((h, w), pixels_per_degree, test.device)
    around = _mean_light(shown[1]) if surround == "mean" else (surround,) * len(primaries)
    seen, expected = (respond(light, scatter, around, primaries) for light in shown)
    del scatter, shown  # half the memory of what follows
    compared = compare(seen, expected, pixels_per_degree)
    adaptation = (seen.adaptation + expected.adaptation) / 2
    noticed = list(detect(compared, adaptation))
    contrast = _pool(compose(noticed))
    visibility = 1 - torch.exp(math.log(0.5) * contrast)
    return HdrVdp2(_quality(noticed, compared, differing), visibility, contrast)


def hdrvdp2_as(viewing: Viewing | str, test: Picture, reference: Float[Tensor, "_ _ _"]) -> HdrVdp2:
    """Compare two linear RGB pictures as a published script does, named or described.

    Raises SettingsError for an unknown name and whatever `hdrvdp2` refuses.
    """
    if isinstance(viewing, str):
        if viewing not in PRESETS:
            raise SettingsError(f"no viewing {viewing!r}; there are: {', '.join(PRESETS)}")
        viewing = PRESETS[viewing]
    test, reference = comparable(test, reference)
    shown = [viewing.show(picture) for picture in (test, reference)]
    if viewing.swapped:
        shown.reverse()
    h, w = test.shape[1:]
    return hdrvdp2(*shown, encoding=viewing.encoding, pixels_per_degree=viewing.degrees((h, w)))


def _mean_light(light: Picture) -> tuple[float, ...]:
    """The geometric mean of each primary, in cd/m²."""
    return tuple(light.double().clamp(min=DARKEST).log().mean((1, 2)).exp().tolist())


def _quality(noticed: Sequence[Band], compared: Sequence[Comparison], differing: Map) -> float:
    """Pool what is noticed over places and bands, as version 2.2 does."""
    lost = 0.0
    for band, comparison in zip(noticed, compared, strict=True):
        counted = resize_bicubic(differing, comparison.size)
        for direction in band:
            size = torch.linalg.vector_norm(direction * counted, dtype=torch.float64)
            error = size.item() / direction.numel()
            worse = math.log((error + QUALITY_FLOOR) / QUALITY_FLOOR)
            lost += quality_weight(comparison.frequency) * worse
    return 100 - lost


def _pool(noticed: Map) -> Map:
    """Sum over places what is noticed, as large differences are found more easily."""
    contrast = noticed.abs()
    return contrast * (contrast.sum() / (contrast.max() + QUALITY_FLOOR))


def _differing(test: Picture, reference: Picture) -> Map:
    """1 where the light of some primary differs, by more than rounding."""
    return ((test - reference).abs() / reference > ALIKE).any(0).to(test)


def _check(test: Picture, pixels_per_degree: float, surround: float | Literal["mean"]) -> None:
    """Refuse what cannot be compared."""
    if min(test.shape[1:]) < SMALLEST:
        raise SettingsError(
            f"a picture of {test.shape[2]}x{test.shape[1]} pixels is too small for HDR-VDP-2; "
            f"it needs {SMALLEST} each way"
        )
    if not 0 < pixels_per_degree < math.inf:
        raise SettingsError(f"{pixels_per_degree:g} pixels per degree is not a positive number")
    if surround != "mean" and not 0 < surround < math.inf:
        raise SettingsError(f"a surround of {surround:g} cd/m² is not a positive number")
