import io
import struct

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from deghost.errors import ReadError
from deghost.io.icc import (
    coded_colours,
    converted_to_srgb,
    profile_colours,
    profile_description,
)
from deghost.radiometry.colour import D65, SPACES, to_rec709
from deghost.radiometry.response import encode, named_response


def rgb_profile(space: str, gamma: float) -> bytes:
    """A profile of Little CMS with a space's primaries."""
    known = SPACES[space]
    return imagecodecs.cms_profile(
        "rgb",
        whitepoint=[*known.white],
        primaries=[*known.red, *known.green, *known.blue],
        gamma=gamma,
    )


def profile_of(colour_space: bytes, tags: dict[bytes, bytes], connection=b"XYZ ") -> bytes:
    """A profile made of tags."""
    table, body = struct.pack(">I", len(tags)), b""
    start = 132 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = bytearray(128)
    head[:4] = struct.pack(">I", start + len(body))
    head[8:24] = b"\x02\x40\0\0" + b"scnr" + colour_space + connection
    head[36:40] = b"acsp"
    head[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    return bytes(head) + table + body


def table_profile(colour_space: bytes, corners: np.ndarray) -> bytes:
    """A profile of one table: XYZ at the corners of the colour cube, linear between (lut16Type)."""
    channels = corners.ndim - 1
    head = struct.pack(">4s4xBBBx", b"mft2", channels, 3, 2)
    identity = struct.pack(">9i", *np.ravel(np.eye(3, dtype=int) * 65536).tolist())
    ramps = struct.pack(">HH", 2, 2)
    ramp = struct.pack(">HH", 0, 65535)
    table = np.round(corners * 32768).astype(">u2").tobytes()
    lut = head + identity + ramps + ramp * channels + table + ramp * 3
    description = struct.pack(">4s4xI", b"desc", 6) + b"Table\0" + bytes(78)
    return profile_of(colour_space, {b"A2B0": lut, b"desc": description})


def test_an_srgb_profile_is_srgb_exactly():
    """The commonest profile gives the standard curve and leaves colours untouched."""
    pillow = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (pillow, imagecodecs.cms_profile("srgb")):
        colours = profile_colours(profile)

        assert colours.response is named_response("srgb")
        assert (colours.to_rec709 == np.eye(3)).all()


def test_an_srgb_profile_of_tabulated_curves_is_srgb():
    """The first sRGB profile has a curve of 1024 entries of 16 bits and rounded colorants."""
    code = np.linspace(0, 1, 1024)
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    curve = struct.pack(">4s4xI", b"curv", 1024) + np.round(linear * 65535).astype(">u2").tobytes()
    xyz = {b"rXYZ": (0.4361, 0.2225, 0.0139), b"gXYZ": (0.3851, 0.7169, 0.0971)}
    xyz[b"bXYZ"] = (0.1431, 0.0606, 0.7141)
    tags = {name: b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in value))
            for name, value in xyz.items()}  # fmt: skip
    tags |= {name: curve for name in (b"rTRC", b"gTRC", b"bTRC")}

    colours = profile_colours(profile_of(b"RGB ", tags))

    assert colours.response.name == "srgb"
    assert (colours.to_rec709 == np.eye(3)).all()


@pytest.mark.parametrize("space", sorted(SPACES.keys() - {"aces"}))
def test_the_matrix_is_that_of_the_primaries(space):
    """Colorants are relative to D50; undone, they are the space's own primaries."""
    colours = profile_colours(rgb_profile(space, 2.2))

    assert colours.to_rec709 == pytest.approx(to_rec709(SPACES[space]), abs=2e-3)
    assert colours.response.name == "gamma2.2"


@pytest.mark.parametrize(("gamma", "name"), [(1.0, "linear"), (1.8, "gamma1.8"), (2.4, "gamma2.4")])
def test_power_laws_get_their_names(gamma, name):
    """A pure power law is known by its exponent."""
    assert profile_colours(rgb_profile("p3", gamma)).response.name == name


