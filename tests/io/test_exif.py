import io
import struct

import exifread
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from deghost.io.exif import capture_of, exif_for_output, is_adobe_rgb, orientation_of
from deghost.io.ifd import parse_block, read_directories
from deghost.io.image import read_capture
from deghost.types import Capture


def capture(block):
    return capture_of(parse_block(block))


def test_what_the_camera_wrote_is_found(exif_block):
    """Every field of a capture comes from its EXIF tag."""
    block = exif_block(
        image={271: "Maker", 272: "Camera"},
        exif={
            33434: 0.004,
            33437: 2.8,
            34855: 400,
            37380: -2.0,
            37386: 35.0,
            36867: "2026:11:21 10:20:30",
            36881: "-03:30",
            42032: "Owner",
            42033: "123",
            42035: "Lens maker",
            42036: "Lens",
        },
        gps={1: "S", 2: (10.0, 30.0, 0.0), 3: "E", 4: (20.0, 0.0, 36.0), 5: b"\1", 6: 12.0},
    )

    found = capture(block)

    assert found.time == pytest.approx(0.004)
    assert (found.aperture, found.iso, found.bias) == (2.8, 400, -2)
    assert (found.make, found.model, found.serial) == ("Maker", "Camera", "123")
    assert (found.lens_make, found.lens, found.focal_length) == ("Lens maker", "Lens", 35)
    assert (found.date, found.utc_offset) == ("2026:11:21 10:20:30", -12600)
    assert (found.latitude, found.longitude) == pytest.approx((-10.5, 20.01))
    assert (found.altitude, found.owner) == (-12, "Owner")


def test_a_missing_time_comes_from_the_shutter_speed(exif_block):
    """Time is 2 to the power of minus Tv (EXIF 2.32 annex C)."""
    found = capture(exif_block(exif={37377: 5.0}))

    assert (found.time, found.shutter_speed) == (1 / 32, 5)


def test_a_time_of_zero_is_no_time(exif_block):
    """Some cameras write 0 for a time they do not know; Tv then decides, or nothing does."""
    assert capture(exif_block(exif={33434: 0.0, 37377: 3.0})).time == 1 / 8
    assert capture(exif_block(exif={33434: 0.0})).time is None


def test_time_and_shutter_speed_are_kept_apart(exif_block):
    """EXIF rounds 1/32 s to 1/30 s in ExposureTime but not in Tv: both are needed."""
    found = capture(exif_block(exif={33434: 1 / 30, 37377: 5.0}))

    assert found.time == pytest.approx(1 / 30)
    assert 2**-found.shutter_speed == 1 / 32


def test_an_aperture_of_zero_is_unknown(exif_block):
    """A manual lens reports f/0: the aperture is then unknown, not infinite."""
    assert capture(exif_block(exif={33437: 0.0})).aperture is None
    assert capture(exif_block(exif={33437: 0.0, 37378: 0.0})).aperture is None


def test_a_missing_f_number_comes_from_apex(exif_block):
    """The f-number is 2 to the power of Av / 2."""
    assert capture(exif_block(exif={37378: 4.0})).aperture == 4


@pytest.mark.parametrize(
    ("tags", "iso"),
    [
        ({34855: 200, 34866: 400}, 200),
        ({34855: 65535, 34866: 102400}, 102400),
        ({34855: 0, 34865: 320, 34867: 500}, 320),
        ({34867: 640}, 640),
        ({34855: 65535}, None),
        ({}, None),
    ],
)
def test_sensitivity_falls_back_past_its_overflow(exif_block, tags, iso):
    """The 16-bit sensitivity reads 65535 above its range; other tags then hold the value."""
    assert capture(exif_block(exif=tags)).iso == iso


def test_blank_names_are_no_names(exif_block):
    """Cameras fill an unknown lens with dashes and an unset date with zeros."""
    found = capture(exif_block(exif={42036: "----", 36867: "0000:00:00 00:00:00"}))

    assert (found.lens, found.date) == (None, None)


@given(st.binary(max_size=300))
def test_any_bytes_give_some_capture(noise):
    """Damaged EXIF never fails a picture."""
    assert isinstance(capture(b"II*\0\x08\0\0\0" + noise), Capture)


@given(st.data())
def test_a_damaged_block_gives_some_capture(data):
    """A true block with any of its bytes changed can be read too, and its copy be written."""
    block = Image.Exif()
    block.update({271: "Maker", 274: 6})
    block.get_ifd(0x8769).update({33434: 0.004, 37377: 8.0, 34855: 400})
    damaged = bytearray(block.tobytes())
    for _ in range(5):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))

    found = capture(bytes(damaged))

    assert isinstance(exif_for_output(found, (3, 4)), bytes)


def test_the_output_block_reads_alike_by_pillow_and_exifread(exif_block):
    """Two independent readers find the camera's values and the new size in the block."""
    block = exif_block(
        image={271: "Maker", 272: "Camera", 274: 6},
        exif={33434: 0.004, 33437: 2.8, 34855: 400, 37500: b"secret", 40961: 65535, 40962: 1},
        gps={1: "N", 2: (10.0, 30.0, 0.0)},
    )

    written = exif_for_output(capture(block), (200, 300))

    pillow = Image.Exif()
    pillow.load(written)
    inner = pillow.get_ifd(0x8769)
    other = exifread.process_file(io.BytesIO(written))
    assert (pillow[271], pillow[272], pillow[274]) == ("Maker", "Camera", 1)
    assert (float(inner[33434]), float(inner[33437]), inner[34855]) == (0.004, 2.8, 400)
    assert (inner[40962], inner[40963]) == (300, 200)
    assert {37500, 40961}.isdisjoint(inner)
    assert pillow.get_ifd(0x8825)[2] == (10, 30, 0)
    assert str(other["EXIF ExposureTime"]) == "1/250"
    assert str(other["Image Orientation"]) == "Horizontal (normal)"
    assert (other["EXIF ExifImageWidth"].values, other["GPS GPSLatitudeRef"].values) == ([300], "N")


