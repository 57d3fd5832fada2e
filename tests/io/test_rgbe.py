import cv2
import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deghost.errors import ReadError
from deghost.io.radiance import RadianceMetadata, read_radiance, write_radiance
from deghost.io.rgbe import decode_rgbe, encode_rgbe
from deghost.io.rgbe_runs import encode_runs
from deghost.types import Capture


HEADER = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n"


def make_pixels(height=40, width=300):
    rng = np.random.default_rng(0)
    pixels = rng.lognormal(0, 2, (height, width, 3)).astype(np.float32)
    pixels[5:20, 30:250] = 0.25  # runs longer than 127
    pixels[20:25] = 0
    return pixels


def step(pixels):
    """The size of one mantissa step of each pixel, whose largest value may round up to 256."""
    mantissa, exponent = np.frexp(pixels.max(axis=2, keepdims=True))
    return 2.0 ** (exponent + (mantissa >= 255.5 / 256) - 8)


def test_mantissas_are_rounded_to_the_nearest(tmp_path):
    """The error is at most half a step, and zero on average."""
    pixels = make_pixels()
    write_radiance(tmp_path / "a.hdr", pixels)

    error = (read_radiance(tmp_path / "a.hdr").pixels - pixels) / step(pixels)

    assert np.abs(error).max() <= 0.5 + 1e-4
    assert abs(error.mean()) < 0.01


def test_opencv_and_imagecodecs_read_what_is_written(tmp_path):
    """Two independent readers see the same pixels as ours."""
    write_radiance(tmp_path / "a.hdr", make_pixels(), RadianceMetadata(Capture(time=0.5)))

    ours = read_radiance(tmp_path / "a.hdr").pixels
    opencv = cv2.imread(str(tmp_path / "a.hdr"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    other = imagecodecs.rgbe_decode((tmp_path / "a.hdr").read_bytes())

    assert np.array_equal(ours, opencv)
    assert np.array_equal(ours, other)


def test_what_opencv_writes_is_read_within_its_rounding(tmp_path):
    """OpenCV cuts mantissas off, so its files are up to one step darker."""
    pixels = make_pixels()
    cv2.imwrite(str(tmp_path / "a.hdr"), pixels[..., ::-1])

    error = (read_radiance(tmp_path / "a.hdr").pixels - pixels) / step(pixels)

    assert error.max() <= 0.01
    assert error.min() >= -1.01


@pytest.mark.parametrize("width", [1, 7, 8, 9, 127, 128, 129, 257])
def test_every_width_comes_back(tmp_path, width):
    """Pictures too narrow for runs are written flat."""
    pixels = make_pixels(3, width)

    write_radiance(tmp_path / "a.hdr", pixels)

    expected = decode_rgbe(encode_rgbe(pixels))
    assert np.array_equal(read_radiance(tmp_path / "a.hdr").pixels, expected)


def test_a_scanline_too_long_for_runs_is_written_flat(tmp_path):
    """The newer coding keeps the width in fifteen bits."""
    pixels = np.ones((1, 32768, 3), np.float32)

    write_radiance(tmp_path / "a.hdr", pixels)

    assert (tmp_path / "a.hdr").stat().st_size > 4 * 32768
    assert np.array_equal(read_radiance(tmp_path / "a.hdr").pixels, pixels)


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 4), st.integers(8, 300), st.just(4)),
        elements=st.sampled_from([0, 0, 0, 1, 7, 255]),
    )
)
def test_runs_lose_nothing(quads):
    """Any bytes survive the run-length coding, as an independent decoder sees it."""
    quads[..., 3] = quads[..., 3] % 3 + 128  # exponents of ordinary numbers
    data = HEADER + b"\n-Y %d +X %d\n" % quads.shape[:2] + encode_runs(quads).tobytes()

    assert np.array_equal(imagecodecs.rgbe_decode(data), decode_rgbe(quads))


