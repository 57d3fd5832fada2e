import json

import numpy as np
import OpenEXR
import pytest

from deghost.errors import ReadError
from deghost.io.exr import read_exr
from deghost.io.radiance import RadianceMetadata, read_radiance, write_radiance
from deghost.types import Capture


CAPTURE = Capture(
    time=0.004,
    aperture=2.8,
    iso=200.0,
    make="Maker",
    model="Model",
    serial="0042",
    lens_make="Glass & Söhne",
    lens="35mm",
    focal_length=35.0,
    date="2026:11:21 12:00:00",
    utc_offset=7200.0,
    latitude=48.5,
    longitude=-9.25,
    altitude=321.0,
    owner="Someone",
)


def make_pixels(height=37, width=53, kind=np.float32):
    pixels = np.random.default_rng(0).lognormal(0, 2, (height, width, 3)).astype(kind)
    pixels[0, 0] = 0
    return pixels


def save(path, channels, **header):
    header.setdefault("compression", OpenEXR.ZIP_COMPRESSION)
    with OpenEXR.File(header, channels) as file:
        file.write(str(path))


def header_of(path):
    with OpenEXR.File(str(path), header_only=True) as file:
        return dict(file.header())


@pytest.mark.parametrize("compression", ["zip", "zips", "piz", "none"])
@pytest.mark.parametrize("exr_type", ["half", "float"])
def test_lossless_compressions_return_the_pixels_that_were_written(tmp_path, exr_type, compression):
    """Halves and floats come back bit by bit."""
    pixels = make_pixels(kind=np.float16 if exr_type == "half" else np.float32)

    write_radiance(tmp_path / "a.exr", pixels, exr_type=exr_type, exr_compression=compression)

    assert np.array_equal(read_radiance(tmp_path / "a.exr").pixels, pixels.astype(np.float32))


@pytest.mark.parametrize("compression", ["dwaa", "dwab"])
def test_lossy_compressions_stay_close(tmp_path, compression):
    """DWA is for viewing; on smooth pictures it errs by a few per cent."""
    smooth = np.linspace(0.5, 2, 64 * 64 * 3).reshape(64, 64, 3).astype(np.float32)

    write_radiance(tmp_path / "a.exr", smooth, exr_compression=compression)

    assert np.allclose(read_radiance(tmp_path / "a.exr").pixels, smooth, rtol=0.05)


