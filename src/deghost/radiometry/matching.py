"""Photometric matching: bring a frame's light onto the reference's where the two disagree.

Exposure and response explain most of the difference between frames. What remains (a shutter a few
per cent off, white balance set anew for each frame, the rest of an unknown tone curve) is a smooth
gain per channel that depends on the level. Left alone it shows as false motion and as edges where
the merge changes frames.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor


LEVELS = np.arange(-9.0, 0.01, 1.0)  # log2 of the frame's linear value at which a gain is kept


@dataclass(frozen=True)
class Match:
    """Gains in stops per channel, at the linear values `2 ** LEVELS` of a frame."""

    stops: tuple[tuple[float, ...], ...]  # 3 x len(LEVELS)
    remaining: float  # median |stops| between the matched frame and the reference
    before: float  # the same before matching


def matched(match: Match, linear: Float[Tensor, "3 *shape"]) -> Float[Tensor, "3 *shape"]:
    """Bring linear values of a frame onto the reference.

    Gains are interpolated along the logarithm of the value and constant beyond the outer levels.

    Example:
        >>> match = Match(((1.0,) * len(LEVELS),) * 3, remaining=0.0, before=1.0)
        >>> matched(match, torch.tensor([0.25, 0.5, 1.0]))
        tensor([0.5000, 1.0000, 2.0000])
    """
    stops = torch.tensor(match.stops, dtype=linear.dtype)
    place = (linear.clamp(min=2.0**-20).log2() - LEVELS[0]).clamp(0, len(LEVELS) - 1)
    before = place.floor().long().clamp(max=len(LEVELS) - 2)
    channel = torch.arange(3).view(3, *[1] * (linear.dim() - 1))
    share = place - before
    return linear * torch.lerp(stops[channel, before], stops[channel, before + 1], share).exp2()


def fit_match(
    target: Float[Tensor, "3 h w"],
    frame: Float[Tensor, "3 h w"],
    exposure: float,
    usable: Bool[Tensor, "3 h w"],
    limit: float = 1.5,
) -> Match:
    """Fit the gains that bring `frame`, in radiance units, onto `target`.

    `exposure` turns the frame's radiance back into its linear value. Pixels are grouped by the
    geometric mean of both values, which noise in either does not bias, and every group gives its
    median, which motion in less than half of it does not move. Groups are smoothed along the level
    and pulled to zero where they are small; gains are limited to `limit` stops.
    """
    stops, weights, before = [], [], []
    for c in range(3):
        chosen = usable[c]
        ratio = torch.log2(target[c][chosen].clamp(min=1e-9) / frame[c][chosen].clamp(min=1e-9))
        level = torch.log2(frame[c][chosen].clamp(min=1e-9) * exposure) + ratio / 2
        medians, counts = _group_medians(level, ratio)
        curve = _smooth(medians, counts).clip(-limit, limit)
        stops.append(tuple(float(value) for value in curve))
        weights.append(counts.sum())
        before.append(float(ratio.abs().median()) if len(ratio) else 0.0)
    match = Match(tuple(stops), 0.0, float(np.average(before, weights=np.array(weights) + 1)))
    return Match(match.stops, _remaining(target, frame, exposure, usable, match), match.before)


def _group_medians(
    level: Float[Tensor, " m"], ratio: Float[Tensor, " m"]
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    values, group = ratio.numpy(), np.rint(level.numpy() - LEVELS[0])
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(len(LEVELS) + 1))
    parts = [values[order[a:b]] for a, b in zip(edges[:-1], edges[1:], strict=True)]
    medians = np.array([np.median(part) if len(part) else 0.0 for part in parts])
    return medians, np.array([float(len(part)) for part in parts])


def _smooth(
    medians: Float[np.ndarray, " k"], counts: Float[np.ndarray, " k"]
) -> Float[np.ndarray, " k"]:
    """Weighted smoothing along the level; silent levels take their neighbours' gain.

    A few pixels say next to nothing: at the rim of a lamp that clips in the brighter frame the
    unclipped ones are those that glare or blur made darker.
    """
    trust = np.square(counts / (counts + 300.0))
    slope = np.diff(np.eye(len(LEVELS)), n=1, axis=0)
    system = np.diag(trust + 1e-5) + 0.05 * slope.T @ slope
    return np.linalg.solve(system, trust * medians)


def _remaining(
    target: Float[Tensor, "3 h w"],
    frame: Float[Tensor, "3 h w"],
    exposure: float,
    usable: Bool[Tensor, "3 h w"],
    match: Match,
) -> float:
    corrected = matched(match, frame * exposure) / exposure
    ratio = torch.log2(target[usable].clamp(min=1e-9) / corrected[usable].clamp(min=1e-9))
    return float(ratio.abs().median()) if len(ratio) else 0.0
