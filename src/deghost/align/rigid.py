"""Align hand-held frames: shift, affine map or homography, but only where that clearly helps.

Frames are aligned neighbour to neighbour towards the reference, since frames many stops apart
show nothing in common, and then against the reference itself where they do.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from deghost.align.features import implausible
from deghost.align.pair import (
    BELIEVABLE,
    SIMPLER,
    Pair,
    accepted,
    align_pair,
    cells_needed,
    make_pair,
)
from deghost.align.signal import Light, measure_light
from deghost.align.warp import Model, Warp, displacement, simplest_model
from deghost.errors import SettingsError


DRIFT = 2.0  # pixels at the corners by which a chain of steps may have gone astray


@dataclass(frozen=True)
class AlignSettings:
    """How far frames may be warped."""

    model: Model = "homography"  # the richest tried
    max_shift: float = 20.0  # per cent of the longer side

    def __post_init__(self) -> None:
        if not 0 <= self.max_shift <= 100:
            raise SettingsError(
                f"the largest shift is {self.max_shift} %; give a percentage from 0 to 100"
            )


def align_frames(
    proxies: Float[Tensor, "n 3 h w"],
    exposures: Float[Tensor, " n"],
    reference: int,
    settings: AlignSettings,
) -> tuple[Warp, ...]:
    """Find where each frame shows what the reference shows.

    `proxies` are linear, darkest first, with 1.0 at clipping; frame `k` shows the radiance
    `proxies[k] / exposures[k]`.
    """
    size = (proxies.shape[2], proxies.shape[3])
    start = Warp(np.eye(3), size, "none", 0.0, 0.0, 1.0, "the reference")
    if settings.model == "none":
        off = Warp(np.eye(3), size, reason="alignment is off")
        return tuple(start if k == reference else off for k in range(len(proxies)))
    with ThreadPoolExecutor(2) as pool:
        lights = list(pool.map(measure_light, proxies))
        frames = Lights(lights, exposures.double().log2().tolist(), reference)
        brighter = pool.submit(_align_side, frames, range(reference + 1, len(lights)), settings)
        darker = pool.submit(_align_side, frames, range(reference - 1, -1, -1), settings)
        warps = {**brighter.result(), **darker.result()}
    return tuple(start if k == reference else warps[k].scaled_to(size) for k in range(len(lights)))


@dataclass(frozen=True)
class Lights:
    """What alignment sees of a bracket."""

    lights: list[Light]
    stops: list[float]  # log2 of the exposures
    reference: int

    def pair(self, first: int, second: int) -> Pair:
        """Make two frames comparable."""
        more = self.stops[second] - self.stops[first]
        return make_pair(self.lights[first], self.lights[second], more)


def _align_side(frames: Lights, side: range, settings: AlignSettings) -> dict[int, Warp]:
    """Align the frames on one side of the reference, the nearest in exposure first."""
    reference = frames.reference
    near, warps = reference, dict[int, Warp]()
    for k in side:
        pair = frames.pair(near, k)
        step = align_pair(pair, settings.model, settings.max_shift / 100)
        warps[k] = step
        if near != reference:
            warps[k] = _chain(frames.pair(reference, k), warps[near], step, settings)
        near = k
    return warps


def _chain(direct: Pair, near: Warp, step: Warp, settings: AlignSettings) -> Warp:
    """Add the step from a neighbour to its own warp, and correct the sum against the reference.

    Frames many stops apart fit each other badly, so only a small correction is believed.
    """
    matrix = step.matrix @ near.matrix
    matrix = matrix / matrix[2, 2]
    reason = f"by way of the next frame ({step.reason})"
    unlikely = implausible(matrix, direct.size, settings.max_shift / 100)
    if unlikely:
        matrix, reason = near.matrix, f"as the next frame, since with its own step {unlikely}"
    overall = direct.compare(np.eye(3), matrix)
    if not direct.comparable or not overall.inliers > BELIEVABLE:
        matrix, model = simplest_model(matrix, direct.size, SIMPLER)
        failed = step.failed or (near.failed and step.inliers > 0)  # 0: nothing was compared
        return replace(step, matrix=matrix, model=model, reason=reason, failed=failed)
    refined = direct.refine(matrix, settings.model, slice(1))
    if displacement(matrix, refined, direct.size) < DRIFT:
        correction = direct.compare(matrix, refined)
        enough = correction.agreeing >= cells_needed(settings.model, correction)
        matrix = refined if enough and correction.falls else matrix
    if direct.compare(matrix, np.eye(3)).falls:
        matrix, reason = np.eye(3), f"{reason}, but no warp at all fits the reference better"
    return accepted(matrix, direct.compare(np.eye(3), matrix), direct.size, reason)
