import cv2
import numpy as np
import pytest
import torch

from deghost.align.full import refine_full
from deghost.align.warp import Warp


SIZE = (960, 1280)


@pytest.fixture(scope="module")
def frames(studio):
    """Two full-size frames a stop apart, the second moved by 0.6 and -0.4 pixels, and proxies."""
    scene = studio.scene(9, SIZE)
    shift = np.array([[1, 0, 0.6], [0, 1, -0.4], [0, 0, 1.0]])
    full = studio.expose(scene, 1.0, 0), studio.expose(studio.look(scene, shift), 2.0, 1)
    small = [
        cv2.resize(f.permute(1, 2, 0).numpy(), (320, 240), interpolation=cv2.INTER_AREA)
        for f in full
    ]
    proxies = torch.stack([torch.from_numpy(s).permute(2, 0, 1) for s in small])
    return full, proxies, shift


def correct(frames, matrix, model):
    full, proxies, _ = frames
    warps = [Warp(np.eye(3), SIZE, reason="the reference"), Warp(matrix, SIZE, model)]

    def read(k, y, x, height, width):
        return full[k][:, y : y + height, x : x + width]

    return refine_full(read, proxies, torch.tensor([1.0, 2.0]), warps, 0)


def test_what_the_proxy_could_not_see_is_corrected(studio, frames):
    """A fraction of a full-size pixel is found, and said to have been."""
    reference, warp = correct(frames, np.eye(3), "none")

    assert studio.error(warp.matrix, frames[2], SIZE) < 0.06
    assert warp.model == "shift"
    assert "correct it by 0.7" in warp.reason
    assert np.array_equal(reference.matrix, np.eye(3))


def test_a_slightly_wrong_homography_is_corrected(studio, frames):
    """Most of a pixel of error at a corner, of the kind that a proxy leaves, goes."""
    wrong = np.array([[1.0008, 0, 0.0], [0.0006, 1, -0.9], [3e-7, 0, 1]])

    warp = correct(frames, wrong, "homography")[1]

    assert studio.error(wrong, frames[2], SIZE) > 0.3
    assert studio.error(warp.matrix, frames[2], SIZE) < 0.06


def test_a_good_warp_is_kept(studio, frames):
    """Where nothing is to gain, no number changes much, and none becomes worse."""
    warp = correct(frames, frames[2], "shift")[1]

    assert studio.error(warp.matrix, frames[2], SIZE) < 0.04


def test_aligned_frames_are_not_touched(frames):
    """Frames that agree to a tenth of a pixel are not resampled."""
    full, proxies, _ = frames
    same = ((full[0], full[0] * 0.5), proxies[[0, 0]] * torch.tensor([1, 0.5])[:, None, None, None])

    warp = correct((*same, None), np.eye(3), "none")[1]

    assert warp.model == "none"
    assert warp.integer_shift == (0, 0)


def test_a_shift_by_nearly_whole_pixels_becomes_one(frames):
    """Copying is better than resampling by two hundredths of a pixel."""
    full, proxies, _ = frames
    moved = (full[0], full[0].roll((2, -3), (1, 2)))
    near = np.array([[1, 0, -3.02], [0, 1, 2.02], [0, 0, 1.0]])

    warp = correct((moved, proxies[[0, 0]], None), near, "shift")[1]

    assert warp.integer_shift == (2, -3)


def test_frames_without_texture_keep_their_warps(frames):
    """Flat patches ask for nothing."""
    flat = torch.full((3, *SIZE), 0.2), torch.full((3, *SIZE), 0.4)
    proxies = torch.stack([f[:, ::4, ::4] for f in flat])
    matrix = np.array([[1, 0, 2.5], [0, 1, 0], [0, 0, 1.0]])

    warp = correct((flat, proxies, None), matrix, "shift")[1]

    assert np.array_equal(warp.matrix, matrix)
    assert "no textured patch" in warp.reason
