import numpy as np
import pytest

from deghost.errors import ReadError, WriteError
from deghost.io.radiance import (
    RadianceMetadata,
    attributes_of,
    half_problem,
    metadata_from,
    read_radiance,
    write_radiance,
)
from deghost.types import Capture


PIXELS = np.random.default_rng(0).lognormal(0, 1, (9, 14, 3)).astype(np.float32)
METADATA = RadianceMetadata(
    Capture(time=0.25, iso=100.0, model="Kamera ÄÖ", utc_offset=-3600.0, latitude=-33.5),
    white_luminance=80.0,
    absolute_scale=1024.0,
    sources=tuple({"file": f"frame_{n}.jpg", "exposure": 2.0**n} for n in range(9)),
    version="9.8",
    parameters='{"reference": "frame_4.jpg"}',
)


@pytest.mark.parametrize("name", ["a.exr", "a.hdr", "a.tif"])
def test_metadata_survive_every_format(tmp_path, name):
    """Capture, calibration, sources and parameters come back as they were given."""
    write_radiance(tmp_path / name, PIXELS, METADATA)

    assert metadata_from(read_radiance(tmp_path / name).attributes) == METADATA


def test_nothing_known_is_nothing_said():
    """Empty metadata make no attributes, and no attributes make empty metadata."""
    assert attributes_of(RadianceMetadata()) == {}
    assert metadata_from({}) == RadianceMetadata()


def test_foreign_attributes_do_no_harm():
    """Values of the wrong kind are left out."""
    foreign = {"expTime": "long ago", "deghost.sources": "{", "deghost.absoluteScale": ""}

    assert metadata_from(foreign) == RadianceMetadata()


@pytest.mark.parametrize("name", ["a.exr", "a.hdr", "a.tiff"])
def test_an_existing_file_is_replaced_only_with_force(tmp_path, name):
    """The refusal names the flag, and the older file stays."""
    write_radiance(tmp_path / name, PIXELS)
    before = (tmp_path / name).read_bytes()

    with pytest.raises(WriteError, match="exists already; pass --force"):
        write_radiance(tmp_path / name, 2 * PIXELS)
    assert (tmp_path / name).read_bytes() == before

    write_radiance(tmp_path / name, 2 * PIXELS, force=True)
    assert (tmp_path / name).read_bytes() != before


def test_an_unknown_kind_is_refused_with_the_known_ones(tmp_path):
    """A slip in the extension is answered by a list."""
    with pytest.raises(WriteError, match=r"^a\.xyz is of no known kind; .* \.exr, \.hdr, \.tif"):
        write_radiance(tmp_path / "a.xyz", PIXELS)
    with pytest.raises(ReadError, match=r"^a\.xyz is of no known kind; .* \.exr, \.hdr, \.pic"):
        read_radiance(tmp_path / "a.xyz")


@pytest.mark.parametrize("name", ["a.exr", "a.hdr", "a.tif"])
def test_a_file_that_is_not_there_is_named(tmp_path, name):
    """Every reader reports a wrong path in one line."""
    with pytest.raises(ReadError, match=rf"^{name} does not exist or is no file; check the path"):
        read_radiance(tmp_path / name)


@pytest.mark.parametrize("name", ["a.exr", "a.hdr", "a.tif"])
def test_a_file_of_another_kind_is_refused(tmp_path, name):
    """The extension alone makes no radiance image."""
    (tmp_path / name).write_bytes(b"this is a letter, not a picture\n\n" * 20)

    with pytest.raises(ReadError, match=rf"^{name} is not an? "):
        read_radiance(tmp_path / name)


def test_half_problems_are_told_in_words():
    """Both ends of the range matter: overflow, and the steps near zero."""
    assert half_problem(1e-4, 65504.0) is None
    assert "above 65504" in str(half_problem(1e-4, 65536.0))
    assert "below 6.1e-05" in str(half_problem(5e-5, 1.0))


@pytest.mark.parametrize("name", ["a.exr", "a.hdr", "a.tif"])
@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((3, 9, 12), np.float32),
        np.zeros((9, 9), np.float32),
        np.zeros((9, 9, 4), np.float32),
        np.zeros((9, 9, 3), np.uint8),
        np.zeros((0, 9, 3), np.float32),
    ],
)
def test_what_is_no_radiance_is_refused(tmp_path, name, pixels):
    """Channels first, grey, four channels, codes, nothing at all: all would be written wrong."""
    with pytest.raises(WriteError, match="a.* (is written from floats|would have no pixels)"):
        write_radiance(tmp_path / name, pixels)
    assert not (tmp_path / name).exists()
