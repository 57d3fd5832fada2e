import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deghost.align.warp import (
    Warp,
    corners,
    displacement,
    nearest_model,
    simplest_model,
    source_window,
    transform,
    warp_window,
)


SIZE = (120, 160)
small = st.floats(-0.03, 0.03)
matrices = st.builds(
    lambda a, b, c, d, x, y, g, h: np.array(
        [[1 + a, b, x], [c, 1 + d, y], [g / 1000, h / 1000, 1.0]]
    ),
    *[small] * 4,
    *[st.floats(-25, 25)] * 2,
    *[small] * 2,
)


def texture(size, seed=0, channels=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(channels, *size, generator=generator)


def warp_whole(image, warp, window):
    y, x, height, width = source_window(warp, window)
    return warp_window(image[:, y : y + height, x : x + width], warp, window)


@settings(max_examples=50, deadline=None)
@given(matrices, st.sampled_from([(240, 320), (60, 80), (361, 485), (120, 160)]))
def test_a_scaled_warp_sends_scaled_points_to_scaled_points(matrix, size):
    """Pixel centres scale as x' = (x + 1/2) s - 1/2, before the warp and after it."""
    warp = Warp(matrix, SIZE, "homography")
    ratio = np.array(size[::-1]) / np.array(SIZE[::-1])
    points = corners((0, 0, *SIZE))

    scaled = warp.scaled_to(size)

    wanted = (transform(matrix, points) + 0.5) * ratio - 0.5
    assert np.allclose(transform(scaled.matrix, (points + 0.5) * ratio - 0.5), wanted, atol=1e-6)
    assert np.allclose(scaled.scaled_to(SIZE).matrix, matrix / matrix[2, 2], atol=1e-9)
    assert scaled.model == warp.model


@settings(max_examples=25, deadline=None)
@given(matrices, st.integers(0, 80), st.integers(0, 100), st.integers(1, 40), st.integers(1, 60))
def test_a_tile_is_part_of_the_whole(matrix, y, x, height, width):
    """Warping a window gives what warping everything gives there."""
    image, warp = texture(SIZE), Warp(matrix, SIZE)
    whole, covered = warp_whole(image, warp, (0, 0, *SIZE))

    tile, tile_covered = warp_whole(image, warp, (y, x, height, width))

    part = np.s_[..., y : y + height, x : x + width]
    assert torch.allclose(tile, whole[part], atol=1e-6, rtol=0)
    assert torch.equal(tile_covered, covered[part])


@pytest.mark.parametrize("shift", [(0, 0), (3, -5), (-200, 0), (0, 159)])
def test_whole_pixel_shifts_copy(shift):
    """No value changes when a frame moves by whole pixels; beyond its edge nothing is covered."""
    image = texture(SIZE)
    matrix = np.array([[1, 0, shift[1]], [0, 1, shift[0]], [0, 0, 1.0]])

    warped, covered = warp_whole(image, Warp(matrix, SIZE), (0, 0, *SIZE))

    rows, columns = np.arange(SIZE[0]) + shift[0], np.arange(SIZE[1]) + shift[1]
    inside = np.outer((rows >= 0) & (rows < SIZE[0]), (columns >= 0) & (columns < SIZE[1]))
    clamped = image[:, rows.clip(0, SIZE[0] - 1)][:, :, columns.clip(0, SIZE[1] - 1)]
    assert torch.equal(warped, clamped)
    assert np.array_equal(covered.numpy(), inside)


@settings(max_examples=15, deadline=None)
@given(matrices)
def test_a_smooth_picture_is_interpolated_at_the_right_places(matrix):
    """A wave, resampled, is the wave at the warped places, within 5 % of a pixel."""

    def wave(points):
        return 0.5 + 0.4 * np.sin(points[..., 0] / 9 + 0.3) * np.cos(points[..., 1] / 7)

    grid = np.stack(np.meshgrid(np.arange(SIZE[1]), np.arange(SIZE[0])), 2).astype(np.float64)
    image = torch.from_numpy(wave(grid)[None].astype(np.float32))

    warped, covered = warp_whole(image, Warp(matrix, SIZE), (0, 0, *SIZE))

    wanted = wave(transform(matrix, grid.reshape(-1, 2)).reshape(*SIZE, 2))
    places = transform(matrix, grid.reshape(-1, 2)).reshape(*SIZE, 2)
    well_inside = ((places > 2) & (places < np.array(SIZE[::-1]) - 3)).all(2)
    gap = np.abs(warped[0].numpy() - wanted)[well_inside]
    assert gap.max(initial=0) < 0.05 * 0.4 * (1 / 9 + 1 / 7)
    assert covered.numpy()[well_inside].all()


def test_coverage_ends_at_the_last_pixel_centre():
    """Half a pixel beyond the edge is not covered, and repeats the edge."""
    matrix = np.array([[1, 0, 0.5], [0, 1, 0], [0, 0, 1.0]])
    image = torch.full((1, 4, 6), 0.25)

    warped, covered = warp_whole(image, Warp(matrix, (4, 6)), (0, 0, 4, 6))

    assert torch.equal(covered, torch.tensor([1.0, 1, 1, 1, 1, 0]).expand(4, 6))
    assert torch.allclose(warped, image)


def test_a_window_that_the_frame_does_not_show_is_not_covered():
    """A tile far outside still has its size, and no coverage."""
    warp = Warp(np.array([[1.01, 0, 900], [0, 1, 0], [0, 0, 1.0]]), SIZE)

    warped, covered = warp_whole(texture(SIZE), warp, (0, 0, 8, 10))

    assert warped.shape == (3, 8, 10)
    assert not covered.any()


def test_one_channel_stays_one_channel():
    """Masks are warped as pictures of one channel."""
    warp = Warp(np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]]), SIZE)

    assert warp_whole(texture(SIZE, channels=1), warp, (0, 0, 5, 7))[0].shape == (1, 5, 7)


