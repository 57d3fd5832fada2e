"""A first guess at a warp from matched features, and what makes a guess believable."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8

from deghost.align.signal import Signal
from deghost.align.warp import Model, corners, scaling, transform
from deghost.types import Matrix


FEATURES = 2000  # per frame
FEATURE_PIXELS = 700_000  # features are sought on the first level no larger than this
SMALLEST = 8  # pixels a side, at that level; OpenCV cannot shrink what is a pixel high
TOLERANCE = 2.0  # pixels, at that level
CELLS = 6  # rows and columns of the grid that inliers should cover
LEAST_INLIERS = 50  # fewer, or a smaller share of the matches than below, support no homography
LEAST_RATIO = 0.4
LEAST_AFFINE_INLIERS = 15
LEAST_SHIFT_INLIERS = 8
FURTHEST = 0.3  # of the diagonal
SCALES = (0.5, 2.0)
STRETCH = 1.2  # ratio of the largest to the smallest local scale
ROTATION = 30.0  # degrees
DEPTH = 0.25  # change of the projective denominator over the picture

Detector = Literal["orb", "sift"]
Points = Float[np.ndarray, "n 2"]


@dataclass(frozen=True)
class Features:
    """Keypoints (x, y), in pixels of the finest level, with their descriptors."""

    points: Points
    descriptors: UInt8[np.ndarray, "n 32"] | Float32[np.ndarray, "n 128"]
    spacing: float  # pixels of the finest level per pixel of the level searched


@dataclass(frozen=True)
class Guess:
    """A model fitted to matches; `reason` says why no richer one was."""

    matrix: Matrix
    model: Model
    inlier: Bool[np.ndarray, " n"]
    reason: str


def find_features(pyramid: tuple[Signal, ...], detector: Detector) -> Features:
    """Find features of local contrast where a frame is well exposed.

    ORB (Rublee et al. 2011) is seven times as fast; SIFT (Lowe 2004) finds three times as many
    true matches between frames four stops apart.
    """
    level = next((s for s in pyramid if s.contrast.size <= FEATURE_PIXELS), pyramid[-1])
    codes = np.clip(level.contrast * (42 * level.trust) + 128, 0, 255).astype(np.uint8)
    finder = (
        cv2.ORB.create(FEATURES, fastThreshold=8)
        if detector == "orb"
        else cv2.SIFT.create(FEATURES, contrastThreshold=0.02)
    )
    small = min(codes.shape) < SMALLEST
    keypoints, descriptors = ((), None) if small else finder.detectAndCompute(codes, level.trust)
    to_full = scaling(level.size, pyramid[0].size)
    points = np.array([keypoint.pt for keypoint in keypoints], np.float64).reshape(-1, 2)
    if descriptors is None:
        descriptors = np.zeros((0, 32), np.uint8)
    return Features(transform(to_full, points), descriptors, float(to_full[0, 0]))


def match_features(reference: Features, frame: Features) -> tuple[Points, Points]:
    """Pair the features that are each other's nearest, if near enough."""
    if min(len(reference.points), len(frame.points)) < 2:
        return np.zeros((0, 2)), np.zeros((0, 2))
    if reference.descriptors.dtype == np.uint8:
        matcher = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True)
        found = matcher.match(reference.descriptors, frame.descriptors)
        pairs = np.array([(m.queryIdx, m.trainIdx) for m in found if m.distance < 64], int)
    else:
        pairs = _mutual_nearest(reference.descriptors, frame.descriptors)
    first, second = pairs.reshape(-1, 2).T
    return reference.points[first], frame.points[second]


def _mutual_nearest(
    reference: Float32[np.ndarray, "n 128"], frame: Float32[np.ndarray, "m 128"]
) -> Int[np.ndarray, "k 2"]:
    """Pair descriptors by angle, where the nearest is clearly nearer than the next."""
    units = [
        d / np.maximum(np.linalg.norm(d, axis=1, keepdims=True), 1e-6) for d in (reference, frame)
    ]
    cosine = units[0] @ units[1].T
    nearest = cosine.argmax(1)
    rows = np.arange(len(nearest))
    top = np.sqrt(np.clip(2 - 2 * np.partition(cosine, -2, axis=1)[:, -2:], 0, None))
    good = (cosine.argmax(0)[nearest] == rows) & (top[:, 1] < 0.9 * top[:, 0])
    return np.stack([rows[good], nearest[good]], 1)


