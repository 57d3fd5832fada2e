"""Align one frame with another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from deghost.align.features import (
    TOLERANCE,
    Detector,
    find_features,
    guess_warp,
    implausible,
    match_features,
)
from deghost.align.refine import (
    GRID,
    Comparison,
    Moving,
    Samples,
    compare,
    refine_levels,
    textured_samples,
)
from deghost.align.signal import Light, Signal, common_pyramids
from deghost.align.warp import (
    LADDER,
    Model,
    Warp,
    displacement,
    nearest_model,
    rescaled,
    simplest_model,
)
from deghost.types import Matrix


DETECTORS: tuple[Detector, ...] = ("orb", "sift")  # the second where the first fails
LEAST_SHARE = 0.002  # of the pixels, well exposed and textured in both frames
LEAST_PIXELS = 200
BELIEVABLE = 0.6  # share of inliers below which two frames hardly show the same things
COARSER = 3  # levels on which warps are judged: noise hides what agrees on the finest
JUDGED = 0.01  # share of the pixels that must be comparable for it to be said that they differ
NEAR = 0.12  # of the longer side; a shift beyond it is sought only where all others failed, ...
FAR_INLIERS = 0.85  # ... and nearly all pixels must agree, since large things may move as far
AGREE = "the frames already agree"
SIMPLER = 0.1  # pixels at the corners by which a simpler model may differ from a richer one
# cells that must agree, of 96: where nearly all pixels do, and where some things have moved
CELLS_NEEDED: dict[Model, tuple[int, int]] = {
    "none": (0, 0),
    "shift": (4, 4),
    "rigid": (8, 12),
    "affine": (12, 24),
    "homography": (20, 48),
}
NEARLY_ALL = 0.88  # share of the pixels
FARTHER = 2.0  # more cells for every per cent of the longer side: far shifts are rare
GUESS_PIXELS = 300_000  # first guesses are tried on the first level no larger than this


@dataclass(frozen=True)
class Pair:
    """A reference and a frame, described level by level within the range that both show."""

    reference: tuple[Signal, ...]
    frame: tuple[Signal, ...]
    samples: tuple[Samples, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the finest level in pixels."""
        return self.reference[0].size

    @property
    def share(self) -> float:
        """Share of the pixels that are textured in the reference and well exposed in both."""
        return min(self.samples[0].share, float(self.frame[0].trust.mean()))

    @property
    def comparable(self) -> bool:
        """Whether both frames show enough of the same things."""
        return self.share > max(LEAST_SHARE, LEAST_PIXELS / self.reference[0].contrast.size)

    @property
    def guessing(self) -> int:
        """The level on which first guesses are tried."""
        sizes = [s.contrast.size for s in self.reference]
        return next((i for i, n in enumerate(sizes) if n <= GUESS_PIXELS), len(sizes) - 1)

    def compare(self, before: Matrix, after: Matrix, level: int = 0) -> Comparison:
        """Compare two warps of the finest level on another level."""
        samples, signal = self.samples[level], self.frame[level]
        matrices = (rescaled(m, self.size, samples.size) for m in (before, after))
        return compare(samples, Moving(signal.contrast, signal.trust), *matrices)

    def judge(self, before: Matrix, after: Matrix) -> Comparison:
        """Compare two warps on the finest level on which noise lets most pixels agree."""
        finest = self.compare(before, after)
        if finest.inliers > BELIEVABLE:
            return finest
        coarser = range(1, len(self.samples[:COARSER]))
        found = (self.compare(before, after, level) for level in coarser)
        return next((each for each in found if each.inliers > BELIEVABLE), finest)

    def refine(self, start: Matrix, model: Model, levels: slice) -> Matrix:
        """Refine a warp of the finest level on some levels of the pyramid."""
        samples = self.samples[levels]
        local = rescaled(start, self.size, samples[0].size)
        local = refine_levels(samples, self.frame[levels], local, model)
        return rescaled(local, samples[0].size, self.size)


def make_pair(reference: Light, frame: Light, more: float) -> Pair:
    """Prepare a frame, exposed by `more` stops than a reference, for comparison with it."""
    still, moving = common_pyramids(reference, frame, more)
    return Pair(still, moving, tuple(textured_samples(level) for level in still))


def align_pair(pair: Pair, richest: Model, max_shift: float) -> Warp:
    """Find the richest plausible warp that clearly lowers the residual, or none.

    `max_shift` is a share of the picture's longer side.
    """
    warp = _align_within(pair, richest, min(NEAR, max_shift))
    if not warp.failed or max_shift <= NEAR:
        return warp
    far = _align_within(pair, richest, max_shift)
    return far if far.model != "none" and far.inliers > FAR_INLIERS else warp