def test_adobe_rgb_has_its_own_exponent():
    """Adobe RGB's exponent is 563/256, a little below 2.2."""
    colours = profile_colours(imagecodecs.cms_profile("adobergb"))

    assert colours.response.name == "gamma2.1992"
    assert colours.to_rec709 == pytest.approx(to_rec709(SPACES["adobe-rgb"]), abs=2e-3)


@settings(max_examples=12, deadline=None)
@given(space=st.sampled_from(["p3", "rec2020", "prophoto", "adobe-rgb"]), gamma=st.floats(1, 3))
def test_white_maps_to_white(space, gamma):
    """Rounded colorants would tint grey; the matrix does not."""
    matrix = profile_colours(rgb_profile(space, gamma)).to_rec709

    assert matrix @ np.ones(3) == pytest.approx(np.ones(3), abs=1e-9)


@pytest.mark.parametrize("space", ["p3", "rec2020", "adobe-rgb", "prophoto"])
def test_colours_agree_with_little_cms(space):
    """Curve and matrix together give what an independent colour engine gives."""
    profile = rgb_profile(space, 1.8)
    colours = profile_colours(profile)
    codes = np.random.default_rng(3).integers(90, 200, (8, 8, 3)).astype(np.uint8)
    codes[:2] = codes[:2, :, :1]

    linear = np.stack(
        [colours.response.table[c, 257 * codes[..., c].astype(int)] for c in range(3)]
    )
    found = colours.to_rec709 @ linear.reshape(3, -1)
    wide = imagecodecs.cms_transform(
        codes.astype(np.uint16) * 257, profile, rgb_profile("rec709", 1.0), colorspace="rgb"
    )

    inside = ((found > 0.01) & (found < 0.99)).all(axis=0)
    expected = wide.reshape(-1, 3).T[:, inside] / 65535
    assert inside.sum() > 16
    assert found[:, inside] == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("kind", "parameters", "expected"),
    [
        (0, (2.0,), lambda x: x**2),
        (1, (2.0, 0.8, 0.2), lambda x: (0.8 * x + 0.2) ** 2),
        (2, (2.0, 0.5, 0.25, 0.125), lambda x: (0.5 * x + 0.25) ** 2 + 0.125),
        (3, (2.0, 0.75, 0.25, 0.5, 0.25),
         lambda x: np.where(x < 0.25, x / 2, (0.75 * x + 0.25) ** 2)),
        (4, (2.0, 0.75, 0.0, 0.5, 0.25, 0.25, 0.125),
         lambda x: np.where(x < 0.25, x / 2 + 0.125, 0.5625 * x**2 + 0.25)),
    ],
)  # fmt: skip
def test_parametric_curves_follow_the_standard(kind, parameters, expected):
    """The five functions of ICC.1 table 68."""
    values = [round(value * 65536) for value in parameters]
    curve = struct.pack(f">4s4xHxx{len(values)}i", b"para", kind, *values)

    response = profile_colours(profile_of(b"GRAY", {b"kTRC": curve})).response

    code = np.linspace(0, 1, response.table.shape[1])
    assert response.table[0] == pytest.approx(expected(code), abs=1e-5)


def test_a_curve_of_its_own_keeps_the_profile_name():
    """A curve that no standard has is kept as a table under the profile's name."""
    curve = struct.pack(">4s4xI3H", b"curv", 3, 0, 9000, 65535)
    text = "Mine".encode("utf-16-be")
    name = struct.pack(">4s4xIIHHII", b"mluc", 1, 12, 25966, 21843, len(text), 28) + text

    response = profile_colours(profile_of(b"GRAY", {b"kTRC": curve, b"desc": name})).response

    assert response.name == "Mine"
    assert response.table[0, 32768] == pytest.approx(9000 / 65535, abs=1e-4)


def test_a_grey_profile_has_a_curve_only():
    """Grey has no primaries: its matrix is the identity."""
    colours = profile_colours(imagecodecs.cms_profile("gray", gamma=2.2))

    assert colours.response.name == "gamma2.2"
    assert (colours.to_rec709 == np.eye(3)).all()


