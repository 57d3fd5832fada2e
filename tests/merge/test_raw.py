"""Brackets of camera RAW, from the mosaic to the picture."""

import numpy as np
import pytest

from deghost.merge.merged import merge_files
from deghost.merge.settings import MergeSettings


SIZE = 24  # px of a patch
PATCHES = np.array(
    [  # white-balanced RGB of the camera; 1.0 = clipping of the middle frame
        [[0.02] * 3, [0.1] * 3, [0.4] * 3, [1.5] * 3],
        [[0.3, 0.1, 0.05], [0.05, 0.2, 0.1], [0.1, 0.1, 0.4], [1.2, 0.9, 0.3]],
        [[3.0] * 3, [60.0] * 3, [0.5, 2.5, 0.6], [0.2, 0.4, 3.0]],
    ]
)


@pytest.fixture
def merged(tmp_path, write_dng):
    """A merge of three RAW frames, two stops apart by their EXIF."""
    scene = np.kron(PATCHES, np.ones((SIZE, SIZE, 1)))
    rng = np.random.default_rng(0)
    paths = []
    for name, exposure in (("b.dng", 0.25), ("c.dng", 1.0), ("a.dng", 4.0)):
        light = scene * exposure
        light = light + rng.normal(0, 1, light.shape) * np.sqrt(1e-6 + 2e-5 * light)
        time = (1, round(256 / exposure / 4))
        paths.append(write_dng(tmp_path / name, np.maximum(light, 0), time=time))
    return merge_files(paths, MergeSettings(reference=1, align="none", pixel_type="float"))


def patch(merged, row, column):
    """The mean of the middle of a patch."""
    y, x = row * SIZE + SIZE // 3, column * SIZE + SIZE // 3
    return merged.pixels[y : y + SIZE // 3, x : x + SIZE // 3].mean((0, 1))


def test_exposures_come_from_the_raw_files(merged):
    """Two stops between frames, from EXIF, and linear all the way."""
    assert np.log2(merged.plan.relative) == pytest.approx([-2, 0, 2], abs=0.01)
    assert all("EXIF" in exposure.source for exposure in merged.plan.exposures)
    assert merged.plan.response is None


def test_neutral_stays_neutral(merged):
    """Greys of every brightness, clipped in some frames or in none, are equal in R, G and B."""
    for row, column in ((0, 0), (0, 1), (0, 2), (0, 3), (2, 0)):
        value = patch(merged, row, column)
        assert value == pytest.approx([PATCHES[row, column, 0]] * 3, rel=0.02)


def test_colours_are_converted_to_rec709(merged):
    """A colour is the camera's times the matrix of its file, whatever is negative being 0."""
    matrix = merged.bracket.frames[0].to_rec709

    for row, column in ((1, 0), (1, 1), (1, 2), (1, 3)):
        expected = np.maximum(matrix @ PATCHES[row, column], 0)
        assert patch(merged, row, column) == pytest.approx(expected, rel=0.03, abs=3e-3)


def test_a_channel_that_clips_alone_is_taken_from_a_darker_frame(merged):
    """Saturation counts per channel: strong greens and blues keep their colour."""
    matrix = merged.bracket.frames[0].to_rec709

    for row, column in ((2, 2), (2, 3)):
        expected = np.maximum(matrix @ PATCHES[row, column], 0)
        assert patch(merged, row, column) == pytest.approx(expected, rel=0.03, abs=0.01)


def test_what_clips_everywhere_is_neutral(merged):
    """No magenta: a lamp beyond the darkest frame is white, at four times the reference's white."""
    assert patch(merged, 2, 1) == pytest.approx([4, 4, 4], rel=0.01)


def test_edges_of_clipped_things_have_no_colour(merged):
    """Around the lamp, where demosaicing mixes clipped and unclipped, no value goes astray."""
    y, x = 2 * SIZE, 0
    around = merged.pixels[y + 4 : y + 20, x + SIZE - 4 : x + SIZE + 4]  # both sides are grey

    spread = np.ptp(around, axis=2) / around.max(2)
    assert spread.max() < 0.35
    assert np.median(spread) < 0.05