def test_light_stays_positive():
    """Overshoot beside a bright edge does not become negative light."""
    image = torch.zeros(3, *SIZE)
    image[:, :, 80:] = 1.0
    warp = Warp(np.array([[1, 0, 0.4], [0, 1, 0], [0, 0, 1.0]]), SIZE)

    assert warp_whole(image, warp, (0, 0, *SIZE))[0].min() == 0


def test_a_source_of_the_wrong_size_is_an_error():
    """The window that must be read is stated."""
    with pytest.raises(ValueError, match="needs"):
        warp_window(texture((4, 4)), Warp(np.eye(3), SIZE), (0, 0, 8, 8))


@pytest.mark.parametrize(
    ("matrix", "model"),
    [
        ([[1, 0, 0.02], [0, 1, 0], [0, 0, 1]], "none"),
        ([[1, 0, 3.4], [1e-4, 1, 0], [0, 0, 1]], "shift"),
        ([[0.9998, -0.02, 3.4], [0.02, 0.9998, -1], [0, 0, 1]], "rigid"),
        ([[1.02, 0, 3.4], [0, 1, 0], [0, 0, 1]], "affine"),
        ([[1, 0, 0], [0, 1, 0], [1e-4, 0, 1]], "homography"),
    ],
)
def test_the_simplest_model_that_is_as_good_is_named(matrix, model):
    """A richer model must move something by the tolerance to be called so."""
    matrix = np.array(matrix, dtype=np.float64)

    found, name = simplest_model(matrix, SIZE, 0.1)

    assert name == model
    assert displacement(found, matrix, SIZE) < 0.1


@settings(max_examples=25, deadline=None)
@given(matrices)
def test_the_nearest_affine_map_of_an_affine_map_is_itself(matrix):
    """Fitting a model to one of its own kind changes nothing."""
    matrix = matrix.copy()
    matrix[2] = 0, 0, 1

    assert np.allclose(nearest_model(matrix, "affine", SIZE), matrix, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.floats(-3, 3), st.floats(-50, 50), st.floats(-50, 50))
def test_the_nearest_rigid_warp_of_a_rigid_warp_is_itself(angle, x, y):
    """Turned by any angle and shifted by any number of pixels."""
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix = np.array([[cosine, -sine, x], [sine, cosine, y], [0, 0, 1]])

    assert np.allclose(nearest_model(matrix, "rigid", SIZE), matrix, atol=1e-9)