def test_tables_are_left_to_little_cms():
    """A profile of tables has no curve and no matrix; its pixels are converted instead."""
    axes = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1)
    to_xyz = np.array(
        [[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]]
    )
    profile = table_profile(b"RGB ", axes @ to_xyz.T)
    codes = np.array([[[0, 0, 0], [65535] * 3, [32768] * 3, [50000, 30000, 20000]]], np.uint16)

    converted = converted_to_srgb(codes, profile)

    linear = np.where(codes / 65535 > 0.0031308, codes / 65535, 0)
    expected = np.where(linear > 0, 1.055 * linear ** (1 / 2.4) - 0.055, 0)
    assert profile_colours(profile) is None
    assert profile_description(profile) == "Table"
    assert converted / 65535 == pytest.approx(expected, abs=2e-3)


def test_a_profile_that_does_not_fit_is_told():
    """A grey profile on colour pixels cannot be used by Little CMS."""
    with pytest.raises(ReadError, match="does not fit its pixels; convert"):
        converted_to_srgb(np.zeros((2, 2, 4), np.uint8), imagecodecs.cms_profile("srgb"))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_damaged_profile_never_fails_a_picture(data):
    """Whatever bytes a profile holds, it is read or left aside."""
    profile = bytearray(imagecodecs.cms_profile("srgb"))
    for _ in range(4):
        profile[data.draw(st.integers(0, len(profile) - 1))] = data.draw(st.integers(0, 255))

    colours = profile_colours(bytes(profile[: data.draw(st.integers(0, len(profile)))]))

    assert colours is None or np.isfinite(colours.to_rec709).all()


@pytest.mark.parametrize(
    ("primaries", "transfer", "space", "curve"),
    [
        (1, 13, "rec709", "srgb"),
        (12, 13, "p3", "srgb"),
        (9, 14, "rec2020", "rec709"),
        (1, 8, "rec709", "linear"),
        (2, 13, "rec709", "srgb"),
        (9, 2, "rec2020", "srgb"),
    ],
)
def test_code_points_name_colours(primaries, transfer, space, curve):
    """H.273 numbers the primaries and transfer functions."""
    colours = coded_colours(primaries, transfer)

    assert colours.response.name == curve
    assert (colours.to_rec709 == to_rec709(SPACES[space])).all()


def test_unspecified_code_points_say_nothing():
    """2 stands for unspecified."""
    assert coded_colours(2, 2) is None


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_pictures_are_no_frames(transfer, name):
    """A picture in PQ or HLG is merged already."""
    with pytest.raises(ReadError, match=f"HDR picture .{name}."):
        coded_colours(9, transfer)


def test_profile_in_a_file_reads_as_written(tmp_path):
    """Codes through the profile's curve and matrix show the colour that was meant."""
    import torch

    from deghost.io.image import read_frame

    wanted = np.array([0.5, 0.2, 0.1])  # linear Rec. 709
    p3 = np.linalg.inv(to_rec709(SPACES["p3"])) @ wanted
    code = np.round(255 * encode(torch.tensor(p3), "srgb").numpy()).astype(np.uint8)
    known = SPACES["p3"]
    profile = imagecodecs.cms_profile(
        "rgb",
        whitepoint=[*D65],
        primaries=[*known.red, *known.green, *known.blue],
        transferfunction=named_response("srgb").table[0, ::16].astype(np.float32),
    )
    path = tmp_path / "p3.png"
    image = io.BytesIO()
    Image.fromarray(np.tile(code, (4, 4, 1))).save(image, "PNG", icc_profile=profile)
    path.write_bytes(image.getvalue())

    frame = read_frame(path)

    linear = [frame.response.table[c, 257 * int(frame.pixels[0, 0, c])] for c in range(3)]
    assert frame.to_rec709 @ linear == pytest.approx(wanted, abs=4e-3)