def _align_within(pair: Pair, richest: Model, max_shift: float) -> Warp:
    best = np.eye(3)
    if not pair.comparable:
        share = f"{100 * pair.share:.2g} %"
        reason = f"only {share} of the picture is well exposed and textured in both frames"
        return Warp(best, pair.size, reason=reason)
    start = _first_guess(pair, max_shift)
    refusals = []
    for model in LADDER[1 : LADDER.index(richest) + 1]:
        nearest = nearest_model(start, model, pair.size)
        matrix = pair.refine(nearest, model, slice(max(1, pair.guessing)))
        refusal = _refusal(pair, model, best, matrix, max_shift)
        refusals += [f"{model}: {refusal}"] if refusal else []
        best = best if refusal else matrix
    gain = pair.judge(np.eye(3), best)
    falls = f"the residual falls from {gain.before:.3f} to {gain.after:.3f}"
    reason = falls if gain.after < gain.before else "; ".join(refusals)
    warp = accepted(best, gain, pair.size, reason)
    return replace(warp, failed=warp.model == "none" and _differs(pair, gain, refusals))


def _differs(pair: Pair, gain: Comparison, refusals: Sequence[str]) -> bool:
    """Whether frames that no warp brings together show different things where they lie."""
    agree = any(refusal.endswith(AGREE) for refusal in refusals)
    return not agree and pair.share > JUDGED and gain.inliers < BELIEVABLE


def accepted(matrix: Matrix, comparison: Comparison, size: tuple[int, int], reason: str) -> Warp:
    """Record a warp that was accepted, as the simplest model that is as good."""
    matrix, model = simplest_model(matrix, size, SIMPLER)
    after = comparison.before if model == "none" else comparison.after
    return Warp(matrix, size, model, comparison.before, after, comparison.inliers, reason)


def _first_guess(pair: Pair, max_shift: float) -> Matrix:
    """Choose between no warp and those of matched features, after a coarse refinement."""
    level = pair.guessing
    best = np.eye(3)
    shifted = pair.refine(best, "shift", slice(level, None))
    candidates = [pair.refine(shifted, "affine", slice(level, None))]
    for matched in _match(pair):
        candidates += [matched, pair.refine(matched, "affine", slice(level, level + 1))]
    for matrix in candidates:
        if not implausible(matrix, pair.size, max_shift):
            comparison = pair.compare(best, matrix, level)
            best = matrix if comparison.after < comparison.before else best
    return best


def _match(pair: Pair) -> list[Matrix]:
    """Guess the warp of most matched features, and that of most others: one may be a foreground."""
    for detector in DETECTORS:
        first, second = (find_features(p, detector) for p in (pair.reference, pair.frame))
        here, there = match_features(first, second)
        tolerance = TOLERANCE * first.spacing
        guess = guess_warp(here, there, pair.size, tolerance)
        if guess.model == "homography":
            break
    rest = ~guess.inlier
    other = guess_warp(here[rest], there[rest], pair.size, tolerance)
    return [found.matrix for found in (guess, other) if found.model != "none"]


def cells_needed(model: Model, gain: Comparison) -> int:
    """How many cells must agree with a warp for it to be believed.

    Of little that both frames show, much may be things that moved: a rich warp would follow them.
    """
    return CELLS_NEEDED[model][0 if gain.inliers > NEARLY_ALL else 1]


def _refusal(pair: Pair, model: Model, best: Matrix, matrix: Matrix, max_shift: float) -> str:
    """Say why a warp is not to replace the best so far, or nothing if it is."""
    unlikely = implausible(matrix, pair.size, max_shift)
    if unlikely:
        return unlikely
    gain = pair.judge(np.eye(3), matrix)
    farther = FARTHER * 100 * gain.moved / max(pair.size)
    if gain.agreeing < cells_needed(model, gain) + farther:
        return f"the frames agree in {gain.agreeing} of {GRID[0] * GRID[1]} cells"
    if displacement(matrix, np.eye(3), pair.size) < SIMPLER:
        return AGREE
    if not gain.falls:
        return f"the residual does not clearly fall ({gain.before:.3f} to {gain.after:.3f})"
    # a rigid warp need earn nothing: what shifts a hand-held camera turns it, too
    simpler = model != "rigid" and not np.array_equal(best, np.eye(3))
    if simpler and not pair.judge(best, matrix).improves:
        return "a simpler model fits as well"
    return ""
