import re
from io import BytesIO

import cv2
import imagecodecs
import numpy as np
import pytest
import torch
from PIL import Image, MpoImagePlugin

from deghost.errors import ReadError, WriteError
from deghost.io.gainmap_files import SdrBase, UltraHdrSettings, read_ultrahdr, write_ultrahdr
from deghost.io.gainmap_metadata import ISO_NAMESPACE
from deghost.io.jpeg_segments import (
    APP1,
    APP2,
    segment,
    segments,
    split_pictures,
    with_segments,
)
from deghost.radiometry.response import encode


def make_scene(height=150, width=201):
    """A dim room with a bright window and a lamp of 40 times white, in soft colours."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    light = 0.05 + 0.4 * x / width + 6 * np.exp(-((x - 150) ** 2 + (y - 40) ** 2) / 900)
    light += 33 * np.exp(-((x - 50) ** 2 + (y - 90) ** 2) / 100)
    tint = np.stack([1 + 0.3 * y / height, np.ones_like(y), 1.2 - 0.4 * x / width], axis=2)
    return (light[..., None] * tint).astype(np.float32)


def make_base(scene, white=1.0, exif=b""):
    light = torch.from_numpy(scene / white)
    codes = encode(light * (1 + light / 1600) / (1 + light), "srgb").clamp(0, 1)
    return SdrBase((codes * 255).round().to(torch.uint8).numpy(), white, exif)


def relative_error(restored, scene):
    return np.abs(restored - scene) / scene


def read_bytes(data, folder):
    (folder / "given.jpg").write_bytes(data)
    return read_ultrahdr(folder / "given.jpg")


def stripped(picture):
    """The picture without its metadata: from the first table on."""
    return picture[:2] + picture[picture.index(b"\xff\xdb") :]


@pytest.fixture(scope="module")
def scene():
    return make_scene()


@pytest.fixture(scope="module")
def path(scene, tmp_path_factory):
    path = tmp_path_factory.mktemp("ultrahdr") / "a.jpg"
    write_ultrahdr(path, scene.astype(np.float16), make_base(scene))
    return path


def test_libultrahdr_restores_the_scene(path, scene):
    """The reference decoder accepts the file and returns the radiance, highlights included."""
    restored = imagecodecs.ultrahdr_decode(path.read_bytes(), dtype="float16")[..., :3]

    error = relative_error(restored.astype(np.float32), scene)
    assert error.mean() < 0.02
    assert error[scene > 1].mean() < 0.015
    assert restored.max() > 0.95 * scene.max()


def test_the_own_reader_agrees_with_libultrahdr(path, scene):
    """Two readers of one file differ by less than both differ from the scene."""
    ours = read_ultrahdr(path).pixels
    theirs = imagecodecs.ultrahdr_decode(path.read_bytes(), dtype="float16")[..., :3]

    assert relative_error(ours, scene).mean() < 0.02
    assert np.abs(ours - theirs.astype(np.float32)).mean() < 0.003 * scene.mean()


def test_a_file_of_libultrahdr_is_read(scene, tmp_path):
    """What another encoder writes is restored as it restores it itself."""
    rgba = np.ones((*scene.shape[:2], 4), np.float16)
    rgba[..., :3] = scene
    data = bytes(imagecodecs.ultrahdr_encode(rgba, 95, scale=1))

    pictures = split_pictures(data)

    assert len(pictures) == 2
    theirs = imagecodecs.ultrahdr_decode(data, dtype="float16")[..., :3].astype(np.float32)
    assert relative_error(read_bytes(data, tmp_path).pixels, theirs).mean() < 0.02


def test_ordinary_viewers_see_the_base_picture(path, scene):
    """Pillow and OpenCV open the file as the JPEG it begins with."""
    base = make_base(scene).pixels.astype(int)

    with Image.open(path) as picture:
        pillow = np.asarray(picture.convert("RGB")).astype(int)
    opencv = cv2.imread(str(path))[..., ::-1].astype(int)

    assert np.abs(pillow - base).mean() < 1.5
    assert np.abs(opencv - base).mean() < 1.5


def test_the_index_leads_to_both_pictures(path):
    """Pillow's own reader of the Multi-Picture Format finds two frames at the stated offsets."""
    with MpoImagePlugin.MpoImageFile(path) as picture:
        assert picture.n_frames == 2
        entries = picture.mpinfo[0xB002]
        picture.seek(1)
        assert picture.size == (201, 150)
    data = path.read_bytes()
    first, second = split_pictures(data)
    assert (entries[0]["Size"], entries[0]["DataOffset"]) == (len(first), 0)
    assert entries[1]["Size"] == len(second)
    mark = data.index(b"MPF\0") + 4
    assert data[mark + entries[1]["DataOffset"] :] == second