def guess_warp(
    reference: Points, frame: Points, size: tuple[int, int], tolerance: float = TOLERANCE
) -> Guess:
    """Fit the richest model that the matched points support.

    A homography needs 50 inliers that are 40 % of the matches, or else an affine map is tried;
    inliers within two cells of a 6 x 6 grid support a shift alone. MAGSAC++ (Barath et al. 2020)
    rejects the outliers.
    """
    matches = len(reference)
    nobody = np.zeros(matches, bool)
    nothing = Guess(np.eye(3), "none", nobody, f"{matches} matched features do not agree")
    if matches < LEAST_SHIFT_INLIERS:
        return nothing
    matrix, inlier = _fit_homography(reference, frame, tolerance)
    count = int(inlier.sum())
    model: Model = "homography"
    reason = f"{count} of {matches} matched features agree"
    if count < LEAST_INLIERS or count < LEAST_RATIO * matches:
        matrix, inlier = _fit_affine(reference, frame, tolerance)
        count, model = int(inlier.sum()), "affine"
        reason = f"only {count} of {matches} matched features agree, too few for a homography"
    if count < LEAST_SHIFT_INLIERS:
        return nothing
    cells = covered_cells(reference[inlier], size)
    if cells <= 2 or (model == "affine" and count < LEAST_AFFINE_INLIERS):
        matrix = np.eye(3)
        matrix[:2, 2] = np.median(frame[inlier] - reference[inlier], axis=0)
        model, reason = (
            "shift",
            f"the {count} features that agree cover {cells} of {CELLS**2} cells",
        )
    return Guess(matrix, model, inlier, reason)


def covered_cells(points: Points, size: tuple[int, int]) -> int:
    """Count the cells of a 6 x 6 grid over the picture that hold a point."""
    cells = np.floor(points[:, ::-1] * CELLS / np.array(size)).clip(0, CELLS - 1)
    return len(np.unique(cells @ np.array([CELLS, 1])))


def implausible(matrix: Matrix, size: tuple[int, int], max_shift: float) -> str:
    """Say why no hand-held camera makes this warp, or nothing if one does.

    `max_shift` is a share of the picture's longer side.
    """
    frame = corners((0, 0, *size))
    depth = frame @ matrix[2, :2] + matrix[2, 2]
    if not np.isfinite(matrix).all() or depth.min() <= 0:
        return "it folds the picture"
    centre = np.array([[(size[1] - 1) / 2, (size[0] - 1) / 2]])
    around = centre + np.array([[0, 0], [0.5, 0], [-0.5, 0], [0, 0.5], [0, -0.5]])
    middle, right, left, below, above = transform(matrix, around)
    local = np.stack([right - left, below - above], 1)
    largest, smallest = np.linalg.svd(local, compute_uv=False)
    angle = abs(np.degrees(np.arctan2(local[1, 0] - local[0, 1], local[0, 0] + local[1, 1])))
    shift = float(np.linalg.norm(middle - centre[0]))
    reasons = {
        "it mirrors the picture": np.linalg.det(local) <= 0,
        f"it shifts by {shift:.0f} px, over 30 % of the diagonal": shift
        > FURTHEST * np.hypot(*size),
        f"it shifts by {shift:.0f} px, over {max_shift:.0%} of the side": shift
        > max_shift * max(size),
        "it scales beyond 0.5 to 2": not SCALES[0] ** 2 <= largest * smallest <= SCALES[1] ** 2,
        "it stretches the picture": largest > STRETCH * smallest,
        f"it turns the picture by {angle:.0f} degrees": angle > ROTATION,
        "its perspective is too strong": depth.max() / depth.min() > 1 + DEPTH,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _fit_homography(
    reference: Points, frame: Points, tolerance: float
) -> tuple[Matrix, Bool[np.ndarray, " n"]]:
    matrix, inlier = cv2.findHomography(reference, frame, cv2.USAC_MAGSAC, tolerance, maxIters=5000)
    return _checked(matrix, inlier, len(reference))


def _fit_affine(
    reference: Points, frame: Points, tolerance: float
) -> tuple[Matrix, Bool[np.ndarray, " n"]]:
    affine, inlier = cv2.estimateAffine2D(
        reference, frame, method=cv2.USAC_MAGSAC, ransacReprojThreshold=tolerance, maxIters=5000
    )
    matrix = None if affine is None else np.vstack([affine, [0, 0, 1]])
    return _checked(matrix, inlier, len(reference))


def _checked(
    matrix: np.ndarray | None, inlier: np.ndarray | None, count: int
) -> tuple[Matrix, Bool[np.ndarray, " n"]]:
    if matrix is None or inlier is None or not np.isfinite(matrix).all():
        return np.eye(3), np.zeros(count, bool)
    return matrix / matrix[2, 2], inlier.ravel() > 0
