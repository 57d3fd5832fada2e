import struct

import imagecodecs
import numpy as np
import pytest
from PIL.PngImagePlugin import PngInfo

from deghost.io.image import read_capture, read_frame
from deghost.io.jpegxl import read_codestream
from deghost.radiometry.colour import SPACES, to_rec709


EXIF = {33434: 0.004, 34855: 400}


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "avif", "tif"])
def test_capture_and_profile_are_found_in_every_format(tmp_path, picture, exif_block, kind, saved):
    """EXIF and colour profile are read the same from each container."""
    path = saved(
        tmp_path / f"frame.{kind}",
        picture,
        exif=exif_block(exif=EXIF),
        icc_profile=imagecodecs.cms_profile("adobergb"),
    )

    frame = read_frame(path)

    assert (frame.capture.time, frame.capture.iso) == (0.004, 400)
    assert read_capture(path) == frame.capture
    assert frame.response.name == "gamma2.1992"
    assert frame.to_rec709 == pytest.approx(to_rec709(SPACES["adobe-rgb"]), abs=2e-3)


@pytest.mark.parametrize("packed", [False, True])
def test_jpegxl_keeps_exif_in_a_box(picture, exif_block, packed, frame_of):
    """The EXIF box of JPEG XL may be compressed; its orientation is the codestream's business."""
    block = bytes(4) + exif_block(image={274: 6}, exif=EXIF).removeprefix(b"Exif\0\0")
    name = b"brob" if packed else b"Exif"
    content = b"Exif" + imagecodecs.brotli_encode(block) if packed else block
    container = imagecodecs.jpegxl_encode(picture, lossless=True, usecontainer=True)
    box = struct.pack(">I4s", len(content) + 8, name) + content

    frame = frame_of(container + box)

    assert (frame.pixels == picture).all()
    assert frame.capture.time == 0.004


@pytest.mark.parametrize("depth", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(8, 8), (20, 30), (300, 17), (64, 2000)])
def test_the_jpegxl_header_is_understood(depth, channels, size):
    """Bit depth and colours are found behind any size and any extra channel."""
    codes = np.zeros((*size, channels), np.uint8 if depth == 8 else np.uint16)
    content = imagecodecs.jpegxl_encode(
        codes, lossless=True, bitspersample=depth, usecontainer=False, effort=1
    )

    header = read_codestream(content[content.index(b"\xff\x0a") :])

    assert header.depth == depth
    assert header.colours.response.name == ("srgb" if depth == 8 else "linear")


def test_adobe_rgb_without_a_profile_is_told_by_exif(tmp_path, picture, exif_block, saved):
    """A camera set to Adobe RGB writes no profile but a mark in EXIF."""
    path = saved(tmp_path / "frame.jpg", picture, exif=exif_block(exif={40961: 2}))

    assert read_frame(path).response.name == "gamma2.1992"


def test_png_chunks_tell_colours(tmp_path, picture, saved):
    """gAMA of 1 is linear light; cICP goes before all others."""
    linear, coded = PngInfo(), PngInfo()
    linear.add(b"gAMA", struct.pack(">I", 100000))
    coded.add(b"cICP", bytes([12, 13, 0, 1]))
    profile = imagecodecs.cms_profile("adobergb")
    saved(tmp_path / "linear.png", picture, pnginfo=linear)
    saved(tmp_path / "coded.png", picture, pnginfo=coded, icc_profile=profile)

    assert read_frame(tmp_path / "linear.png").response.name == "linear"
    assert (read_frame(tmp_path / "coded.png").to_rec709 == to_rec709(SPACES["p3"])).all()


def test_a_damaged_png_profile_is_not_printed(tmp_path, picture, capfd, saved, frame_of):
    """Many PNG files hold profiles that libpng finds fault with on the terminal."""
    path = saved(tmp_path / "frame.png", picture, icc_profile=imagecodecs.cms_profile("srgb"))
    content = bytearray(path.read_bytes())
    content[content.index(b"iCCP") + 40] ^= 255

    frame = frame_of(bytes(content))

    assert (frame.pixels == picture).all()
    assert capfd.readouterr() == ("", "")


def test_avif_code_points_tell_colours(picture, frame_of):
    """Without a profile the nclx box of AVIF tells primaries and curve."""
    content = imagecodecs.avif_encode(picture, level=100, primaries=12, transfer=13)

    assert (frame_of(content).to_rec709 == to_rec709(SPACES["p3"])).all()


def test_a_damaged_profile_is_left_aside(tmp_path, picture, saved):
    """A picture with a useless profile is sRGB, and says so."""
    path = saved(tmp_path / "frame.png", picture, icc_profile=b"nonsense" * 30)

    frame = read_frame(path)

    assert frame.response.name == "srgb"
    assert frame.notes == ("its colour profile cannot be used and is left aside",)