def test_the_output_block_has_no_thumbnail(exif_block):
    """The camera's thumbnail shows one frame, so it does not go into a merged file."""
    block = bytearray(exif_block(image={271: "Maker"}).removeprefix(b"Exif\0\0"))
    thumbnail = io.BytesIO()
    Image.new("RGB", (8, 8)).save(thumbnail, "JPEG")
    order = "<" if block[:2] == b"II" else ">"
    (count,) = struct.unpack_from(f"{order}H", block, 8)
    start = len(block)
    struct.pack_into(f"{order}I", block, 10 + 12 * count, start)
    block += struct.pack(f"{order}H", 2)
    block += struct.pack(f"{order}HHII", 513, 4, 1, start + 30)
    block += struct.pack(f"{order}HHII", 514, 4, 1, len(thumbnail.getvalue())) + bytes(4)
    block += thumbnail.getvalue()

    written = exif_for_output(capture(bytes(block)), (2, 2))

    assert "JPEGThumbnail" in exifread.process_file(io.BytesIO(block))
    assert "JPEGThumbnail" not in exifread.process_file(io.BytesIO(written))
    assert len(written) < 200


def test_both_byte_orders_are_kept(exif_block):
    """Text in Unicode depends on the byte order, so a block keeps the one it came in."""
    for order in ("<", ">"):
        mark = b"II*\0" if order == "<" else b"MM\0*"
        maker = (
            np.array([1], f"{order}u2").tobytes()
            + np.array(
                [271 * 65536 + 2 if order == ">" else 2 * 65536 + 271, 6, 26], f"{order}u4"
            ).tobytes()
        )
        block = mark + np.array([8], f"{order}u4").tobytes() + maker + bytes(4) + b"Maker\0"

        found = capture(block)

        assert found.make == "Maker"
        assert exif_for_output(found, (2, 2)).startswith(mark)


def test_a_capture_without_exif_has_none_to_write():
    """Nothing in, nothing out."""
    assert exif_for_output(Capture(), (2, 2)) == b""
    assert exif_for_output(capture(b""), (2, 2)) == b""


def test_the_block_fits_into_a_jpeg(tmp_path, picture, exif_block):
    """The block can be written into a JPEG file and is found again there."""
    block = exif_for_output(capture(exif_block(exif={33434: 0.5, 34855: 100})), (20, 30))
    path = tmp_path / "merged.jpg"
    Image.fromarray(picture).save(path, exif=b"Exif\0\0" + block)

    assert (read_capture(path).time, read_capture(path).iso) == (0.5, 100)


def test_tags_in_the_image_directory_count(tmp_path):
    """TIFF-like files may keep exposure tags in their first directory; they move to EXIF's."""
    path = tmp_path / "frame.tif"
    tags = [(33434, "2I", 1, (1, 8), True), (34855, "H", 1, 320, True)]
    tifffile.imwrite(path, np.zeros((4, 6, 3), np.uint8), photometric="rgb", extratags=tags)

    found = read_capture(path)
    moved = parse_block(exif_for_output(found, (4, 6)))

    assert (found.time, found.iso) == (1 / 8, 320)
    assert 33434 in moved.exif
    assert 33434 not in moved.image


def test_big_tiff_is_understood(tmp_path):
    """BigTIFF has 64-bit offsets and the same tags."""
    path = tmp_path / "frame.tif"
    tags = [(33434, "2I", 1, (1, 8), True), (271, "s", 0, "A long maker's name", True)]
    pixels = np.zeros((4, 6, 3), np.uint8)
    tifffile.imwrite(path, pixels, photometric="rgb", extratags=tags, bigtiff=True)

    with path.open("rb") as stream:
        found = capture_of(read_directories(stream))

    assert (found.time, found.make) == (1 / 8, "A long maker's name")


@pytest.mark.parametrize(("stored", "found"), [(6, 6), (0, 1), (9, 1), (None, 1)])
def test_an_orientation_out_of_range_is_none(exif_block, stored, found):
    """Only 1 to 8 are orientations."""
    image = {} if stored is None else {274: stored}

    assert orientation_of(parse_block(exif_block(image=image))) == found


def test_adobe_rgb_is_told_by_dcf():
    """DCF marks Adobe RGB as uncalibrated with the interoperability index R03."""
    entry = lambda number, kind, count, value: (  # noqa: E731
        np.array([number, kind], "<u2").tobytes()
        + np.array([count], "<u4").tobytes()
        + value.ljust(4, b"\0")
    )
    word = lambda value: np.array([value], "<u4").tobytes()  # noqa: E731
    image = b"\1\0" + entry(34665, 4, 1, word(26)) + bytes(4)
    exif = b"\2\0" + entry(40961, 3, 1, b"\xff\xff") + entry(40965, 4, 1, word(56)) + bytes(4)
    interoperability = b"\1\0" + entry(1, 2, 4, b"R03\0") + bytes(4)
    block = b"II*\0\x08\0\0\0" + image + exif + interoperability

    assert is_adobe_rgb(parse_block(block))
    assert not is_adobe_rgb(parse_block(block.replace(b"R03", b"R98")))