def test_the_directory_states_the_length_of_the_gain_map(path):
    """The container's Item:Length is the byte count of the second picture."""
    first, second = split_pictures(path.read_bytes())

    lengths = re.findall(rb'Item:Semantic="(\w+)"[^>]*?(?:Item:Length="(\d+)")?/>', first)

    assert [name for name, _ in lengths] == [b"Primary", b"GainMap"]
    assert int(lengths[1][1]) == len(second)


def test_the_primary_names_iso_s_version_and_the_map_has_the_rest(path):
    """ISO 21496-1 asks for a version in the base picture and the metadata in the gain map."""
    in_first, in_second = (
        [payload for _, payload in segments(picture) if payload.startswith(ISO_NAMESPACE)]
        for picture in split_pictures(path.read_bytes())
    )

    assert in_first == [ISO_NAMESPACE + bytes(4)]
    assert [len(payload) for payload in in_second] == [len(ISO_NAMESPACE) + 61]


@pytest.mark.parametrize("dropped", [ISO_NAMESPACE, b"http://ns.adobe.com/xap/1.0/"])
def test_either_kind_of_metadata_is_enough(path, tmp_path, dropped):
    """Readers that know only XMP, or only ISO 21496-1, restore the same picture."""
    first, second = split_pictures(path.read_bytes())
    kept = [
        segment(marker, payload)
        for marker, payload in segments(second)
        if marker in (APP1, APP2) and not payload.startswith(dropped)
    ]

    data = first + with_segments(stripped(second), kept)

    assert len(kept) == 1
    expected = read_ultrahdr(path).pixels
    assert np.allclose(read_bytes(data, tmp_path).pixels, expected, rtol=1e-4, atol=1e-4)
    theirs = imagecodecs.ultrahdr_decode(data, dtype="float16")[..., :3].astype(np.float32)
    assert relative_error(theirs, expected).mean() < 0.01


def test_exif_and_profile_stand_in_the_primary(scene, tmp_path):
    """Other software finds the camera's data, and sRGB stated."""
    exif = Image.Exif()
    exif[0x0110] = "Model"
    exif[0x0112] = 1
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    write_ultrahdr(tmp_path / "a.jpg", scene, make_base(scene, exif=block))

    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.getexif()[0x0110] == "Model"
        assert picture.getexif()[0x0112] == 1
        assert picture.info["icc_profile"][36:40] == b"acsp"
    assert imagecodecs.ultrahdr_decode((tmp_path / "a.jpg").read_bytes()).shape == (150, 201, 4)


def test_an_exif_block_too_long_for_jpeg_is_left_out(scene, tmp_path):
    """A segment holds 64 kB; the picture is worth more than the block."""
    write_ultrahdr(tmp_path / "a.jpg", scene, make_base(scene, exif=bytes(70_000)))

    assert b"Exif\0\0" not in (tmp_path / "a.jpg").read_bytes()


def test_the_white_of_the_base_may_stand_for_any_radiance(scene, tmp_path):
    """Read back, 1.0 is the base's white, so values are those of the scene divided by it."""
    write_ultrahdr(tmp_path / "a.jpg", 4 * scene, make_base(4 * scene, white=4.0))

    restored = read_ultrahdr(tmp_path / "a.jpg").pixels

    assert relative_error(restored, scene).mean() < 0.02


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_the_pixels_given_are_left_as_they_were(scene, tmp_path, kind):
    """Dividing by white happens in a copy of a strip."""
    pixels = scene.astype(kind)

    write_ultrahdr(tmp_path / "a.jpg", pixels, make_base(scene, white=2.0))

    assert np.array_equal(pixels, scene.astype(kind))


