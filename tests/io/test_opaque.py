from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from deghost.errors import BracketError
from deghost.io.bracket import read_bracket, read_frames
from deghost.io.exposure_settings import ExposureSettings
from deghost.io.image import read_frame
from deghost.io.opaque import cut_to_opaque, largest_rectangle
from deghost.radiometry.response import named_response
from deghost.types import Capture, Frame


def frame(name, alpha):
    height, width = alpha.shape
    codes = np.arange(height * width * 3, dtype=np.uint16).reshape(height, width, 3)
    linear = named_response("linear")
    notes = ("its alpha channel is left out",)
    return Frame(Path(name), codes, linear, np.eye(3), Capture(), notes=notes, alpha=alpha)


def borders(size, top=0, left=0, bottom=0, right=0):
    alpha = np.zeros(size, np.uint8)
    alpha[top : size[0] - bottom, left : size[1] - right] = 255
    return alpha


@pytest.mark.parametrize("size", [(60, 90), (700, 1100)])
def test_frames_are_cut_to_what_all_of_them_show(size):
    """To the pixel, however large they are, and the notes say so instead of that alpha is lost."""
    frames = [
        frame("a.tif", borders(size, top=7, left=3)),
        frame("b.tif", borders(size, bottom=5, right=11)),
    ]

    cut = cut_to_opaque(frames)

    height, width = size[0] - 12, size[1] - 14
    for before, after in zip(frames, cut, strict=True):
        assert np.array_equal(after.pixels, before.pixels[7:-5, 3:-11])
        assert after.notes == (
            f"cut to the {width}x{height} pixels at 3, 7 where no frame is transparent",
        )


def test_a_turned_border_leaves_no_transparent_pixel():
    """The wedges of frames that a panorama program turned are outside, and most is kept."""
    turn = cv2.getRotationMatrix2D((400, 250), 3, 1)
    alpha = cv2.warpAffine(np.full((500, 800), 255, np.uint8), turn, (800, 500))

    y, x, height, width = largest_rectangle(alpha >= 250)

    assert (alpha[y : y + height, x : x + width] >= 250).all()
    assert height * width > 0.8 * 500 * 800


def test_the_largest_of_all_rectangles_is_found():
    """Compared with trying them all."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        opaque = rng.random((7, 9)) < 0.8
        areas = [
            (y1 - y0) * (x1 - x0)
            for y0 in range(7)
            for y1 in range(y0 + 1, 8)
            for x0 in range(9)
            for x1 in range(x0 + 1, 10)
            if opaque[y0:y1, x0:x1].all()
        ]

        y, x, height, width = largest_rectangle(opaque)

        assert height * width == max(areas)
        assert opaque[y : y + height, x : x + width].all()


def test_alpha_that_says_nothing_is_left_out():
    """Zero all over, from a program that fills it in so, or nearly opaque all over."""
    for value in (0, 100, 252):
        frames = [frame("a.tif", np.full((20, 30), value, np.uint8))]

        assert cut_to_opaque(frames)[0].pixels.shape == (20, 30, 3)
        assert "alpha channel is left out" in cut_to_opaque(frames)[0].notes[0]


def test_frames_that_would_cost_most_of_the_picture_are_refused():
    """Holes all over are no border, nor is all but a corner: that frame is named."""
    holes = np.full((64, 64), 255, np.uint8)
    holes[::16, ::16] = 0
    whole = frame("a.tif", borders((64, 64), top=1))

    for alpha in (holes, borders((64, 64), top=34, right=20)):
        with pytest.raises(
            BracketError, match=r"^b\.tif is transparent in so many places that most"
        ):
            cut_to_opaque([whole, frame("b.tif", alpha)])


def test_remapped_frames_are_read_without_their_borders(tmp_path):
    """As 16-bit TIFFs with alpha are written; a fourth channel that is not alpha cuts nothing."""
    codes = np.random.default_rng(1).integers(0, 65535, (40, 60, 3), dtype=np.uint16)
    for name, kind, gain in (
        ("a", "unassalpha", 1),
        ("b", "assocalpha", 4),
        ("c", "unspecified", 1),
    ):
        alpha = 257 * borders((40, 60), top=gain).astype(np.uint16)
        stored = np.dstack([codes // gain, alpha])
        tifffile.imwrite(
            tmp_path / f"{name}.tif", stored, photometric="rgb", extrasamples=[kind], metadata=None
        )

    cut = read_frames([tmp_path / "a.tif", tmp_path / "b.tif"])
    bracket = read_bracket([tmp_path / "a.tif", tmp_path / "b.tif"], ExposureSettings(ev=(0, -2)))

    assert [frame.size for frame in cut] == [(36, 60)] * 2
    assert np.array_equal(cut[0].pixels, codes[4:])
    assert any("every frame: cut to the 60x36 pixels at 0, 4" in note for note in bracket.notes)
    assert read_frame(tmp_path / "c.tif").alpha is None
    assert read_frame(tmp_path / "a.tif").alpha[:2, 0].tolist() == [0, 255]
