"""How well a response explains a bracket: do frames that differ in exposure agree on the light?"""

from dataclasses import dataclass
from itertools import chain

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

Cell = tuple[float, int, float, float]  # level, pixels, median error, median |error|


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
    return _summary([cell for pair in _pairs(frames, exposures, response) for cell in chain(*pair)])


def disagreement_but_balance(
    frames: Codes, exposures: Float[Tensor, " n"], response: Response
) -> Disagreement:
    """Measure what is left once every pair of frames may differ in white balance.

    A camera that balances every shot anew multiplies each channel by a constant. What a channel
    is off by, over and above the channel that is off least, is taken for that; what channels are
    off by together is not, since a tone curve does that, too.
    """
    return _summary(
        [cell for pair in _pairs(frames, exposures, response) for cell in _balanced(pair)]
    )


def _pairs(
    frames: Codes, exposures: Float[Tensor, " n"], response: Response
) -> list[list[list[Cell]]]:
    """The cells of every channel of every pair of neighbours."""
    stops = torch.from_numpy(linear_table(response, 4095)).T.clamp(min=1e-6).log2()
    steps = exposures.double().log2().diff().tolist()
    return [
        [_errors_by_level(darker[c], brighter[c], stops[c], step) for c in range(3)]
        for darker, brighter, step in zip(frames[:-1], frames[1:], steps, strict=True)
    ]


def _balanced(pair: list[list[Cell]]) -> list[Cell]:
    """Take the gain of each channel against the one that is off least out of its errors.

    Example:
        >>> red, green = [(0.0, 9, 0.75, 0.75), (1.0, 9, 0.5, 0.5)], [(0.0, 9, 0.25, 0.25)]
        >>> [cell[2] for cell in _balanced([red, green, []])]
        [0.5, 0.25, 0.25]
    """
    gains = [_middle(cells) for cells in pair if cells]
    least = min(gains, key=abs, default=0.0)
    return [
        (level, count, signed - (_middle(cells) - least), size)
        for cells in pair
        for level, count, signed, size in cells
    ]


def _middle(cells: list[Cell]) -> float:
    """The error that half of a channel's pixels are at levels below or at."""
    errors, counts = np.array(sorted((cell[2], cell[1]) for cell in cells)).T
    return float(errors[np.searchsorted(counts.cumsum(), counts.sum() / 2)])


def _summary(cells: list[Cell]) -> Disagreement:
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
) -> list[Cell]:
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
