import struct

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from deghost.errors import ReadError
from deghost.io.channels import scaled_codes
from deghost.io.image import read_frame


@pytest.mark.parametrize(
    "encode",
    [
        imagecodecs.png_encode,
        lambda pixels: imagecodecs.webp_encode(pixels, lossless=True),
        lambda pixels: imagecodecs.avif_encode(pixels, level=100),
        lambda pixels: imagecodecs.jpegxl_encode(pixels, lossless=True),
        lambda pixels: imagecodecs.jpegxl_encode(pixels, lossless=True, usecontainer=True),
    ],
)
def test_lossless_formats_give_what_was_stored(picture, encode, frame_of):
    """Eight-bit codes come back bit by bit, whatever the file is called."""
    frame = frame_of(encode(picture))

    assert (frame.pixels == picture).all()
    assert frame.pixels.flags.c_contiguous
    assert (frame.kind, frame.response.name, frame.notes) == ("encoded", "srgb", ())


@pytest.mark.parametrize(
    "encode",
    [imagecodecs.png_encode, lambda pixels: imagecodecs.jpegxl_encode(pixels, lossless=True)],
)
def test_sixteen_bits_stay_sixteen(deep, encode, frame_of):
    """No format loses the lower eight bits."""
    assert (frame_of(encode(deep)).pixels == deep).all()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_grey_tiffs_need_not_say_how_colours_lie(kind, tmp_path):
    """A file of one colour often has no such tag."""
    codes = np.linspace(0, 1, 60, dtype=np.float32).reshape(6, 10)
    codes = codes if kind == np.float32 else np.rint(codes * np.iinfo(kind).max).astype(kind)
    tifffile.imwrite(tmp_path / "grey.tif", codes)

    frame = read_frame(tmp_path / "grey.tif")

    assert (frame.pixels == codes[..., None]).all()


@pytest.mark.parametrize("depth", [10, 12])
@pytest.mark.parametrize(
    "encode",
    [
        lambda codes, depth: imagecodecs.avif_encode(codes, level=100, bitspersample=depth),
        lambda codes, depth: imagecodecs.jpegxl_encode(codes, lossless=True, bitspersample=depth),
    ],
)
def test_ten_and_twelve_bits_fill_sixteen(deep, depth, encode, frame_of):
    """Codes between 8 and 16 bits are scaled: their white is 65535 and their black 0."""
    codes = deep >> (16 - depth)
    codes[0, 0], codes[0, 1] = 0, 2**depth - 1

    pixels = frame_of(encode(codes, depth)).pixels

    assert pixels[0, 0].tolist() == [0] * 3
    assert pixels[0, 1].tolist() == [65535] * 3
    assert (pixels == np.round(codes / (2**depth - 1) * 65535)).all()


@given(depth=st.integers(9, 15), data=st.data())
def test_scaling_is_exact_rounding(depth, data):
    """A code c of d bits becomes the nearest whole number to 65535 c / (2^d - 1)."""
    code = data.draw(st.integers(0, 2**depth - 1))

    found = scaled_codes(np.full((1, 1, 3), code, np.uint16), depth)

    assert abs(int(found[0, 0, 0]) - code * 65535 / (2**depth - 1)) <= 0.5


@pytest.mark.parametrize(
    "settings",
    [
        {"quality": 90},
        {"quality": 90, "progressive": True},
        {"quality": 90, "subsampling": 0},
        {"quality": 60, "subsampling": 2},
        {"quality": 90, "keep_rgb": True},
        {"quality": 90, "restart_marker_blocks": 1},
    ],
)
def test_jpeg_decodes_as_libjpeg_does(tmp_path, picture, settings, saved):
    """Baseline and progressive, subsampled or not, in YCbCr or RGB: as Pillow's libjpeg decodes."""
    path = saved(tmp_path / "frame.jpg", picture, **settings)

    with Image.open(path) as image:
        assert (read_frame(path).pixels == np.asarray(image)).all()


def test_twelve_bit_jpeg_fills_sixteen(frame_of):
    """The 12-bit codes of extended JPEG are scaled to 65535."""
    content = imagecodecs.jpeg8_encode(np.full((8, 8, 3), 4095, np.uint16), bitspersample=12)

    assert (frame_of(content).pixels == 65535).all()


def test_only_the_first_picture_of_a_jpeg_file_is_read(tmp_path, picture, saved):
    """Phones append previews and gain maps after the picture."""
    path = saved(tmp_path / "frame.jpg", picture)
    alone = read_frame(path).pixels
    path.write_bytes(path.read_bytes() + saved(tmp_path / "map.jpg", picture[::2]).read_bytes())

    assert (read_frame(path).pixels == alone).all()


