import numpy as np
import pytest

from deghost.align.features import (
    covered_cells,
    find_features,
    guess_warp,
    implausible,
    match_features,
)
from deghost.align.signal import common_pyramids, measure_light
from deghost.align.warp import transform


SIZE = (600, 900)
TILTED = np.array([[1.01, -0.02, 12.0], [0.02, 0.99, -7.0], [2e-5, 1e-5, 1.0]])


def matches(matrix, inliers, outliers, seed=0, within=(0.0, 0.0, 1.0, 1.0)):
    """Points, in a part of the picture, and where the matrix, or else chance, sends them."""
    generator = np.random.default_rng(seed)
    low, high = np.array(within[:2]), np.array(within[2:])
    here = (low + (high - low) * generator.uniform(0, 1, (inliers + outliers, 2))) * SIZE[::-1]
    there = transform(matrix, here) + generator.normal(0, 0.2, here.shape)
    there[inliers:] = generator.uniform(0, 1, (outliers, 2)) * SIZE[::-1]
    return here, there


def test_a_homography_needs_fifty_inliers_that_are_two_fifths_of_the_matches():
    """With both, the projective map is found among the outliers."""
    guess = guess_warp(*matches(TILTED, 100, 100), SIZE)

    assert guess.model == "homography"
    assert 95 <= guess.inlier.sum() <= 110
    corners = np.array([[0.0, 0.0], [899.0, 0.0], [899.0, 599.0], [0.0, 599.0]])
    gap = np.linalg.norm(transform(guess.matrix, corners) - transform(TILTED, corners), axis=1)
    assert gap.max() < 1.0


@pytest.mark.parametrize(("inliers", "outliers"), [(40, 5), (100, 200)])
def test_fewer_or_rarer_inliers_support_an_affine_map_only(inliers, outliers):
    """Below fifty inliers, or below 40 % of the matches, the perspective is not believed."""
    affine = np.array([[1.01, -0.02, 12.0], [0.02, 0.99, -7.0], [0, 0, 1.0]])

    guess = guess_warp(*matches(affine, inliers, outliers), SIZE)

    assert guess.model == "affine"
    assert np.array_equal(guess.matrix[2], [0, 0, 1])
    assert "too few for a homography" in guess.reason


@pytest.mark.parametrize("count", [30, 200])
def test_inliers_within_two_cells_support_a_shift_only(count):
    """Features in a corner say nothing about how the rest of the picture turns."""
    shift = np.array([[1, 0, 9.0], [0, 1, -4.0], [0, 0, 1.0]])

    guess = guess_warp(*matches(shift, count, 0, within=(0.0, 0.0, 0.3, 0.15)), SIZE)

    assert guess.model == "shift"
    assert np.allclose(guess.matrix, shift, atol=0.1)
    assert "2 of 36 cells" in guess.reason


@pytest.mark.parametrize("count", [0, 1, 5, 7])
def test_a_handful_of_matches_supports_nothing(count):
    """Too few matches are no reason to warp a frame."""
    guess = guess_warp(*matches(TILTED, count, 0), SIZE)

    assert guess.model == "none"
    assert np.array_equal(guess.matrix, np.eye(3))


def test_cells_are_those_of_a_six_by_six_grid():
    """A point in each corner covers four cells; points of one cell count once."""
    points = np.array([[0.0, 0.0], [899.0, 0.0], [0.0, 599.0], [899.0, 599.0], [5.0, 5.0]])

    assert covered_cells(points, SIZE) == 4


@pytest.mark.parametrize(
    ("matrix", "reason"),
    [
        ([[1, 0, 350], [0, 1, 0], [0, 0, 1]], "30 % of the diagonal"),
        ([[1, 0, 120], [0, 1, 0], [0, 0, 1]], "over 12%"),
        ([[2.1, 0, -495], [0, 2.1, -330], [0, 0, 1]], "scales"),
        ([[0.45, 0, 247], [0, 0.45, 165], [0, 0, 1]], "scales"),
        ([[1.3, 0, -135], [0, 1, 0], [0, 0, 1]], "stretches"),
        ([[-1, 0, 899], [0, 1, 0], [0, 0, 1]], "mirrors"),
        ([[0.707, -0.707, 344], [0.707, 0.707, -230], [0, 0, 1]], "turns the picture by 45"),
        ([[1.17, 0, 0], [0.11, 1.17, -49], [4e-4, 0, 1]], "perspective"),
        ([[1, 0, 0], [0, 1, 0], [-3e-3, 0, 1]], "folds"),
    ],
)
def test_no_hand_makes_such_a_warp(matrix, reason):
    """Every bound of plausibility is stated in the refusal."""
    assert reason in implausible(np.array(matrix, dtype=np.float64), SIZE, 0.12)


def test_what_a_hand_does_is_plausible():
    """A small rotation, shift and tilt pass."""
    assert implausible(TILTED, SIZE, 0.12) == ""
    assert implausible(np.eye(3), SIZE, 0.0) == ""


@pytest.mark.parametrize("detector", ["orb", "sift"])
def test_features_match_across_two_stops(studio, detector):
    """Most matches between frames two stops apart are true."""
    matrix = studio.hand(5)
    scene = studio.scene(5)
    frames = studio.expose(scene, 2.0, 0), studio.expose(studio.look(scene, matrix), 0.5, 1)
    pyramids = common_pyramids(*map(measure_light, frames), -2.0)

    here, there = match_features(*(find_features(pyramid, detector) for pyramid in pyramids))

    assert len(here) > 200
    gap = np.linalg.norm(transform(matrix, here) - there, axis=1)
    assert (gap < 3).mean() > 0.8


@pytest.mark.parametrize("detector", ["orb", "sift"])
def test_a_blank_frame_has_no_features(studio, detector):
    """Nothing is matched, and nothing fails, where there is nothing to see."""
    blank = studio.expose(np.full((120, 160, 3), 0.1, np.float32), 0.0, 0)
    pyramids = common_pyramids(measure_light(blank), measure_light(blank), 0.0)

    here, there = match_features(*(find_features(pyramid, detector) for pyramid in pyramids))

    assert len(here) == len(there) == 0
