"""What a user may hand over as frames, and what becomes of it."""

import json

import numpy as np
import pytest
from PIL import Image

from deghost.io.radiance import RadianceMetadata, read_radiance, write_radiance
from deghost.types import Capture


def contents(folder):
    return sorted(path.name for path in folder.rglob("*"))


def spoil(folder, kind):
    """Make one bad file, `x.jpg`, out of a good one."""
    good = (folder / "b.jpg").read_bytes()
    path = folder / "x.jpg"
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes({"empty": b"", "half": good[: len(good) // 2], "text": b"not it"}[kind])


@pytest.mark.parametrize("command", ["merge -o out.exr", "inspect"])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty", "x.jpg is empty; copy it again from the camera"),
        ("half", "x.jpg is cut short"),
        ("text", "x.jpg is not a picture this program reads; give JPEG"),
        ("folder", "x.jpg is a folder; give the files in it"),
        ("missing", "x.jpg does not exist; check the path"),
    ],
)
def test_a_frame_that_cannot_be_read_is_named(folder, refused, command, kind, words):
    """Nothing is written, and the message says what to do."""
    spoil(folder, kind)
    before = contents(folder)

    assert words in refused(f"{command} a.jpg x.jpg c.jpg")
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ("", "a bracket needs two frames or more, no files given; name all frames"),
        ("a.jpg", "a bracket needs two frames or more, only a.jpg given"),
        ("a.jpg ./a.jpg", "a.jpg is given twice"),
        (".", "is a folder; give the files in it"),
        ("*.jpeg", "*.jpeg does not exist; check the path"),
        ("a.jpg b.jpg grey.jpg", "grey.jpg is a grey picture, but a.jpg is in colour; save"),
        ("b.jpg same.jpg", "all frames have the same exposure"),
        ("a.jpg small.jpg", "small.jpg is 50x40 pixels but a.jpg is 128x96"),
        ("black.png white.png", "too little in common; pass --exposures 1/250 1/60 1/15 or --ev"),
        ("a.jpg raw.dng", "raw.dng and a.jpg mix RAW and finished pictures"),
        ("a.jpg cmyk.jpg", "cmyk.jpg is a CMYK picture without a colour profile; convert it"),
        ("a.jpg nan.exr", "nan.exr has 3 values that are NaN or infinite; mend them"),
    ],
)
def test_frames_that_form_no_bracket_are_refused(put, folder, refused, write_dng, frames, words):
    """Each reason is told in one line that names a file."""
    put("same.jpg")
    put("small.jpg", change=lambda codes: codes[:40, :50])
    put("black.png", time=0, change=np.zeros_like)
    put("white.png", time=0, change=lambda codes: np.full_like(codes, 255))
    write_dng(folder / "raw.dng", np.full((96, 128, 3), 0.5))
    with Image.open(folder / "b.jpg") as picture:
        picture.convert("CMYK").save(folder / "cmyk.jpg")
        picture.convert("L").save(folder / "grey.jpg", exif=picture.getexif())
    broken = np.ones((96, 128, 3), np.float32)
    broken[5, 5] = np.nan
    write_radiance(folder / "nan.exr", broken, exr_type="float")
    before = contents(folder)

    assert words in refused(f"merge {frames} -o out.exr".split())
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("mode", "note"),
    [("L", "a grey picture"), ("RGBA", "its alpha channel is left out"), ("P", "")],
)
def test_grey_alpha_and_palettes_are_taken_and_told(put, run, tmp_path, scene, mode, note):
    """They merge, and a note says what became of them."""
    for name, exposure in (("a.png", 0.25), ("b.png", 1), ("c.png", 4)):
        put(name, exposure, change=lambda codes: np.repeat(codes[..., 1:2], 3, axis=2))
        with Image.open(tmp_path / name) as picture:
            changed = picture.quantize(256, dither=0) if mode == "P" else picture.convert(mode)
        changed.save(tmp_path / name)

    result = run("merge a.png b.png c.png -o out.exr --ev -2 0 2")

    assert result.code == 0, result.err
    assert not note or f"- every frame: {note}" in result.out
    merged = read_radiance(tmp_path / "out.exr").pixels
    bright = scene[..., 1] > 0.05
    assert np.ptp(merged, axis=2).max() == 0
    assert np.median(np.abs(merged[bright, 1] / scene[bright, 1] - 1)) < 0.03


def test_frames_without_times_are_fitted_and_told(put, run):
    """The table says of every value where it comes from."""
    for name, exposure in (("a.png", 0.25), ("b.png", 1), ("c.png", 4)):
        put(name, exposure, time=0)

    told = json.loads(run("inspect a.png b.png c.png --json").out)

    assert "the files state no exposure times: ratios fitted from the pixels" in told["notes"]
    assert [frame["ev"] for frame in told["frames"]] == pytest.approx([-2, 0, 2], abs=0.2)


def test_linear_frames_with_negative_values_merge(run, scene, tmp_path, monkeypatch):
    """OpenEXR frames are taken as linear; what is below black becomes black, and is told."""
    monkeypatch.chdir(tmp_path)
    for name, exposure in (("a.exr", 0.25), ("b.exr", 1.0), ("c.exr", 4.0)):
        light = np.minimum(scene * exposure, 1).astype(np.float32)
        light[0, :2] = -1
        metadata = RadianceMetadata(Capture(time=exposure / 64))
        write_radiance(tmp_path / name, light, metadata, exr_type="float")

    result = run("merge a.exr b.exr c.exr -o out.exr --exr-type float --fast")

    assert "- every frame: 6 negative values were set to 0" in result.out
    merged = read_radiance(tmp_path / "out.exr").pixels
    assert merged[0, 0].tolist() == [0, 0, 0]
    assert np.allclose(merged[1:], scene[1:], rtol=0.01)


@pytest.mark.parametrize(("content", "share"), [(0, 0.0), (255, 4.0)])
def test_all_black_and_all_white_brackets_merge(put, run, tmp_path, content, share):
    """With exposures given there is light to tell: none, or what the darkest frame bounds."""
    for name in ("a.png", "b.png", "c.png"):
        put(name, change=lambda codes: np.full_like(codes, content))

    result = run("merge a.png b.png c.png -o out.exr --ev -2 0 2 --preview out.png")

    assert result.code == 0, result.err
    assert read_radiance(tmp_path / "out.exr").pixels == pytest.approx(share, rel=0.01)