def test_flat_areas_take_little_room(tmp_path):
    """A run of 127 equal bytes takes two."""
    write_radiance(tmp_path / "a.hdr", np.ones((100, 1270, 3), np.float32))

    assert (tmp_path / "a.hdr").stat().st_size < 100 * (4 + 4 * 20) + 400


@settings(max_examples=100, deadline=None)
@given(arrays(np.float32, (1, 3, 3), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_any_number_becomes_the_nearest_code(pixels):
    """Negative values become black; all others are off by half a step at most."""
    decoded = decode_rgbe(encode_rgbe(pixels))

    positive = pixels.clip(1e-37, None)
    assert (np.abs(decoded - pixels.clip(0, None)) <= 0.5001 * step(positive)).all()


def test_what_has_no_code_becomes_black_or_brightest():
    """NaN is black, infinity is the largest number; nothing wraps around."""
    pixels = np.array([[[np.nan, 1, 1], [np.inf, 0, 0], [1e-42, 0, 0], [-1, -1, -1]]], np.float32)

    decoded = decode_rgbe(encode_rgbe(pixels))[0]

    assert decoded[0].tolist() == [0, 1, 1]
    assert decoded[1, 0] > 1.6e38
    assert decoded[2:].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_the_exposures_of_a_header_are_divided_out(tmp_path):
    """EXPOSURE multiplies all channels, COLORCORR each its own, and both may be repeated."""
    quads = encode_rgbe(np.full((2, 8, 3), 6.0, np.float32))
    header = HEADER + b"EXPOSURE=2\nEXPOSURE= 1.5\nCOLORCORR=1 2 0.5\nEXPOSURE=oops\n"
    data = header + b"\n-Y 2 +X 8\n" + encode_runs(quads).tobytes()
    (tmp_path / "a.hdr").write_bytes(data)

    assert read_radiance(tmp_path / "a.hdr").pixels[0, 0].tolist() == [2.0, 1.0, 4.0]


@pytest.mark.parametrize(
    ("resolution", "turn"),
    [
        ("-Y 4 +X 9", lambda p: p),
        ("-Y 4 -X 9", lambda p: p[:, ::-1]),
        ("+Y 4 +X 9", lambda p: p[::-1]),
        ("+Y 4 -X 9", lambda p: p[::-1, ::-1]),
        ("+X 9 -Y 4", lambda p: p.transpose(1, 0, 2)),
        ("-X 9 -Y 4", lambda p: p[:, ::-1].transpose(1, 0, 2)),
        ("+X 9 +Y 4", lambda p: p[::-1].transpose(1, 0, 2)),
        ("-X 9 +Y 4", lambda p: p[::-1, ::-1].transpose(1, 0, 2)),
    ],
)
def test_all_eight_orders_of_scanlines_are_turned_upright(tmp_path, resolution, turn):
    """`turn` makes from an upright picture the scanlines that the resolution line describes."""
    upright = decode_rgbe(encode_rgbe(make_pixels(4, 9)))
    quads = np.ascontiguousarray(encode_rgbe(np.ascontiguousarray(turn(upright))))
    (tmp_path / "a.hdr").write_bytes(HEADER + f"\n{resolution}\n".encode() + quads.tobytes())

    assert np.array_equal(read_radiance(tmp_path / "a.hdr").pixels, upright)


def test_the_older_run_coding_is_read(tmp_path):
    """Marks in a row are the digits of one count: here 2 + 256 repetitions of the second pixel."""
    quads = [[10, 20, 30, 129], [40, 50, 60, 129], [1, 1, 1, 2], [1, 1, 1, 1]]
    data = HEADER + b"\n-Y 1 +X 260\n" + bytes(sum(quads, []))
    (tmp_path / "a.hdr").write_bytes(data)

    pixels = read_radiance(tmp_path / "a.hdr").pixels

    assert pixels.shape == (1, 260, 3)
    assert (pixels[0, 0] * 128).tolist() == [10, 20, 30]
    assert (pixels[0, 1:] * 128 == [40, 50, 60]).all()


def test_the_header_states_format_primaries_and_exposure(tmp_path):
    """Lines stay shorter than the buffers of common readers, whatever is stored."""
    metadata = RadianceMetadata(
        Capture(time=0.5, make="Maker"), sources=["frame.jpg" * 30], version="1.2"
    )
    write_radiance(tmp_path / "a.hdr", make_pixels(), metadata)

    header = (tmp_path / "a.hdr").read_bytes().partition(b"\n\n")[0].split(b"\n")

    assert header[0] == b"#?RADIANCE"
    assert b"FORMAT=32-bit_rle_rgbe" in header
    assert b"SOFTWARE=deghost 1.2" in header
    assert b"EXPOSURE=1" in header
    assert b"PRIMARIES=0.64 0.33 0.3 0.6 0.15 0.06 0.3127 0.329" in header
    assert max(map(len, header)) < 127


def test_a_line_break_in_a_name_does_not_end_the_header(tmp_path):
    """An empty line is what separates header and pixels, so none may come from metadata."""
    write_radiance(tmp_path / "a.hdr", make_pixels(), RadianceMetadata(Capture(owner="A\r\n\nB")))

    assert read_radiance(tmp_path / "a.hdr").attributes["owner"] == "A B"


def test_primaries_and_xyz_give_the_matrix_to_rec_709(tmp_path):
    """PRIMARIES are honoured, and XYZ pixels are turned so that white stays white."""
    write_radiance(tmp_path / "own.hdr", make_pixels())
    body = b"\n-Y 1 +X 1\n" + bytes([128, 128, 128, 129])
    p3 = b"PRIMARIES= .68 .32 .265 .69 .15 .06 .3127 .329\n"
    (tmp_path / "p3.hdr").write_bytes(HEADER + p3 + body)
    (tmp_path / "xyz.hdr").write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_xyze\n" + body)

    assert np.array_equal(read_radiance(tmp_path / "own.hdr").to_rec709, np.eye(3))
    wide = read_radiance(tmp_path / "p3.hdr").to_rec709
    assert wide[0] == pytest.approx([1.2249, -0.2247, 0], abs=1e-3)
    xyz = read_radiance(tmp_path / "xyz.hdr").to_rec709
    assert xyz @ np.ones(3) == pytest.approx(np.ones(3))


@pytest.mark.parametrize("kept", [5, 40, 2000, -1])
def test_a_file_cut_short_is_an_error_that_names_it(tmp_path, kept):
    """No half-black picture is returned."""
    write_radiance(tmp_path / "whole.hdr", make_pixels())
    (tmp_path / "cut.hdr").write_bytes((tmp_path / "whole.hdr").read_bytes()[:kept])

    with pytest.raises(ReadError, match=r"^cut\.hdr is (damaged|not a Radiance)"):
        read_radiance(tmp_path / "cut.hdr")


@pytest.mark.parametrize(
    "body",
    [
        b"\n-Y 99999999 +X 30000\n\x02\x02\x75\x30",  # asks for terabytes
        b"\n-Y 99999 +X 99999\n\x09\x09\x09\x80\x01\x01\x01\xff",
        b"\n-Y 1 +X 4\n\x01\x01\x01\x04",  # repeats a pixel that is not there
        b"\n-Y 0 +X 0\n",
        b"\n-Y 1 +Y 1\n\0\0\0\0",
        b"\n-Y 1 +X one\n\0\0\0\0",
    ],
)
def test_damaged_headers_are_errors_not_crashes(tmp_path, body):
    """Absurd sizes are refused before memory is asked for."""
    (tmp_path / "a.hdr").write_bytes(HEADER + body)

    with pytest.raises(ReadError, match=r"^a\.hdr is (damaged|not a Radiance)"):
        read_radiance(tmp_path / "a.hdr")
