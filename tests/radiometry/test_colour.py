import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deghost.radiometry.colour import (
    D50,
    D65,
    SPACES,
    adapt_white,
    convert_space,
    rgb_to_xyz,
    to_rec709,
    xyz_of,
)


names = st.sampled_from(sorted(SPACES))


def test_rec709_luminances_are_those_of_the_standard():
    """Rec. ITU-R BT.709 gives luminance as 0.2126 R + 0.7152 G + 0.0722 B."""
    assert rgb_to_xyz(SPACES["rec709"])[1] == pytest.approx([0.2126, 0.7152, 0.0722], abs=5e-5)


def test_rec2020_luminances_are_those_of_the_standard():
    """Rec. ITU-R BT.2020 gives luminance as 0.2627 R + 0.6780 G + 0.0593 B."""
    assert rgb_to_xyz(SPACES["rec2020"])[1] == pytest.approx([0.2627, 0.6780, 0.0593], abs=5e-5)


def test_rec2020_to_rec709_is_the_matrix_of_bt_2087():
    """Rec. ITU-R BT.2087 annex prints the inverse of this matrix."""
    printed = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]

    assert np.linalg.inv(to_rec709(SPACES["rec2020"])) == pytest.approx(np.array(printed), abs=1e-4)


def test_acescg_to_rec709_is_the_published_matrix():
    """ACEScg to linear Rec. 709 with Bradford adaptation has 1.705 first."""
    assert to_rec709(SPACES["acescg"])[0] == pytest.approx([1.705, -0.622, -0.083], abs=1e-3)


@given(source=names, target=names)
def test_white_stays_white(source, target):
    """Between any two spaces grey stays grey, whatever their white points."""
    matrix = convert_space(SPACES[source], SPACES[target])

    assert matrix @ np.ones(3) == pytest.approx(np.ones(3), abs=1e-12)


@given(source=names, target=names)
def test_there_and_back_is_the_identity(source, target):
    """Converting to another space and back gives the same colour."""
    there = convert_space(SPACES[source], SPACES[target])
    back = convert_space(SPACES[target], SPACES[source])

    assert back @ there == pytest.approx(np.eye(3), abs=1e-9)


def test_rec709_to_itself_changes_nothing():
    """The commonest conversion is exactly the identity."""
    assert (to_rec709(SPACES["rec709"]) == np.eye(3)).all()


def test_bradford_is_that_of_the_icc():
    """ICC.1 annex E prints the D65 to D50 matrix; its first row starts 1.0479, 0.0229, -0.0502."""
    matrix = adapt_white(xyz_of(D65), xyz_of(D50))

    assert matrix[0] == pytest.approx([1.0479, 0.0229, -0.0502], abs=2e-4)


def test_adobe_rgb_agrees_with_little_cms():
    """An independent colour engine finds the same colours in Adobe RGB."""
    space = SPACES["adobe-rgb"]
    profile = imagecodecs.cms_profile(
        "rgb", whitepoint=[*D65], primaries=[*space.red, *space.green, *space.blue], gamma=1.0
    )
    linear = imagecodecs.cms_profile(
        "rgb", whitepoint=[*D65], primaries=[0.64, 0.33, 0.3, 0.6, 0.15, 0.06], gamma=1.0
    )
    colours = np.array([[[0.5, 0.5, 0.5], [0.2, 0.6, 0.3], [0.9, 0.8, 0.7]]], np.float32)

    expected = imagecodecs.cms_transform(colours, profile, linear, colorspace="rgb")

    assert colours @ to_rec709(space).T == pytest.approx(expected, abs=2e-4)
