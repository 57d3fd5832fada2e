import numpy as np
import pytest

from deghost.errors import ReadError, SettingsError, WriteError
from deghost.io.radiance import RadianceFile, read_radiance, write_radiance
from deghost.merge.conversion import convert_picture, in_rec709, open_radiance
from deghost.radiometry.colour import SPACES, to_rec709


@pytest.fixture
def picture(tmp_path):
    """A picture of five decades of light."""
    rng = np.random.default_rng(2)
    pixels = (10 ** rng.uniform(-3, 2, (24, 40, 3))).astype(np.float32)
    write_radiance(tmp_path / "one.exr", pixels, exr_type="float")
    return tmp_path / "one.exr"


@pytest.mark.parametrize(("ending", "error"), [("exr", 5e-4), ("hdr", 4e-3), ("tif", 0)])
def test_values_are_kept_as_the_format_can(picture, tmp_path, ending, error):
    """Half floats round to 2^-11, Radiance to 1/256 of the largest channel, TIFF not at all."""
    target = tmp_path / f"two.{ending}"

    notes = convert_picture(picture, target, None, "half", force=False)

    one, two = (open_radiance(path).pixels for path in (picture, target))
    scale = one.max(2, keepdims=True) if ending == "hdr" else one
    assert notes == []
    assert (np.abs(two - one) / scale).max() <= error


def test_other_primaries_become_rec709():
    """Pure red of Display P3 lies outside Rec. 709: its green and blue would be negative."""
    matrix = to_rec709(SPACES["p3"])
    pixels = np.array([[[1, 0, 0], [0.5, 0.5, 0.5]]], np.float32)

    converted, notes = in_rec709(RadianceFile(pixels, matrix))

    assert converted.pixels[0, 0] == pytest.approx([matrix[0, 0], 0, 0])
    assert converted.pixels[0, 1] == pytest.approx([0.5] * 3, abs=1e-5)
    assert notes == []


def test_what_is_no_light_is_counted():
    """NaN, infinities and negative values are replaced, and the notes say how many."""
    pixels = np.array([[[np.nan, 1, 2], [np.inf, -np.inf, 3], [-1, 0, 1]]], np.float32)

    converted, notes = in_rec709(RadianceFile(pixels))

    assert converted.pixels.tolist() == [[[0, 1, 2], [3, 0, 3], [0, 0, 1]]]
    assert notes == [
        "2 negative values became 0",
        "1 values that are NaN became 0",
        "1 infinite values became 3",
    ]


def test_a_picture_is_not_converted_onto_itself(picture):
    """Not even by another path, and not with force."""
    again = picture.parent / "." / picture.name

    with pytest.raises(WriteError, match=r"one\.exr is the file to read"):
        convert_picture(picture, again, None, "half", force=True)


def test_existing_files_are_kept_without_force(picture, tmp_path):
    """The target is checked before the source is read."""
    (tmp_path / "two.hdr").write_bytes(b"older")

    with pytest.raises(WriteError, match="exists already"):
        convert_picture(tmp_path / "gone.exr", tmp_path / "two.hdr", None, "half", force=False)
    convert_picture(picture, tmp_path / "two.hdr", None, "half", force=True)

    assert read_radiance(tmp_path / "two.hdr").pixels.shape == (24, 40, 3)


def test_tone_mapping_makes_ordinary_pictures_only(picture, tmp_path):
    """An operator and an HDR ending contradict each other."""
    with pytest.raises(SettingsError, match=r"give one of \.jpg, \.jpeg, \.png"):
        convert_picture(picture, tmp_path / "two.hdr", "reinhard", "half", force=False)
    with pytest.raises(ReadError, match=r"gone\.exr does not exist"):
        convert_picture(
            tmp_path / "gone.exr", tmp_path / "two.png", "reinhard", "half", force=False
        )


def test_ultra_hdr_gives_its_range_back(picture, tmp_path):
    """To the factor of its white, and to the error of two JPEGs, light above white survives."""
    convert_picture(picture, tmp_path / "two.jpg", None, "half", force=False)

    one, two = (open_radiance(path).pixels for path in (picture, tmp_path / "two.jpg"))
    smooth = [np.log2(p.reshape(6, 4, 10, 4, 3).mean((1, 3)) + 1e-6) for p in (one, two)]
    assert np.corrcoef(smooth[0].ravel(), smooth[1].ravel())[0, 1] > 0.95
    assert two.max() > 4
    notes = convert_picture(tmp_path / "two.jpg", tmp_path / "back.exr", None, "float", force=False)
    assert notes == ["1.0 is the white of two.jpg: a JPEG tells no other scale"]  # nor harm


@pytest.mark.parametrize("light", [1e6, 1e-7])
def test_light_that_halves_cannot_hold_is_written_as_floats(tmp_path, light):
    """A sun of a million stays one, and a dim scene keeps its digits; a note says so."""
    pixels = np.full((4, 6, 3), light, np.float32)
    write_radiance(tmp_path / "a.exr", pixels, exr_type="float")

    notes = convert_picture(tmp_path / "a.exr", tmp_path / "b.exr", None, "half", force=False)

    assert np.array_equal(read_radiance(tmp_path / "b.exr").pixels, pixels)
    assert "float is written" in notes[-1]
