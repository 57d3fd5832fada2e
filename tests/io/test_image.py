import io

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from deghost.errors import ReadError
from deghost.io.image import read_capture, read_frame
from deghost.io.orientation import upright


EXIF = {33434: 0.004, 34855: 400}


def write_radiance_file(path, pixels):
    from deghost.io.radiance import RadianceMetadata, write_radiance
    from deghost.types import Capture

    write_radiance(path, pixels, RadianceMetadata(Capture(time=0.5, iso=100.0)))


@pytest.mark.parametrize("depth", [8, 10])
def test_heic_is_read_at_its_depth_and_upright(tmp_path, write_heic, exif_block, depth):
    """Codes of a HEIC file fill their range, and its rotation is applied once."""
    luma = np.arange(1024).reshape(32, 32) * (2**depth - 1) // 1023
    exif = exif_block(image={274: 6}, exif=EXIF).removeprefix(b"Exif\0\0")
    path = write_heic(tmp_path / "frame.heic", luma, depth, turns=1, exif=exif)

    frame = read_frame(path)

    white = 255 if depth == 8 else 65535
    expected = np.rot90(np.round(luma / (2**depth - 1) * white))
    assert frame.white == white
    assert (frame.pixels == expected[..., None]).all()
    assert frame.capture.time == read_capture(path).time == 0.004


def test_an_hdr_picture_is_refused(tmp_path, write_heic):
    """A PQ picture is the result of a merge, not a frame."""
    path = write_heic(tmp_path / "frame.heic", np.zeros((32, 32), int), depth=10, transfer=16)

    with pytest.raises(ReadError, match=r"^frame.heic is an HDR picture .PQ.,.*give the frames"):
        read_frame(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif", "avif"])
def test_frames_come_upright(tmp_path, picture, exif_block, kind, orientation, saved):
    """All eight orientations, told by EXIF or by the container, are undone once."""
    exif = exif_block(image={274: orientation})
    path = saved(
        tmp_path / f"frame.{kind}", picture, exif=exif, **({"quality": 95} if kind == "jpg" else {})
    )

    frame = read_frame(path)

    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert frame.pixels.flags.c_contiguous
    assert frame.size == expected.shape[:2]
    assert np.abs(frame.pixels.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_keeps_every_pixel(dtype, orientation):
    """Turning upright moves pixels and changes none, in every type."""
    stored = np.arange(24, dtype=dtype).reshape(2, 4, 3)

    turned = upright(stored, orientation)

    assert sorted(turned[..., 0].ravel()) == sorted(stored[..., 0].ravel())
    assert turned.dtype == dtype


@given(data=st.data())
def test_a_truncated_jpeg_is_never_half_grey(tmp_path_factory, data):
    """Wherever a JPEG file is cut, reading it is an error."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    whole = io.BytesIO()
    settings = {"progressive": data.draw(st.booleans()), "icc_profile": b"x" * 70000}
    Image.fromarray(pixels).save(whole, "JPEG", **settings)
    cut = data.draw(st.integers(0, len(whole.getvalue()) - 1))
    path = tmp_path_factory.mktemp("cut") / "frame.jpg"
    path.write_bytes(whole.getvalue()[:cut])

    with pytest.raises(ReadError, match=r"^frame.jpg is .*"):
        read_frame(path)


@pytest.mark.parametrize("kind", ["png", "webp", "avif", "tif", "jxl", "heic", "exr", "hdr"])
def test_half_a_file_is_told(tmp_path, picture, write_heic, kind, capfd, saved):
    """A file cut short gives one line that names it, and nothing else is printed."""
    path = tmp_path / f"frame.{kind}"
    if kind == "jxl":
        path.write_bytes(imagecodecs.jpegxl_encode(picture, lossless=True))
    elif kind == "heic":
        write_heic(path, np.arange(1024).reshape(32, 32) // 4)
    elif kind in ("exr", "hdr"):
        write_radiance_file(path, np.random.default_rng(0).random((20, 30, 3), np.float32))
    else:
        saved(path, picture)
    read_frame(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ReadError, match=rf"^frame.{kind} .*[^\n]*$"):
        read_frame(path)
    assert kind == "exr" or capfd.readouterr() == ("", "")  # OpenEXR warns by itself


@pytest.mark.parametrize("kind", ["exr", "hdr"])
def test_radiance_files_are_linear_frames(tmp_path, kind):
    """OpenEXR and Radiance hold linear light and some of the capture."""
    pixels = np.random.default_rng(0).random((20, 30, 3), np.float32)
    path = tmp_path / f"frame.{kind}"
    write_radiance_file(path, pixels)

    frame = read_frame(path)

    assert (frame.kind, frame.response.name, frame.white) == ("float", "linear", 1.0)
    assert frame.pixels == pytest.approx(pixels, abs=4e-3)
    assert frame.capture.time == read_capture(path).time == 0.5


@pytest.mark.parametrize("read", [read_frame, read_capture])
def test_what_cannot_be_read_is_told_in_one_line(tmp_path, read, monkeypatch):
    """Missing, empty, a folder, no picture, forbidden: one line with the name and what to do."""
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_bytes(b"not a picture")
    (tmp_path / "folder.jpg").mkdir()
    reasons = {
        "none.jpg": "does not exist; check the path",
        "empty.jpg": "is empty; copy it again",
        "folder.jpg": "is a folder; give the files in it",
        "text.jpg": "is not a picture this program reads; give JPEG",
    }
    for name, reason in reasons.items():
        with pytest.raises(ReadError, match=rf"^{name} {reason}[^\n]*$"):
            read(tmp_path / name)

    def forbidden(*_):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.open", forbidden)
    with pytest.raises(ReadError, match=r"^text.jpg may not be read; change its permissions$"):
        read(tmp_path / "text.jpg")


def test_captures_are_read_without_decoding(tmp_path, picture, exif_block, saved):
    """The capture of a file whose pixels are missing is read all the same."""
    path = saved(tmp_path / "frame.jpg", picture, exif=exif_block(exif=EXIF))
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\xff\xda") + 2])

    assert read_capture(path).time == 0.004


@pytest.mark.parametrize("shape", [(8, 100_000, 3), (60_000, 8, 3), (1, 1, 3)])
def test_odd_shapes_are_read(shape, frame_of):
    """A picture may be very wide, very high, or a single pixel."""
    pixels = np.full(shape, 77, np.uint8)

    assert (frame_of(imagecodecs.png_encode(pixels)).pixels == pixels).all()
