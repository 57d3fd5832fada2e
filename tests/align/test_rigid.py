import numpy as np
import pytest
import torch

from deghost.align.rigid import AlignSettings, align_frames
from deghost.align.warp import LADDER
from deghost.errors import SettingsError


STILL = np.eye(3)


@pytest.mark.parametrize("stops", [2.0, 4.0])
@pytest.mark.parametrize("share", [0.0, 0.2])
def test_a_hand_held_bracket_is_aligned_within_a_tenth_of_a_pixel(studio, bracket, stops, share):
    """Rotation, shift and tilt are found despite noise, tone curve, clipping and moving things."""
    matrices = [studio.hand(11), STILL, studio.hand(12)]
    frames, exposures = bracket(matrices, stops, share)

    warps = align_frames(frames, exposures, 1, AlignSettings())

    for warp, matrix in zip(warps, matrices, strict=True):
        assert studio.error(warp.matrix, matrix) < (0.1 if stops == 2 else 0.2)
        assert warp.residual_after < warp.residual_before or matrix is STILL


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("share", [0.0, 0.2])
def test_frames_from_a_tripod_are_left_alone(bracket, seed, share):
    """An aligned set is never resampled, whatever its noise and whatever moves in it."""
    frames, exposures = bracket([STILL] * 3, share=share, seed=seed)

    warps = align_frames(frames, exposures, 1, AlignSettings())

    for warp in warps:
        assert warp.model == "none"
        assert np.array_equal(warp.matrix, STILL)
        assert warp.reason


def test_the_reference_may_be_any_frame(studio, bracket):
    """Frames beyond the reference's neighbours are reached by way of those between."""
    matrices = [studio.hand(21), studio.hand(22), studio.hand(23)]
    frames, exposures = bracket(matrices)

    for reference in (0, 2):
        warps = align_frames(frames, exposures, reference, AlignSettings())

        for warp, matrix in zip(warps, matrices, strict=True):
            wanted = matrix @ np.linalg.inv(matrices[reference])
            assert studio.error(warp.matrix, wanted) < 0.2
        assert warps[reference].reason == "the reference"


def test_unrelated_pictures_are_not_warped(studio):
    """Two different scenes have no warp between them, and the reason says so."""
    frames = torch.stack([studio.expose(studio.scene(s), 2.0, s) for s in (31, 32)])

    warp = align_frames(frames, torch.tensor([1.0, 1.0]), 0, AlignSettings())[1]

    assert warp.model == "none"
    assert warp.residual_after == warp.residual_before > 0.5
    assert "shift:" in warp.reason


def test_noise_does_not_hide_a_small_shift(studio):
    """At night there is more noise than detail, but nearly all of the picture agrees."""
    scene = studio.scene(51) ** 0.3 / 8
    moved = studio.hand(53, shift=4.0, angle=0.1)
    frames = torch.stack(
        [
            studio.expose(studio.look(scene, m), 1.0, k, noisy=0.09)
            for k, m in enumerate((STILL, moved))
        ]
    )

    warp = align_frames(frames, torch.tensor([1.0, 1.0]), 0, AlignSettings())[1]

    assert studio.error(STILL, moved) > 2
    assert studio.error(warp.matrix, moved) < 0.7


def test_what_moved_far_is_not_followed_where_little_else_is_seen(studio):
    """Behind a walker who moved by a tenth, the brighter frame of a tripod clips."""
    background, walker = np.full((*studio.size, 3), 0.5), 0.02 * studio.scene(61) ** 0.5
    frames = []
    for k, (left, exposure) in enumerate([(150, 1.0), (205, 4.0)]):
        seen = background.copy()
        seen[80:300, left : left + 60] = walker[80:300, 100:160]
        frames.append(studio.expose(seen, exposure, k))

    warp = align_frames(torch.stack(frames), torch.tensor([1.0, 4.0]), 0, AlignSettings())[1]

    assert warp.model == "none"


def test_a_moving_half_of_the_picture_does_not_drag_the_rest(studio):
    """With a tripod, the background wins over a foreground of the same size that moves as one."""
    background, foreground = studio.scene(41), studio.scene(42)
    still, moved = background.copy(), background.copy()
    still[:, 235:475] = foreground[:, 235:475]
    moved[:, 235:475] = foreground[:, 228:468]
    frames = torch.stack([studio.expose(image, 2.0, i) for i, image in enumerate((still, moved))])

    warp = align_frames(frames, torch.tensor([1.0, 1.0]), 0, AlignSettings())[1]

    assert warp.model == "none"


def test_a_hand_held_background_is_found_behind_a_large_foreground(studio):
    """Forty per cent of the picture moving another way changes the warp by little."""
    matrix = studio.hand(51, shift=10)
    scene, other = studio.scene(51), studio.scene(52)
    first, second = scene.copy(), studio.look(scene, matrix)
    first[:, 40:230], second[:, 60:250] = other[:, 40:230], other[:, 40:230]
    frames = torch.stack([studio.expose(image, 2.0, i) for i, image in enumerate((first, second))])

    warp = align_frames(frames, torch.tensor([1.0, 1.0]), 0, AlignSettings())[1]

    assert studio.error(warp.matrix, matrix) < 0.1


def test_a_frame_that_shows_nothing_takes_its_neighbours_warp(studio, bracket):
    """A black frame cannot be aligned; it most likely moved as the next frame did."""
    frames, exposures = bracket([STILL, studio.hand(61), STILL])
    black = torch.full_like(frames[:1], 1e-4)
    frames = torch.cat([black, frames[1:]])

    warps = align_frames(frames, exposures, 2, AlignSettings())

    assert warps[1].model != "none"
    assert np.allclose(warps[0].matrix, warps[1].matrix)
    assert "well exposed" in warps[0].reason
    assert np.isnan(warps[0].residual_after)


