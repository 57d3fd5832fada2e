from dataclasses import replace

import numpy as np
import pytest

from deghost.align.refine import Comparison, Moving, compare, refine, textured_samples
from deghost.align.signal import common_pyramids, measure_light


@pytest.fixture(scope="module")
def levels(studio):
    """The finest contrast of a reference and of a frame moved by a little, one stop apart."""
    matrix = studio.hand(3, shift=0.6, angle=0.1)
    scene = studio.scene(3)
    reference, frame = studio.expose(scene, 2.0, 0), studio.expose(studio.look(scene, matrix), 1, 1)
    first, second = common_pyramids(measure_light(reference), measure_light(frame), -1.0)
    return textured_samples(first[0]), Moving(second[0].contrast, second[0].trust), matrix


@pytest.mark.parametrize(("model", "limit"), [("affine", 0.2), ("homography", 0.03)])
def test_refinement_finds_a_small_movement(studio, levels, model, limit):
    """From no warp at all to within hundredths of a pixel."""
    samples, moving, matrix = levels

    found = refine(samples, moving, np.eye(3), model)

    assert studio.error(found, matrix) < limit < studio.error(np.eye(3), matrix)


def test_a_rigid_warp_stays_rigid(studio, levels):
    """It turns and shifts, no more, and comes nearer than shifting alone."""
    samples, moving, matrix = levels

    found, shifted = (refine(samples, moving, np.eye(3), model) for model in ("rigid", "shift"))

    assert np.allclose(found[:2, :2] @ found[:2, :2].T, np.eye(2), atol=1e-12)
    assert studio.error(found, matrix) < studio.error(shifted, matrix)


@pytest.mark.parametrize("model", ["affine", "homography"])
def test_a_corner_does_not_tear_the_rest_along(studio, levels, model):
    """What is seen in a small part of the picture only is not extrapolated without measure."""
    samples, moving, matrix = levels
    x, y = samples.points.T
    corner = (x < x.min() + 60) & (y < y.min() + 60)
    few = replace(
        samples,
        points=samples.points[corner],
        values=samples.values[corner] + np.float32(0.05) * np.sin(x[corner]).astype(np.float32),
        gradients=samples.gradients[corner],
        cells=samples.cells[corner],
    )

    found = refine(few, moving, np.eye(3), model)

    assert studio.error(found, matrix) < studio.error(np.eye(3), matrix)


def test_a_shift_stays_a_shift(levels):
    """The model says which numbers of the matrix may change."""
    samples, moving, _ = levels

    found = refine(samples, moving, np.eye(3), "shift")

    assert np.allclose(found[:, :2], np.eye(3)[:, :2], atol=1e-12)


def test_the_true_warp_beats_no_warp(levels):
    """The residual falls, everywhere, and most pixels agree."""
    samples, moving, matrix = levels

    gain = compare(samples, moving, np.eye(3), matrix)

    assert gain.after < 0.6 * gain.before
    assert gain.vote > 0.95
    assert gain.inliers > 0.9
    assert gain.agreeing > 80
    assert gain.falls


def test_comparing_backwards_swaps_the_residuals(levels):
    """Before and after are measured on the same pixels."""
    samples, moving, matrix = levels

    there, back = (
        compare(samples, moving, *pair) for pair in ((np.eye(3), matrix), (matrix, np.eye(3)))
    )

    assert (there.before, there.after) == (back.after, back.before)
    assert there.vote == pytest.approx(1 - back.vote)
    assert not back.falls


def test_where_nothing_can_be_compared_there_is_no_residual(levels):
    """A warp that leads out of the frame is not a good one."""
    samples, moving, _ = levels
    away = np.array([[1, 0, 1e4], [0, 1, 0], [0, 0, 1.0]])

    gain = compare(samples, moving, np.eye(3), away)

    assert np.isnan(gain.after)
    assert not gain.falls
    assert not gain.improves


@pytest.mark.parametrize(
    ("moved", "after", "agreeing", "vote", "falls"),
    [
        (0.1, 0.98, 39, 0.9, False),
        (0.1, 0.96, 39, 0.9, True),
        (0.5, 0.93, 39, 0.9, False),
        (5.0, 0.9, 39, 0.9, False),
        (5.0, 0.9, 90, 0.75, False),
        (5.0, 0.8, 39, 0.9, True),
        (5.0, 0.9, 90, 0.9, True),  # noise hides how much better it is, but nearly all agree
        (5.0, 0.98, 90, 0.9, False),
    ],
)
def test_the_further_a_warp_moves_the_more_it_must_gain(moved, after, agreeing, vote, falls):
    """Three per cent do for a tenth of a pixel; a pixel must gain fifteen, or convince most."""
    gain = Comparison(1.0, after, moved, kept=1.0, vote=vote, inliers=0.9, agreeing=agreeing)

    assert gain.falls == falls


@pytest.mark.parametrize("worse", [{"vote": 0.6}, {"kept": 0.7}])
def test_a_gain_in_one_place_or_by_looking_away_does_not_count(worse):
    """A residual may also fall because a few cells, or only the easy pixels, are compared."""
    values = {"kept": 1.0, "vote": 0.9, "inliers": 0.9, "agreeing": 90} | worse

    assert not Comparison(1.0, 0.5, 1.0, **values).falls
    assert not Comparison(1.0, 0.5, 1.0, **values).improves