def test_damage_inside_a_jpeg_is_not_printed(tmp_path, picture, capfd, saved, frame_of):
    """Decoders' own messages do not reach the terminal."""
    big = np.tile(picture, (10, 10, 1))
    content = bytearray(saved(tmp_path / "frame.jpg", big).read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = b"\x55" * 200

    frame_of(bytes(content))

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("mode", ["1", "L", "I;16"])
def test_grey_becomes_rgb(tmp_path, deep, mode):
    """A grey picture has its value in all three channels, and says so."""
    grey = deep[..., 0]
    image = Image.fromarray(grey if mode == "I;16" else (grey >> 8).astype(np.uint8))
    image = image if mode == "I;16" else image.convert(mode)
    image.save(tmp_path / "frame.png")

    frame = read_frame(tmp_path / "frame.png")

    expected = np.asarray(image if mode == "I;16" else image.convert("L"))
    assert (frame.pixels == expected[..., None]).all()
    assert "grey" in frame.notes[0]


def test_palettes_are_expanded(tmp_path, picture):
    """The colours of a palette picture are those of its palette."""
    image = Image.fromarray(picture).quantize(16)
    for name in ("frame.png", "frame.tif"):
        image.save(tmp_path / name)

        frame = read_frame(tmp_path / name)

        scale = 257 if frame.pixels.dtype == np.uint16 else 1
        assert (frame.pixels // scale == np.asarray(image.convert("RGB"))).all()


@pytest.mark.parametrize("kind", ["png", "tif", "webp", "avif"])
def test_alpha_is_left_out(tmp_path, picture, kind, saved):
    """The colours under a transparent pixel are kept as they are, and transparency apart."""
    alpha = np.linspace(10, 255, 600).astype(np.uint8).reshape(20, 30, 1)
    pixels = np.concatenate([picture, alpha], axis=2)
    settings = {"png": {}, "tif": {}, "webp": {"lossless": True, "exact": True}}
    path = saved(tmp_path / f"frame.{kind}", pixels, **settings.get(kind, {"quality": 100}))

    frame = read_frame(path)

    assert np.abs(frame.pixels.astype(int) - picture).max() <= (12 if kind == "avif" else 0)
    assert "its alpha channel is left out" in frame.notes
    assert np.abs(frame.alpha.astype(int) - alpha[..., 0]).max() <= (12 if kind == "avif" else 0)


def test_alpha_turns_with_its_picture(tmp_path, picture):
    """The camera's orientation holds for all channels; what is opaque all over has none."""
    alpha = np.full((20, 30), 255, np.uint8)
    alpha[0, :5] = 0
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, plane in (("a.png", alpha), ("b.png", np.full_like(alpha, 255))):
        Image.fromarray(np.dstack([picture, plane])).save(tmp_path / name, exif=exif)

    frame = read_frame(tmp_path / "a.png")

    assert frame.size == frame.alpha.shape == (30, 20)
    assert np.argwhere(frame.alpha == 0).tolist() == [[y, 19] for y in range(5)]
    assert read_frame(tmp_path / "b.png").alpha is None


def test_cmyk_needs_its_profile(tmp_path, picture):
    """Inks mean nothing without a profile."""
    Image.fromarray(picture).convert("CMYK").save(tmp_path / "frame.jpg")
    Image.fromarray(picture).convert("CMYK").save(tmp_path / "frame.tif")

    for name in ("frame.jpg", "frame.tif"):
        with pytest.raises(ReadError, match="CMYK picture without a colour profile; convert it"):
            read_frame(tmp_path / name)


def test_cmyk_is_converted_by_its_profile(tmp_path):
    """With a profile, inks become sRGB: none of them is white, all of black is black."""
    axes = np.stack(np.meshgrid(*[[0, 1]] * 4, indexing="ij"), axis=-1)
    light = (1 - axes[..., :3]) * (1 - axes[..., 3:])
    to_xyz = [[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]]
    profile = cmyk_profile(light @ np.transpose(to_xyz))
    inks = np.zeros((16, 32, 4), np.uint8)
    inks[:, 8:16, 3] = 255  # black
    inks[:, 16:24, 0] = 255  # cyan
    inks[:, 24:, 1:3] = 255  # magenta and yellow
    tifffile.imwrite(tmp_path / "f.tif", inks, photometric="separated", iccprofile=profile)
    Image.fromarray(inks, "CMYK").save(tmp_path / "f.jpg", icc_profile=profile, quality=100)

    for name in ("f.tif", "f.jpg"):
        frame = read_frame(tmp_path / name)

        shown = frame.pixels[8, [4, 12, 20, 28]].tolist()
        expected = [[255] * 3, [0] * 3, [0, 255, 255], [255, 0, 0]]
        assert np.abs(np.subtract(shown, expected)).max() <= 3
        assert "converted from" in frame.notes[0]


def cmyk_profile(corners):
    """A profile of one table (lut16Type): XYZ at the corners of the ink cube."""
    lut = struct.pack(">4s4xBBBx9iHH", b"mft2", 4, 3, 2, *[65536, 0, 0, 0] * 2, 65536, 2, 2)
    ramp = struct.pack(">HH", 0, 65535)
    lut += ramp * 4 + np.round(corners * 32768).astype(">u2").tobytes() + ramp * 3
    head = bytearray(128)
    head[8:24] = b"\x02\x40\0\0prtrCMYKXYZ "
    head[:4] = struct.pack(">I", 144 + len(lut))
    head[36:40] = b"acsp"
    head[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    return bytes(head) + struct.pack(">I4sII", 1, b"A2B0", 144, len(lut)) + lut


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"compression": "zlib", "predictor": True},
        {"compression": "lzw"},
        {"tile": (16, 16)},
        {"planarconfig": "separate"},
        {"bigtiff": True},
        {"byteorder": ">"},
    ],
)
def test_tiff_in_its_many_ways(tmp_path, deep, dtype, settings):
    """Strips and tiles, planes, compression and byte order change nothing."""
    pixels = deep if dtype == "uint16" else (deep >> 8).astype(np.uint8)
    stored = pixels.transpose(2, 0, 1) if "planarconfig" in settings else pixels
    path = tmp_path / "frame.tif"
    tifffile.imwrite(path, stored, photometric="rgb", **settings)

    assert (read_frame(path).pixels == pixels).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_float_tiff_is_linear(tmp_path, deep, dtype):
    """Floating point without a profile is linear light; values above 1 stay."""
    pixels = (deep / 30000).astype(dtype)
    tifffile.imwrite(tmp_path / "frame.tif", pixels, photometric="rgb")

    frame = read_frame(tmp_path / "frame.tif")

    assert (frame.kind, frame.response.name, frame.white) == ("float", "linear", 1.0)
    assert frame.pixels == pytest.approx(pixels.astype(np.float32))