def test_two_frames_without_common_light_are_left_alone(studio):
    """Where one frame is clipped and the other black, none is the only answer."""
    scene = studio.scene(71)
    frames = torch.stack([studio.expose(scene, e, 0) for e in (2e-4, 2e3)])

    warp = align_frames(frames, torch.tensor([2e-4, 2e3]), 0, AlignSettings())[1]

    assert warp.model == "none"
    assert "well exposed" in warp.reason


def test_a_shift_beyond_the_limit_is_refused(studio, bracket):
    """The largest shift is the user's to set."""
    far = np.array([[1, 0, 40.0], [0, 1, 0], [0, 0, 1]])
    frames, exposures = bracket([far, STILL, STILL])

    allowed = align_frames(frames, exposures, 1, AlignSettings(max_shift=12))[0]
    refused = align_frames(frames, exposures, 1, AlignSettings(max_shift=5))[0]

    assert studio.error(allowed.matrix, far) < 0.1
    assert refused.model == "none"


def test_steps_that_add_up_to_more_than_the_limit_are_not_taken(studio, bracket):
    """Two steps of a tenth of the picture are one too many for a limit of 12 %."""
    matrices = [np.array([[1, 0, 45.0 * i], [0, 1, 0], [0, 0, 1]]) for i in range(3)]
    frames, exposures = bracket(matrices)

    warps = align_frames(frames, exposures, 0, AlignSettings(max_shift=12))

    assert studio.error(warps[1].matrix, matrices[1]) < 0.1
    assert studio.error(warps[2].matrix, matrices[1]) < 0.2
    assert "as the next frame" in warps[2].reason


def test_the_same_frames_give_the_same_warps(studio, bracket):
    """Nothing is left to chance."""
    frames, exposures = bracket([studio.hand(91), STILL, STILL], share=0.2)

    first, second = (align_frames(frames, exposures, 1, AlignSettings()) for _ in range(2))

    assert np.array_equal(first[0].matrix, second[0].matrix)


@pytest.mark.parametrize("model", ["none", "shift", "rigid", "affine"])
def test_no_richer_model_than_asked_for_is_used(studio, bracket, model):
    """The settings bound the model."""
    frames, exposures = bracket([studio.hand(81, angle=0.1), STILL, STILL])

    warps = align_frames(frames, exposures, 1, AlignSettings(model=model))

    assert warps[0].model in LADDER[: 1 + LADDER.index(model)]


def test_the_largest_shift_is_a_percentage():
    """A share beyond the picture is the user's slip."""
    with pytest.raises(SettingsError, match="percentage"):
        AlignSettings(max_shift=120)


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (20, 20), (64, 48)])
def test_tiny_frames_do_not_fail(size):
    """Alignment of next to nothing is no alignment, not an error."""
    frames = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))

    warps = align_frames(frames, torch.tensor([1.0, 2.0]), 0, AlignSettings())

    assert [warp.size for warp in warps] == [size, size]
    assert np.array_equal(warps[1].matrix, STILL)


def test_a_far_shift_is_found_where_nothing_nearer_fits(studio, bracket):
    """A seventh of the width is much for hands, but what nearly all pixels agree on is true."""
    far = np.array([[1, 0, 68.0], [0, 1, -9], [0, 0, 1]])
    frames, exposures = bracket([far, STILL, STILL])

    warp = align_frames(frames, exposures, 1, AlignSettings())[0]

    assert studio.error(warp.matrix, far) < 0.1
    assert not warp.failed


def test_a_large_thing_that_moves_far_does_not_drag_a_tripod(studio):
    """Half of the picture agrees with the far shift of a foreground, and half does not."""
    background, foreground = studio.scene(43), studio.scene(44)
    first, second = background.copy(), background.copy()
    first[:, 30:255], second[:, 105:330] = foreground[:, 30:255], foreground[:, 30:255]
    frames = torch.stack([studio.expose(image, 2.0, i) for i, image in enumerate((first, second))])

    warp = align_frames(frames, torch.tensor([1.0, 1.0]), 0, AlignSettings())[1]

    assert warp.model == "none"


def test_a_failure_is_told_from_frames_that_agree(studio, bracket):
    """Other pictures fail; still ones do not, nor do those of which nothing can be told."""
    still, exposures = bracket([STILL] * 3, share=0.2)
    black = torch.full_like(still[:1], 1e-4)
    other = studio.expose(studio.scene(33), 8.0, 3)[None]

    agree = align_frames(still, exposures, 1, AlignSettings())
    blind = align_frames(torch.cat([black, still[1:]]), exposures, 1, AlignSettings())
    failed = align_frames(torch.cat([still[:2], other]), exposures, 1, AlignSettings())

    assert [warp.failed for warp in (*agree, *blind)] == [False] * 6
    assert [warp.failed for warp in failed] == [False, False, True]


def test_a_frame_that_agrees_with_a_failed_neighbour_failed_as_well(studio):
    """It is the reference that counts, not the next frame."""
    scenes = [studio.scene(31), studio.scene(32), studio.scene(32)]
    exposures = torch.tensor([1.0, 2.0, 4.0])
    frames = [studio.expose(scene, 2.0**i, i) for i, scene in enumerate(scenes)]

    warps = align_frames(torch.stack(frames), exposures, 0, AlignSettings())

    assert [warp.failed for warp in warps] == [False, True, True]
