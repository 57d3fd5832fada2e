"""Sub-pixel refinement: robust Gauss-Newton on local contrast.

The inverse compositional algorithm (Baker and Matthews 2004) with Geman-McClure weights: what
moves, or is clipped, in either frame loses its vote. Hands shift and turn a camera, and stretch or
tilt a picture little: rich models are drawn towards that, so that what a corner shows is not
extrapolated over the whole picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int

from deghost.align.signal import Plane, Signal, Trust
from deghost.align.warp import Model, rescaled, transform
from deghost.types import Matrix


POINTS = 30_000  # compared per level
GRADIENT = 0.08  # contrast per pixel; less tells nothing about where a pixel lies
OUTLIER = 0.5  # contrast; residuals beyond it hardly pull
CONVERGED = 2e-3  # pixels of change at which iterating stops
PARAMETERS: dict[Model, int] = {"none": 0, "shift": 2, "rigid": 3, "affine": 6, "homography": 8}
GRID = (8, 12)  # rows and columns of cells that vote
CONSENSUS = 0.8  # of the vote, and ...
MANY = 40  # ... of cells that agree, with which a small gain is believed
EARNED = 0.997  # of the residual: what a richer model may leave at most
STRAIN = np.array([3e-3, 3e-3, 3e-3, 4e-3, 4e-3])  # what hands usually do to `_strain`
ALIKE = 100  # neighbouring samples, or parts of what moved, that err together


@dataclass(frozen=True)
class Samples:
    """The textured, well-exposed pixels of a reference, and what it shows there."""

    size: tuple[int, int]
    points: Float[np.ndarray, "n 2"]  # x, y
    values: Float32[np.ndarray, " n"]
    gradients: Float32[np.ndarray, "n 2"]
    cells: Int[np.ndarray, " n"]
    share: float  # of the reference's pixels, before thinning


@dataclass(frozen=True)
class Moving:
    """The frame that is compared with the samples.

    An atlas of patches cut from a frame is read at `point + shift[cell]` of its sample.
    """

    contrast: Plane
    trust: Trust
    shift: Float[np.ndarray, "k 2"] | None = None


@dataclass(frozen=True)
class Comparison:
    """How two warps fit the same pixels."""

    before: float  # mean residual, each no more than 1
    after: float
    moved: float  # mean pixels between the two warps
    kept: float  # pixels comparable after, for each that was before
    vote: float  # share of the change, over the cells, that is for the better
    inliers: float  # share of the pixels that agree after
    agreeing: int  # cells of the grid of which most pixels agree after

    @property
    def falls(self) -> bool:
        """Whether the residual falls as clearly as it must where so much has moved.

        Details a pixel out of place cost much; if putting them right gains little, chance, or
        something else that moved, has made the warp; or else there is more noise than detail, but
        then most of the picture has to agree that it gains.
        """
        most = 0.03 if self.vote > CONSENSUS and self.agreeing >= MANY else 0.15
        needed = 1 - min(most, max(0.03, 0.15 * self.moved))
        return self.after < needed * self.before and self.vote > 0.65 and self.kept > 0.8

    @property
    def improves(self) -> bool:
        """Whether a richer model, or a correction, earns its keep."""
        return self.after < EARNED * self.before and self.vote > 0.65 and self.kept > 0.8


def textured_samples(signal: Signal) -> Samples:
    """Choose the trusted pixels of a reference that can tell where they lie."""
    gx = cv2.Scharr(signal.contrast, cv2.CV_32F, 1, 0, scale=1 / 32)
    gy = cv2.Scharr(signal.contrast, cv2.CV_32F, 0, 1, scale=1 / 32)
    strong = (np.abs(gx) + np.abs(gy) > GRADIENT) & (signal.trust > 0)
    rows, columns = np.nonzero(strong)
    share = len(rows) / strong.size
    chosen = slice(None, None, max(1, round(len(rows) / POINTS)))
    rows, columns = rows[chosen], columns[chosen]
    height, width = signal.size
    cells = (rows * GRID[0] // height) * GRID[1] + columns * GRID[1] // width
    return Samples(
        signal.size,
        np.stack([columns, rows], 1).astype(np.float64),
        signal.contrast[rows, columns],
        np.stack([gx[rows, columns], gy[rows, columns]], 1),
        cells,
        share,
    )


def residuals(
    samples: Samples, moving: Moving, matrix: Matrix
) -> tuple[Float32[np.ndarray, " n"], np.ndarray]:
    """Subtract the samples from the warped frame; also say which of them can be compared."""
    places = transform(matrix, samples.points)
    if moving.shift is not None:
        places = places + moving.shift[samples.cells]
    seen = _look_up(moving.contrast, places, cv2.INTER_LINEAR)
    valid = _look_up(moving.trust, places, cv2.INTER_NEAREST) > 0
    return seen - samples.values, valid


def refine(
    samples: Samples, moving: Moving, matrix: Matrix, model: Model, iterations: int = 12
) -> Matrix:
    """Improve a warp by the steps that its model allows; the result may be no better."""
    count = PARAMETERS[model]
    normal = _normalising(samples.size)
    steepest = _steepest_descent(samples, normal, model)
    for _ in range(iterations):
        error, valid = residuals(samples, moving, matrix)
        weight = np.where(valid, 1 / (1 + (error / OUTLIER) ** 2) ** 2, 0).astype(np.float32)
        weighted = steepest * weight[:, None]
        hessian = (weighted.T @ steepest).astype(np.float64)
        slope = (weighted.T @ error).astype(np.float64)
        rows, strain = _strain(normal @ matrix @ np.linalg.inv(normal), model)
        doubt = ALIKE * float((weight * error**2).sum() / max(weight.sum(), 1e-9))
        hessian += doubt * rows.T @ rows
        slope += doubt * rows.T @ strain
        hessian[np.diag_indices(count)] *= 1 + 1e-6
        if np.linalg.cond(hessian) > 1e10:
            return matrix
        step = _as_matrix(np.linalg.solve(hessian, slope), model)
        matrix = matrix @ np.linalg.inv(normal) @ np.linalg.inv(step) @ normal
        matrix = matrix / matrix[2, 2]
        if np.abs(step - np.eye(3)).max() * max(samples.size) / 2 < CONVERGED:
            break
    return matrix


def compare(samples: Samples, moving: Moving, before: Matrix, after: Matrix) -> Comparison:
    """Compare two warps on the pixels that both can judge."""
    first, seen_first = residuals(samples, moving, before)
    second, seen_second = residuals(samples, moving, after)
    both = seen_first & seen_second
    if not both.any():
        return Comparison(float("nan"), float("nan"), 0.0, 0.0, 0.0, 0.0, 0)
    worse = np.minimum(np.abs(first[both]), 1)
    better = np.minimum(np.abs(second[both]), 1)
    cells = samples.cells[both]
    count = np.bincount(cells)
    filled = count >= max(8, 0.1 * count.mean())
    cell_change = (np.bincount(cells, worse - better) / np.maximum(count, 1))[filled]
    agree = np.bincount(cells, better < OUTLIER)[filled] / count[filled]
    points = samples.points[both]
    moved = np.linalg.norm(transform(after, points) - transform(before, points), axis=1)
    return Comparison(
        before=float(worse.mean()),
        after=float(better.mean()),
        moved=float(moved.mean()),
        kept=float(seen_second.sum() / seen_first.sum()),
        vote=float(cell_change.clip(min=0).sum() / max(np.abs(cell_change).sum(), 1e-9)),
        inliers=float((better < OUTLIER).mean()),
        agreeing=int((agree > 0.5).sum()),
    )


def refine_levels(
    reference: Sequence[Samples], frame: Sequence[Signal], start: Matrix, model: Model
) -> Matrix:
    """Refine a warp of the finest level given, on each level in turn, coarsest first."""
    full = reference[0].size
    matrix = start
    for samples, signal in zip(reversed(reference), reversed(frame), strict=True):
        moving = Moving(signal.contrast, signal.trust)
        local = refine(samples, moving, rescaled(matrix, full, samples.size), model)
        matrix = rescaled(local, samples.size, full)
    return matrix


def _look_up(plane: np.ndarray, places: Float[np.ndarray, "n 2"], how: int) -> np.ndarray:
    columns, rows = places.T.astype(np.float32)[:, :, None]
    chunk = 16_384  # cv2.remap takes no more rows than 32767
    parts = [
        cv2.remap(plane, columns[i : i + chunk], rows[i : i + chunk], how, borderValue=0)[:, 0]
        for i in range(0, len(places), chunk)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, plane.dtype)


def _normalising(size: tuple[int, int]) -> Matrix:
    scale = 2 / max(size)
    return np.array(
        [[scale, 0, -scale * (size[1] - 1) / 2], [0, scale, -scale * (size[0] - 1) / 2], [0, 0, 1]]
    )


def _steepest_descent(
    samples: Samples, normal: Matrix, model: Model
) -> Float32[np.ndarray, "n parameters"]:
    x, y = transform(normal, samples.points).astype(np.float32).T
    gx, gy = samples.gradients.T / np.float32(normal[0, 0])
    columns = [gx, gy]
    if model == "rigid":
        columns += [gy * x - gx * y]
    if model in ("affine", "homography"):
        columns += [gx * x, gx * y, gy * x, gy * y]
    if model == "homography":
        along = -(gx * x + gy * y)
        columns += [along * x, along * y]
    return np.stack(columns, 1)


def _strain(
    matrix: Matrix, model: Model
) -> tuple[Float[np.ndarray, "k parameters"], Float[np.ndarray, " k"]]:
    """How far a normalised warp is from rigid, in what is usual, and how steps change that.

    Two stretches, zoom and two tilts; a model does not change what it cannot.
    """
    kinds = {"affine": 3, "homography": 5}.get(model, 0)
    (a, b, _), (c, d, _), (g, h, one) = matrix
    strain = np.array([a - d, b + c, (a + d) / 2 - one, g, h]) / one
    rows = np.zeros((5, 8))  # of steps tx, ty, a, b, c, d, g, h
    rows[0, [2, 5]] = 1, -1
    rows[1, [3, 4]] = 1
    rows[2, [2, 5]] = 0.5
    rows[3, 6] = rows[4, 7] = 1
    rows = rows[:, : PARAMETERS[model]] / STRAIN[:, None]
    return rows[:kinds], (strain / STRAIN)[:kinds]


def _as_matrix(step: Float[np.ndarray, " parameters"], model: Model) -> Matrix:
    if model == "rigid":
        tx, ty, angle = step
        cosine, sine = np.cos(angle), np.sin(angle)
        return np.array([[cosine, -sine, tx], [sine, cosine, ty], [0, 0, 1]])
    values = np.zeros(8)
    values[: PARAMETERS[model]] = step
    tx, ty, a, b, c, d, g, h = values
    return np.array([[1 + a, b, tx], [c, 1 + d, ty], [g, h, 1]])