def test_values_that_are_no_numbers_are_refused(tmp_path):
    """NaN and infinity say nothing about a pixel: their number is told."""
    pixels = np.ones((8, 8, 3), np.float32)
    pixels[0, 0, 0], pixels[1, 1] = np.nan, np.inf
    tifffile.imwrite(tmp_path / "frame.tif", pixels, photometric="rgb")

    with pytest.raises(ReadError, match=r"^frame.tif has 4 values that are NaN or infinite; mend"):
        read_frame(tmp_path / "frame.tif")


@pytest.mark.parametrize(("bright", "told"), [(0, False), (1, False), (20, True)])
def test_many_float_values_beyond_clipping_are_told(tmp_path, bright, told):
    """A frame whose white is not 1.0 says so by them; a lamp or two does not."""
    pixels = np.full((64, 64, 3), 0.5, np.float32)
    pixels[0, :bright] = 3.0
    tifffile.imwrite(tmp_path / "frame.tif", pixels, photometric="rgb")

    frame = read_frame(tmp_path / "frame.tif")

    assert [note.startswith("0.5% of its values exceed 1.0") for note in frame.notes] == [
        True
    ] * told


def test_negative_light_is_none(tmp_path):
    """Values below black are noise: they are set to 0, and the note counts them."""
    pixels = np.ones((8, 8, 3), np.float32)
    pixels[2, 3] = -0.5
    tifffile.imwrite(tmp_path / "frame.tif", pixels, photometric="rgb")

    frame = read_frame(tmp_path / "frame.tif")

    assert frame.pixels.min() == 0
    assert frame.notes == ("3 negative values were set to 0",)


def test_integers_of_32_bits_are_refused(tmp_path):
    """No camera stores them, and their white is unknown."""
    tifffile.imwrite(tmp_path / "frame.tif", np.ones((8, 8, 3), np.uint32), photometric="rgb")

    with pytest.raises(ReadError, match=r"samples of type uint32; save it with 8 or 16 bits"):
        read_frame(tmp_path / "frame.tif")


def test_thumbnails_in_a_tiff_are_passed_over(tmp_path, picture):
    """A page marked as a reduced picture is not the frame; of several full ones the first is."""
    with tifffile.TiffWriter(tmp_path / "frame.tif") as file:
        file.write(picture[::4, ::4], photometric="rgb", subfiletype=1)
        file.write(picture, photometric="rgb")
        file.write(picture // 2, photometric="rgb")

    frame = read_frame(tmp_path / "frame.tif")

    assert (frame.pixels == picture).all()
    assert frame.notes == ("the first of 2 pictures was read",)


def test_float_jpegxl_is_read(deep, frame_of):
    """Floating-point JPEG XL keeps values above 1."""
    pixels = (deep / 30000).astype(np.float32)

    frame = frame_of(imagecodecs.jpegxl_encode(pixels, lossless=True))

    assert frame.kind == "float"
    assert frame.pixels == pytest.approx(pixels)