def test_the_header_tells_the_capture_under_standard_names(tmp_path):
    """Other software finds exposure, camera, place and primaries where OpenEXR puts them."""
    write_radiance(tmp_path / "a.exr", make_pixels(), RadianceMetadata(CAPTURE))

    header = header_of(tmp_path / "a.exr")

    assert header["expTime"] == pytest.approx(0.004)
    assert (header["aperture"], header["isoSpeed"]) == (pytest.approx(2.8), 200)
    assert (header["cameraMake"], header["cameraSerialNumber"]) == ("Maker", "0042")
    assert (header["lensMake"], header["nominalFocalLength"]) == ("Glass & Söhne", 35)
    assert header["capDate"] == "2026:11:21 12:00:00"
    assert header["utcOffset"] == -7200  # UTC = local time + utcOffset
    assert (header["latitude"], header["longitude"], header["altitude"]) == (48.5, -9.25, 321)
    assert header["chromaticities"] == pytest.approx(
        (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
    )
    assert "colorInteropID" not in header


def test_white_luminance_is_written_only_when_it_is_known(tmp_path):
    """An uncalibrated picture makes no claim of cd/m²; its absolute scale stands apart."""
    write_radiance(tmp_path / "a.exr", make_pixels(), RadianceMetadata(absolute_scale=4096.0))
    write_radiance(tmp_path / "b.exr", make_pixels(), RadianceMetadata(white_luminance=100.0))

    assert "whiteLuminance" not in header_of(tmp_path / "a.exr")
    assert header_of(tmp_path / "a.exr")["deghost.absoluteScale"] == 4096
    assert header_of(tmp_path / "b.exr")["whiteLuminance"] == 100


def test_sources_and_their_exposures_are_listed(tmp_path):
    """The header names the frames as JSON, and their exposures as a list."""
    sources = [{"file": "a.jpg", "exposure": 0.25}, {"file": "b.jpg", "exposure": 1.0}]

    write_radiance(
        tmp_path / "a.exr",
        make_pixels(),
        RadianceMetadata(sources=sources, version="1.2", parameters='{"deghost": true}'),
    )

    header = header_of(tmp_path / "a.exr")
    assert json.loads(header["deghost.sources"]) == sources
    assert json.loads(header["deghost.exposures"]) == [0.25, 1.0]
    assert json.loads(header["deghost.parameters"]) == {"deghost": True}
    assert header["deghost.version"] == "1.2"
    assert header["comments"] == "merged by deghost from 2 frames"


def test_a_cropped_picture_remembers_the_frame_it_was_cut_from(tmp_path):
    """Data and display window are the picture; the original window reaches beyond them."""
    write_radiance(
        tmp_path / "a.exr",
        make_pixels(20, 30),
        RadianceMetadata(original_window=(-4, -2, 36, 25)),
    )

    header = header_of(tmp_path / "a.exr")
    for window in ("dataWindow", "displayWindow"):
        assert np.array(header[window]).tolist() == [[0, 0], [29, 19]]
    assert np.array(header["originalDataWindow"]).tolist() == [[-4, -2], [35, 24]]


@pytest.mark.parametrize("view", ["planar", "cropped", "reversed"])
def test_any_memory_layout_is_written_right(tmp_path, view):
    """OpenEXR's binding looks at no strides, so views must not reach it unprepared."""
    pixels = make_pixels(kind=np.float16)
    views = {
        "planar": np.ascontiguousarray(pixels.transpose(2, 0, 1)).transpose(1, 2, 0),
        "cropped": pixels[3:, 5:],
        "reversed": pixels[:, ::-1],
    }

    write_radiance(tmp_path / "a.exr", views[view])

    assert np.array_equal(read_radiance(tmp_path / "a.exr").pixels, views[view].astype(np.float32))


def test_values_beyond_half_become_its_largest_not_infinity(tmp_path):
    """A sun too bright for 16 bits stays a number; NaN stays what it is."""
    pixels = np.zeros((1, 2, 3), np.float32)
    pixels[0, 0] = [1e6, np.inf, np.nan]

    write_radiance(tmp_path / "a.exr", pixels, exr_type="half")

    stored = read_radiance(tmp_path / "a.exr").pixels[0, 0]
    assert stored[:2].tolist() == [65504, 65504]
    assert np.isnan(stored[2])


def test_negative_values_and_nan_are_read_as_they_stand(tmp_path):
    """Whoever asked for the pixels judges them."""
    pixels = np.array([[[-1.5, np.nan, np.inf]]], np.float32)
    save(tmp_path / "a.exr", {"RGB": pixels})

    assert np.array_equal(read_radiance(tmp_path / "a.exr").pixels, pixels, equal_nan=True)


def test_alpha_is_left_out_and_unsigned_integers_are_numbers(tmp_path):
    """Only colour counts, whatever its type."""
    numbers = np.arange(24, dtype=np.uint32).reshape(2, 3, 4)
    save(tmp_path / "a.exr", {"RGBA": numbers})

    assert np.array_equal(read_radiance(tmp_path / "a.exr").pixels, numbers[..., :3])


def test_alpha_is_kept_apart(tmp_path):
    """Beside colours that are stored together or one by one; none where all is opaque."""
    colours = np.ones((2, 3, 3), np.float32)
    alpha = np.array([[0, 0.5, 1], [1, 1, 1]], np.float32)
    one_by_one = {f"l.{name}": colours[..., 0] for name in "RGB"}
    save(tmp_path / "a.exr", {"RGBA": np.dstack([colours, alpha])})
    save(tmp_path / "b.exr", {**one_by_one, "l.A": alpha.astype(np.float16)})
    save(tmp_path / "c.exr", {"RGBA": np.ones((2, 3, 4), np.float32)})

    for name in ("a.exr", "b.exr"):
        assert read_exr(tmp_path / name).alpha.tolist() == [[0, 128, 255], [255, 255, 255]]
    assert read_exr(tmp_path / "c.exr").alpha is None


def test_channels_of_different_types_are_read_together(tmp_path):
    """A half red beside float green and blue is allowed by the format."""
    plane = np.full((4, 5), 0.5, np.float32)
    save(tmp_path / "a.exr", {"R": plane.astype(np.float16), "G": 2 * plane, "B": 3 * plane})

    assert read_radiance(tmp_path / "a.exr").pixels[0, 0].tolist() == [0.5, 1.0, 1.5]


def test_grey_becomes_three_equal_channels(tmp_path):
    """A luminance channel alone is a grey picture."""
    save(tmp_path / "a.exr", {"Y": make_pixels()[..., 0].copy()})

    pixels = read_radiance(tmp_path / "a.exr").pixels
    assert np.array_equal(pixels, np.repeat(make_pixels()[..., :1], 3, axis=2))


def test_colour_is_found_under_a_layer_s_name_but_a_plain_one_goes_first(tmp_path):
    """Renderers name layers; without a plain RGB the first layer with colour is taken."""
    one, two = make_pixels(), 2 * make_pixels()
    layered = {f"diffuse.{name}": one[..., i] for i, name in enumerate("RGB")}
    save(tmp_path / "layer.exr", {name: plane.copy() for name, plane in layered.items()})
    both = {name: plane.copy() for name, plane in layered.items()} | {"RGB": two}
    save(tmp_path / "both.exr", both)

    assert np.array_equal(read_radiance(tmp_path / "layer.exr").pixels, one)
    assert np.array_equal(read_radiance(tmp_path / "both.exr").pixels, two)


def test_a_data_window_apart_from_the_display_window_is_reported(tmp_path):
    """The pixels are those of the data window, and the file says where they belong."""
    pixels = make_pixels(10, 20)
    data = np.array([5, 7], np.int32), np.array([24, 16], np.int32)
    display = np.array([0, 0], np.int32), np.array([99, 49], np.int32)
    save(tmp_path / "a.exr", {"RGB": pixels}, dataWindow=data, displayWindow=display)

    read = read_radiance(tmp_path / "a.exr")

    assert np.array_equal(read.pixels, pixels)
    assert read.window == (5, 7, 25, 17)


def test_chromaticities_give_the_matrix_to_rec_709(tmp_path):
    """Rec. 709 is exactly identity; wider primaries keep white and leave the gamut."""
    write_radiance(tmp_path / "own.exr", make_pixels())
    save(
        tmp_path / "aces.exr",
        {"RGB": make_pixels()},
        chromaticities=(0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
    )
    save(tmp_path / "none.exr", {"RGB": make_pixels()})

    assert np.array_equal(read_radiance(tmp_path / "own.exr").to_rec709, np.eye(3))
    assert np.array_equal(read_radiance(tmp_path / "none.exr").to_rec709, np.eye(3))
    matrix = read_radiance(tmp_path / "aces.exr").to_rec709
    assert matrix @ np.ones(3) == pytest.approx(np.ones(3))
    # ACEScg to linear sRGB with Bradford, as published with the ACES transforms
    assert matrix[0] == pytest.approx([1.70505, -0.62179, -0.08326], abs=2e-4)


def test_primaries_that_make_no_colour_space_are_refused(tmp_path):
    """A white of zero height cannot be converted from."""
    save(tmp_path / "a.exr", {"RGB": make_pixels()}, chromaticities=(0.0,) * 8)

    with pytest.raises(ReadError, match=r"^a\.exr names primaries that make no colour space"):
        read_radiance(tmp_path / "a.exr")


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.98])
def test_a_file_cut_short_is_an_error_that_names_it(tmp_path, kept):
    """No half-black picture is returned."""
    write_radiance(tmp_path / "whole.exr", make_pixels(300, 200))
    data = (tmp_path / "whole.exr").read_bytes()
    (tmp_path / "cut.exr").write_bytes(data[: int(len(data) * kept)])

    with pytest.raises(ReadError, match=r"^cut\.exr is (damaged|not an OpenEXR)"):
        read_radiance(tmp_path / "cut.exr")


def test_a_file_without_colour_is_an_error_that_lists_its_channels(tmp_path):
    """A depth map is no radiance."""
    save(tmp_path / "z.exr", {"Z": make_pixels()[..., 0].copy()})

    with pytest.raises(ReadError, match=r"z\.exr has no colour; its channels are Z; save it with"):
        read_radiance(tmp_path / "z.exr")


def test_luminance_and_chroma_are_refused(tmp_path):
    """Grey alone would be a wrong picture."""
    planes = {name: make_pixels()[..., 0].copy() for name in ("Y", "RY", "BY")}
    save(tmp_path / "yc.exr", planes)

    with pytest.raises(ReadError, match="luminance and chroma; save it as RGB"):
        read_radiance(tmp_path / "yc.exr")
