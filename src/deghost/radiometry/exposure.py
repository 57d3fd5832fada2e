"""Exposure: from camera settings, from what the user says, or from the pixels themselves.

The exposure of a frame is `e = t * S / (100 * N**2)` (time in s, ISO speed, f-number): what linear
pixel values are proportional to. A linear value `v` (1.0 = clipping) shows the radiance `v / e`,
and `v / e = v * 2 ** EV100`, so that brackets of different scenes share one scale.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from deghost.types import Capture, Exposure


MIDDLE_TONE = -3.0  # log2 of the linear value about which tone curves are steepest

_SECONDS = "30 25 20 15 13 10 8 6 5 4 3.2 2.5 2 1.6 1.3 1 0.8 0.6 0.5 0.4 0.3"
_FRACTIONS = (
    "3 4 5 6 8 10 13 15 20 25 30 40 50 60 80 100 125 160 200 250 320 400 500 640 800 1000 1250 "
    "1600 2000 2500 3200 4000 5000 6400 8000 10000 12800 16000 20000 25600 32000"
)
NOMINAL_TIMES = tuple(
    [float(s) for s in _SECONDS.split()] + [1 / float(s) for s in _FRACTIONS.split()]
)


def relative_exposure(
    time: float, iso: float | None = None, aperture: float | None = None
) -> float:
    """Return `t * S / (100 * N**2)`; what is unknown (None) counts as the same in all frames.

    Example:
        >>> relative_exposure(1 / 50, iso=400, aperture=2.0)
        0.02
    """
    return time * (iso or 100.0) / 100.0 / (aperture or 1.0) ** 2


def ev100(exposure: float) -> float:
    """Return the exposure value at ISO 100, `log2(N**2 / t) - log2(S / 100)`.

    Example:
        >>> ev100(relative_exposure(1 / 64, iso=100, aperture=8.0))
        12.0
    """
    return -math.log2(exposure)


def snap_time(time: float, shutter_speed: float | None = None) -> float:
    """Return the true time behind a nominal one: shutters step in thirds of a stop.

    A camera that says 1/30 s exposes for 1/32 s. A time is taken for nominal only if it is one of
    the values cameras print, and if `shutter_speed` (APEX) is absent or within rounding of the
    true time; any other time, as phones give, is returned as it is.

    Example:
        >>> snap_time(1 / 30) * 32, snap_time(1 / 33) * 33
        (1.0, 1.0)
        >>> snap_time(1 / 60, shutter_speed=5.7) * 60
        1.0
    """
    if not any(math.isclose(time, nominal, rel_tol=4e-3) for nominal in NOMINAL_TIMES):
        return time
    stops = round(3 * math.log2(time)) / 3
    if shutter_speed is not None and abs(shutter_speed + stops) > 0.1:
        return time
    return 2.0**stops


def exposures_from_captures(captures: Sequence[Capture]) -> list[Exposure] | None:
    """Return the exposure of every frame from what the camera wrote, or None if times are missing.

    An ISO or an f-number counts only if every frame has it: one frame without would otherwise
    differ from the others by its whole value. Times are snapped together or not at all: one that
    is no nominal time shows that this camera writes true ones.
    """
    times = [capture.time for capture in captures if capture.time]
    if len(times) < len(captures):
        return None
    snapped = [snap_time(c.time, c.shutter_speed) for c in captures if c.time]
    if not all(is_third_of_stop(time) for time in snapped):
        snapped = times
    has_iso = all(capture.iso for capture in captures)
    has_aperture = all(capture.aperture for capture in captures)
    return [
        _exposure_from_capture(
            replace(
                capture,
                iso=capture.iso if has_iso else None,
                aperture=capture.aperture if has_aperture else None,
            ),
            time,
        )
        for capture, time in zip(captures, snapped, strict=True)
    ]


def is_third_of_stop(time: float) -> bool:
    """Whether a time is 2 to the power of a whole number of thirds."""
    thirds = 3 * math.log2(time)
    return abs(thirds - round(thirds)) < 1e-6


def _exposure_from_capture(capture: Capture, time: float) -> Exposure:
    assert capture.time is not None
    source = f"EXIF {format_time(capture.time)}"
    if not math.isclose(time, capture.time, rel_tol=1e-3):
        source += f" (true time {format_time(time)})"
    if capture.iso:
        source += f", ISO {capture.iso:g}"
    if capture.aperture:
        source += f", f/{capture.aperture:g}"
    value = relative_exposure(time, capture.iso, capture.aperture)
    return Exposure(value, source, absolute=bool(capture.iso and capture.aperture))


def exposures_from_bias(captures: Sequence[Capture]) -> list[Exposure] | None:
    """Return exposures from the exposure bias, the last resort, or None if it says nothing."""
    biases = [capture.bias for capture in captures]
    if any(bias is None for bias in biases) or len(set(biases)) < len(biases):
        return None
    return [
        Exposure(2.0**bias, f"EXIF bias {bias:+g} EV", absolute=False)
        for bias in biases
        if bias is not None
    ]


def format_time(seconds: float) -> str:
    """Write a time as photographers do.

    Example:
        >>> format_time(1 / 250), format_time(0.4), format_time(15)
        ('1/250 s', '0.4 s', '15 s')
    """
    if seconds < 0.3:
        return f"1/{1 / seconds:.4g} s"
    return f"{seconds:.3g} s"


@dataclass(frozen=True)
class Step:
    """How much brighter a frame is than the one before, as its pixels say."""

    stops: float
    scatter: float  # half of the blocks differ by less from the median at their level, in stops


def fit_ratios(frames: Float[Tensor, "n 3 h w"]) -> list[float | None]:
    """Return how many stops brighter each linear frame is than the one before, from its pixels.

    Example:
        >>> dark = torch.rand(3, 128, 128, generator=torch.manual_seed(0)) * 0.2
        >>> [round(ratio, 2) for ratio in fit_ratios(torch.stack([dark, 4 * dark]))]
        [2.0]
    """
    return [None if step is None else step.stops for step in fit_steps(frames)]


def fit_steps(
    frames: Float[Tensor, "n 3 h w"], floor: float = 0.002, block: int = 8
) -> list[Step | None]:
    """Measure how many stops brighter each linear frame is than the one before, and how surely.

    Frames are darkest first. Neighbours are compared in block means, so that a hand-held shift
    matters little, over blocks that are clipped in neither and above `floor` in both, by medians,
    so that moving objects matter little. None where too few blocks compare.

    A camera's tone curve, which is not known here, has its contrast in the middle tones: there two
    frames seem further apart than they are, by up to half. So medians are taken at each level of
    brightness, and a rise towards the middle tones is fitted beside the ratio. About these medians
    frames of one scene scatter little; those of different scenes scatter by stops.
    """
    side = max(1, min(block, min(frames.shape[-2:]) // 16))
    mean = functional.avg_pool2d(frames, side)
    peak = functional.max_pool2d(frames, side)
    usable = (peak < 0.9) & (mean > floor)
    return [
        _stops_between(mean[k], mean[k + 1], usable[k] & usable[k + 1])
        for k in range(len(frames) - 1)
    ]


def _stops_between(
    dark: Float[Tensor, "3 h w"], bright: Float[Tensor, "3 h w"], usable: Bool[Tensor, "3 h w"]
) -> Step | None:
    """Fit `stops * (1 + contrast * bump)` to the median ratio at each level of brightness."""
    first, second = dark[usable].log2(), bright[usable].log2()
    level = ((first + second) / 2).round()
    rows, medians, weights, errors = [], [], [], []
    for value in level.unique():
        ratio = (second - first)[level == value]
        if len(ratio) >= 50:
            rows.append([1.0, math.exp(-((float(value) - MIDDLE_TONE) ** 2) / 8)])
            medians.append(float(ratio.median()))
            errors.append((ratio - medians[-1]).abs())
            scatter = float(errors[-1].median())  # large where things moved
            weights.append(math.sqrt(len(ratio)) / (0.02 + scatter))
    if not rows:
        return None
    weight = torch.tensor(weights)[:, None]
    # without enough levels to tell a tone curve, the second row keeps its contrast at nought
    system = torch.cat([torch.tensor(rows) * weight, torch.tensor([[0.0, 100.0]])])
    target = torch.cat([torch.tensor(medians)[:, None] * weight, torch.zeros(1, 1)])
    stops = float(torch.linalg.lstsq(system, target).solution[0])
    return Step(stops, float(torch.cat(errors).median()))


def fitted_exposures(ratios: Sequence[float | None], step: float = 2.0) -> list[Exposure]:
    """Return exposures, the first 1, from the stops between neighbours; `step` where unknown.

    Example:
        >>> [exposure.value for exposure in fitted_exposures([1.0, None])]
        [1.0, 2.0, 8.0]
    """
    exposures = [Exposure(1.0, "fitted from pixels (darkest)", absolute=False)]
    for ratio in ratios:
        if ratio is None:
            source = f"assumed {step:g} EV step: no pixels to compare"
        else:
            source = f"fitted from pixels ({ratio:+.2f} EV)"
        stops = step if ratio is None else ratio
        value = exposures[-1].value * 2.0**stops
        exposures.append(Exposure(value, source, absolute=False))
    return exposures