def test_a_smaller_gain_map_is_smaller_and_still_restores(scene, path, tmp_path):
    """Half the width and height; odd sizes are rounded up."""
    settings = UltraHdrSettings(scale=2)
    write_ultrahdr(tmp_path / "a.jpg", scene, make_base(scene), settings)

    data = (tmp_path / "a.jpg").read_bytes()
    assert imagecodecs.jpeg8_decode(split_pictures(data)[1]).shape == (75, 101, 3)
    assert len(data) < path.stat().st_size
    assert relative_error(read_ultrahdr(tmp_path / "a.jpg").pixels, scene).mean() < 0.03
    theirs = imagecodecs.ultrahdr_decode(data, dtype="float16")[..., :3].astype(np.float32)
    assert relative_error(theirs, scene).mean() < 0.04


def test_black_nan_and_infinity_do_no_harm(tmp_path):
    """Pixels that mean nothing become black or very bright, and the rest stays right."""
    scene = np.full((16, 130, 3), 0.5, np.float32)
    scene[0, 0], scene[5, 60], scene[15, 129] = np.nan, np.inf, -1

    write_ultrahdr(tmp_path / "a.jpg", scene, SdrBase(np.full((16, 130, 3), 188, np.uint8)))

    restored = read_ultrahdr(tmp_path / "a.jpg").pixels
    assert np.isfinite(restored).all()
    assert restored[:, 80:120] == pytest.approx(0.5, rel=0.1)


def test_a_picture_without_highlights_is_a_valid_file(tmp_path):
    """Nothing above white: the gain is nothing, and the reference decoder still accepts it."""
    codes = np.full((16, 16, 3), 100, np.uint8)
    scene = np.full((16, 16, 3), 0.1274, np.float32)

    write_ultrahdr(tmp_path / "a.jpg", scene, SdrBase(codes))

    theirs = imagecodecs.ultrahdr_decode((tmp_path / "a.jpg").read_bytes(), dtype="float16")
    assert theirs[..., :3].astype(np.float32) == pytest.approx(0.1274, rel=0.02)


def test_a_turned_picture_in_p3_is_read_upright_with_its_primaries(path, tmp_path):
    """Phones store sensor rows, an orientation, and Display P3."""
    first, second = split_pictures(path.read_bytes())
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = BytesIO()
    with Image.open(BytesIO(first)) as picture:
        p3 = imagecodecs.cms_profile(
            "rgb",
            whitepoint=[0.3127, 0.329],
            primaries=[0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
            gamma=2.2,
        )
        picture.save(stream, "JPEG", quality=95, exif=exif.tobytes(), icc_profile=p3)

    restored = read_bytes(stream.getvalue() + second, tmp_path)

    assert restored.pixels.shape == (201, 150, 3)
    assert restored.to_rec709[0] == pytest.approx([1.2249, -0.2247, 0], abs=5e-3)


def test_an_ordinary_jpeg_is_refused(tmp_path):
    """Without a gain map there is no radiance to restore."""
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")

    with pytest.raises(ReadError, match=r"^a\.jpg has no Ultra HDR or ISO 21496-1 gain map"):
        read_ultrahdr(tmp_path / "a.jpg")


def test_a_gain_map_cut_off_is_an_error(path, tmp_path):
    """Half a file is refused, and so is one that is missing."""
    data = path.read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[:-100])

    with pytest.raises(ReadError, match=r"^cut\.jpg has no Ultra HDR"):
        read_ultrahdr(tmp_path / "cut.jpg")
    with pytest.raises(ReadError, match=r"^gone\.jpg cannot be read"):
        read_ultrahdr(tmp_path / "gone.jpg")


def test_an_existing_file_is_replaced_only_with_force(scene, path):
    """The refusal names the flag."""
    with pytest.raises(WriteError, match="exists already; pass --force"):
        write_ultrahdr(path, scene, make_base(scene))


def test_a_picture_too_wide_for_jpeg_is_refused_with_a_way_out(tmp_path):
    """A panorama of 70 000 pixels needs another format."""
    with pytest.raises(WriteError, match=r"at most 65500 pixels a side; write \.exr"):
        write_ultrahdr(
            tmp_path / "a.jpg",
            np.zeros((1, 70_000, 3), np.float16),
            SdrBase(np.zeros((1, 70_000, 3), np.uint8)),
        )
