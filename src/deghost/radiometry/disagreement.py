"""How well a response explains a bracket: do frames that differ in exposure agree on the light?"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from deghost.radiometry.response import linear_table
from deghost.radiometry.sampling import Codes
from deghost.types import Response


DARK, BRIGHT = 0.03, 0.95  # codes between which a pixel is well exposed
LEVELS = 24
FEWEST = 50  # pixels that make a median
CENSORED = 0.4  # share of pixels clipped in the brighter frame that leaves the median sound


@dataclass(frozen=True)
class Disagreement:
    """The error of a response in stops, between neighbouring frames of a bracket.

    The error of a pixel is log2 of the ratio of its two linear values, less log2 of the ratio
    of the exposures; with the right response it is noise around 0.
    """

    bias: float  # mean over code levels of |median error|: what the curve itself gets wrong
    scatter: float  # median |error|: the bias with noise and motion on top
    codes: tuple[float, ...]  # code levels of the darker frame that have an error
    errors: tuple[float, ...]  # median signed error at each
    pixels: int  # how many were compared; bias and scatter are 0 if none


def response_disagreement(
    frames: Codes, exposures: Float[Tensor, " n"], response: Response
) -> Disagreement:
    """Measure how far neighbouring frames disagree about the light under a response.

    `frames` are aligned and encoded, darkest first. Levels at which much of the brighter
    frame clips are left out, since what is left of them would be a biased choice.
    """
    stops = torch.from_numpy(linear_table(response, 4095)).T.clamp(min=1e-6).log2()
    steps = exposures.double().log2().diff().tolist()
    cells = [
        cell
        for darker, brighter, step in zip(frames[:-1], frames[1:], steps, strict=True)
        for channel in range(3)
        for cell in _errors_by_level(darker[channel], brighter[channel], stops[channel], step)
    ]
    if not cells:
        return Disagreement(0.0, 0.0, (), (), 0)
    level, count, signed, size = np.array(cells).T
    present = np.unique(level)
    errors = [np.average(signed[level == one], weights=count[level == one]) for one in present]
    return Disagreement(
        bias=float(np.average(np.abs(signed), weights=count)),
        scatter=float(np.average(size, weights=count)),
        codes=tuple(float(code) for code in (present + 0.5) / LEVELS),
        errors=tuple(float(error) for error in errors),
        pixels=int(count.sum()),
    )


def explains_better(recovered: Disagreement, assumed: Disagreement) -> bool:
    """Whether the pixels speak clearly for a recovered response over the assumed one.

    The assumed one must be off by more than rounded exposure times can explain (1/15 for 1/16 s
    and its like come to 0.09 stops), and the recovered one must halve that.
    """
    return assumed.bias > 0.15 and recovered.bias < assumed.bias / 2


def _errors_by_level(
    darker: Float[Tensor, "h w"],
    brighter: Float[Tensor, "h w"],
    stops: Float[Tensor, " k"],
    step: float,
) -> list[tuple[float, int, float, float]]:
    """Level, pixel count, median error and median |error| at each usable level of a pair."""
    used = (darker > DARK) & (darker < BRIGHT)
    dark, bright = darker[used], brighter[used].clamp(DARK, BRIGHT)
    top = len(stops) - 1
    error = stops[(bright * top).round().long()] - stops[(dark * top).round().long()] - step
    level = (dark * LEVELS).long()
    cells = []
    for number in range(LEVELS):
        members = level == number
        count = int(members.sum())
        if count < FEWEST or (bright[members] >= BRIGHT).float().mean() > CENSORED:
            continue
        here = error[members]
        cells.append((float(number), count, here.median().item(), here.abs().median().item()))
    return cells
