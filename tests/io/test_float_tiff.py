from io import BytesIO

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from deghost.errors import ReadError
from deghost.io.radiance import RadianceMetadata, read_radiance, write_radiance
from deghost.types import Capture


def make_pixels(height=70, width=53):
    return np.random.default_rng(0).lognormal(0, 2, (height, width, 3)).astype(np.float32)


@pytest.mark.parametrize("suffix", [".tif", ".tiff", ".TIF"])
def test_floats_come_back_exactly(tmp_path, suffix):
    """All 32 bits survive, in our reader and in two others."""
    path = tmp_path / f"a{suffix}"
    write_radiance(path, make_pixels())

    assert np.array_equal(read_radiance(path).pixels, make_pixels())
    assert np.array_equal(tifffile.imread(path), make_pixels())
    assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1], make_pixels())


def test_halves_are_written_as_floats(tmp_path):
    """Every reader knows 32-bit floats; few know 16-bit ones."""
    write_radiance(tmp_path / "a.tif", make_pixels().astype(np.float16))

    stored = tifffile.imread(tmp_path / "a.tif")
    assert stored.dtype == np.float32
    assert np.array_equal(stored, make_pixels().astype(np.float16))


def test_the_embedded_profile_says_linear_rec_709(tmp_path):
    """Little CMS reads matrix and curve: primaries of sRGB, and mid-grey unchanged."""
    write_radiance(tmp_path / "a.tif", make_pixels())
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        profile = ImageCms.ImageCmsProfile(BytesIO(file.pages.first.iccprofile))
    srgb = ImageCms.createProfile("sRGB")
    to_srgb = ImageCms.buildTransform(profile, srgb, "RGB", "RGB")

    grey = Image.new("RGB", (1, 1), (55, 55, 55))  # 0.2159 linear
    converted = ImageCms.applyTransform(grey, to_srgb).getpixel((0, 0))

    assert max(abs(value - 128) for value in converted) <= 1
    assert np.array_equal(read_radiance(tmp_path / "a.tif").to_rec709, np.eye(3))


def test_equal_pictures_are_equal_files(tmp_path):
    """No date of making creeps in."""
    for name in ("a.tif", "b.tif"):
        write_radiance(tmp_path / name, make_pixels())

    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_camera_and_exposure_are_found_as_exif(tmp_path):
    """Tags of the first directory tell what took the reference frame, and how."""
    capture = Capture(time=0.004, aperture=2.8, iso=200.0, make="Maker", model="Mödel")
    write_radiance(tmp_path / "a.tif", make_pixels(), RadianceMetadata(capture, version="1.2"))

    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        tags = {tag.code: tag.value for tag in file.pages.first.tags}

    assert (tags[271], tags[272], tags[305]) == ("Maker", "M?del", "deghost 1.2")
    assert (tags[33434], tags[33437], tags[34855]) == ((1, 250), (14, 5), 200)


def test_planar_grey_and_alpha_tiffs_are_read(tmp_path):
    """Whatever the layout, the result is height x width x RGB."""
    pixels = make_pixels()
    options = {"photometric": "rgb", "planarconfig": "separate"}
    tifffile.imwrite(tmp_path / "planar.tif", pixels.transpose(2, 0, 1), **options)
    tifffile.imwrite(tmp_path / "grey.tif", pixels[..., 0])
    with_alpha = np.concatenate([pixels, pixels[..., :1]], axis=2)
    tifffile.imwrite(
        tmp_path / "rgba.tif", with_alpha, photometric="rgb", extrasamples=["unassalpha"]
    )
    tifffile.imwrite(tmp_path / "double.tif", pixels.astype(np.float64), photometric="rgb")

    assert np.array_equal(read_radiance(tmp_path / "planar.tif").pixels, pixels)
    assert np.array_equal(read_radiance(tmp_path / "rgba.tif").pixels, pixels)
    assert np.array_equal(read_radiance(tmp_path / "double.tif").pixels, pixels)
    grey = read_radiance(tmp_path / "grey.tif").pixels
    assert np.array_equal(grey, pixels[..., :1].repeat(3, axis=2))


def test_whole_numbers_are_refused(tmp_path):
    """A 16-bit TIFF is an encoded picture, not radiance."""
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4, 3), np.uint16), photometric="rgb")

    with pytest.raises(ReadError, match=r"a\.tif holds whole numbers, not radiance"):
        read_radiance(tmp_path / "a.tif")


@pytest.mark.parametrize("kept", [4, 200, 5000])
def test_a_file_cut_short_is_an_error_that_names_it(tmp_path, kept):
    """No half-black picture is returned."""
    write_radiance(tmp_path / "whole.tif", make_pixels())
    (tmp_path / "cut.tif").write_bytes((tmp_path / "whole.tif").read_bytes()[:kept])

    with pytest.raises(ReadError, match=r"^cut\.tif is not a TIFF image, or is damaged"):
        read_radiance(tmp_path / "cut.tif")
