import json

import cv2
import numpy as np
import pytest
from PIL import Image

from deghost.io.radiance import read_radiance
from deghost.merge.conversion import open_radiance


THREE = "merge a.jpg b.jpg c.jpg"


@pytest.mark.parametrize("ending", [".exr", ".hdr", ".tif", ".TIFF", ".jpg"])
def test_the_ending_tells_the_format(folder, run, scene, ending):
    """Every format holds the scene; 1 is the reference's clipping, in Ultra HDR diffuse white."""
    result = run(f"{THREE} -o out{ending}")

    assert result.code == 0, result.err
    assert result.err == ""
    assert f"wrote out{ending}" in result.out
    merged = open_radiance(folder / f"out{ending}").pixels
    truth = scene if merged.shape == scene.shape else None
    assert truth is not None
    ratio = merged[truth > 0.02] / truth[truth > 0.02]
    ratio = ratio / np.median(ratio) if ending == ".jpg" else ratio
    assert np.median(ratio) == pytest.approx(1, abs=0.02)
    assert np.percentile(np.abs(ratio - 1), 90) < 0.12


def test_the_summary_tells_what_was_decided(folder, run):
    """Frames, exposures with their source, the reference and the files, on standard output."""
    result = run(f"{THREE} -o out.exr")

    lines = result.out.splitlines()
    assert lines[1].split()[:4] == ["0", "a.jpg", "-2.00", "EXIF"]
    assert lines[2].split()[:4] == ["1", "b.jpg", "*", "+0.00"]
    assert any(line.startswith("- reference: frame 1") for line in lines)
    assert lines[-2:] == ["merged 3 frames into 128x96 (half)", "wrote out.exr"]


def test_quiet_prints_nothing(folder, run):
    """Neither to standard output nor to standard error; the file is there."""
    result = run(f"{THREE} -o out.exr --quiet")

    assert (result.code, result.out, result.err) == (0, "", "")
    assert (folder / "out.exr").exists()


def test_json_is_all_that_is_printed(folder, run):
    """Standard output is one JSON object that scripts can rely on."""
    result = run(f"{THREE} -o out.exr --preview out.png --json")

    told = json.loads(result.out)
    assert result.err == ""
    assert [frame["file"] for frame in told["frames"]] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [round(frame["ev"], 2) for frame in told["frames"]] == [-2, 0, 2]
    assert told["reference"] == 1
    assert told["size"] == [96, 128]
    assert told["written"] == ["out.exr", "out.png"]
    assert told["absolute_scale"] == pytest.approx(64 * 16, rel=0.01)


def test_exposure_times_may_be_given(folder, run):
    """Fractions, decimals and seconds, in the order of the files."""
    result = run("merge c.jpg a.jpg b.jpg -o out.exr --json --exposures 1/15 0.004 1/60s")

    told = json.loads(result.out)
    assert [frame["file"] for frame in told["frames"]] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [frame["exposure"] for frame in told["frames"]] == pytest.approx([0.004, 1 / 60, 1 / 15])


def test_stops_may_be_given(folder, run):
    """Negative numbers after --ev are values, no options."""
    result = run(f"{THREE} -o out.exr --json --ev -1.5 0 2")

    told = json.loads(result.out)
    assert [round(frame["ev"], 2) for frame in told["frames"]] == [-1.5, 0, 2]


def test_exposures_may_be_fitted(folder, run):
    """--fit-exposures asks the pixels, whatever EXIF says."""
    told = json.loads(run(f"{THREE} -o out.exr --json --fit-exposures").out)

    assert all("fitted" in frame["source"] for frame in told["frames"])
    assert [frame["ev"] for frame in told["frames"]] == pytest.approx([-2, 0, 2], abs=0.2)


@pytest.mark.parametrize("reference", [0, 1, 2])
def test_the_reference_may_be_chosen(folder, run, reference):
    """0 is the darkest, and 1.0 in the picture is its clipping."""
    told = json.loads(run(f"{THREE} -o out.exr --json --reference {reference}").out)

    assert told["reference"] == reference
    exposure = (1 / 256, 1 / 64, 1 / 16)[reference]
    assert told["absolute_scale"] == pytest.approx(16 / exposure, rel=0.01)


def test_scales_differ_by_what_the_header_says(folder, run):
    """Times its absolute factor every picture is the same light."""
    light = []
    for scale in ("reference", "absolute", "max"):
        run(f"{THREE} -o {scale}.exr --scale {scale} --exr-type float --quiet")
        file = read_radiance(folder / f"{scale}.exr")
        light.append(np.median(file.pixels) * float(file.attributes["deghost.absoluteScale"]))
        if scale == "max":
            assert file.pixels.max() == pytest.approx(1, rel=1e-3)

    assert light == pytest.approx([light[0]] * 3, rel=2e-3)


@pytest.mark.parametrize("kind", ["half", "float"])
def test_the_numbers_of_an_exr_may_be_chosen(folder, run, kind):
    """--exr-type is what the file holds."""
    import OpenEXR

    run(f"{THREE} -o out.exr --exr-type {kind} --quiet")

    with OpenEXR.File("out.exr", separate_channels=True) as file:
        stored = file.channels()["G"].pixels.dtype
    assert stored == {"half": np.float16, "float": np.float32}[kind]


@pytest.mark.parametrize("method", ["debevec", "robertson", "mertens"])
def test_other_methods_say_what_they_are(folder, run, method):
    """A merge for comparison is labelled as such."""
    result = run(f"{THREE} -o out.exr --method {method}")

    assert result.code == 0
    assert f"- method {method}" in result.out


def test_deghosting_has_levels_and_numbers(folder, run):
    """Every level, however written, stands for a number between 0 and 1."""
    motion = []
    for level in ("HIGH", "0.75"):
        run(f"{THREE} -o out.exr --deghost {level} --plan out.json --quiet --force")
        motion.append(json.loads((folder / "out.json").read_text())["motion"])

    assert motion[0]["strength"] == 0.75
    assert motion[0] == motion[1]


def test_alignment_and_cropping_may_be_turned_off(put, run, tmp_path):
    """--align none leaves frames where they are; --no-crop keeps the reference's frame."""
    put("a.jpg", 0.25, change=lambda codes: np.roll(codes, (3, 5), (0, 1)))
    put("b.jpg")
    put("c.jpg", 4)

    told = {
        name: json.loads(run(f"{THREE} -o {name}.exr --json {options}").out)
        for name, options in (("plain", ""), ("whole", "--no-crop"), ("none", "--align none"))
    }

    assert told["plain"]["frames"][0]["aligned_by"] != "none"
    assert told["plain"]["size"] != [96, 128]
    assert told["whole"]["size"] == told["none"]["size"] == [96, 128]
    assert told["none"]["frames"][0]["aligned_by"] == "none"


def test_frames_that_cannot_be_aligned_are_told(put, run):
    """A frame turned upside down fails; those that agree as they are do not."""
    for name, exposure in (("a.jpg", 0.25), ("b.jpg", 1)):
        put(name, exposure)
    put("c.jpg", 4, change=lambda codes: np.ascontiguousarray(codes[::-1, ::-1]))
    line = f"{THREE} -o out.exr --fast --ev -2 0 2 --force"

    shown, told = run(line).out, json.loads(run(f"{line} --json").out)
    off = json.loads(run(f"{line} --json --align none").out)

    assert [frame["aligned_by"] for frame in told["frames"]] == ["none", "none", "failed"]
    assert [note for note in told["notes"] if "could not be aligned" in note] == [
        "frame 2 (c.jpg) could not be aligned: it serves only where it happens to agree with the "
        "reference; leave it out, or align the frames by hand and give --align none"
    ]
    assert shown.splitlines()[3].split()[-1] == "failed"
    assert [frame["aligned_by"] for frame in off["frames"]] == ["none"] * 3
    assert not any("could not be aligned" in note for note in off["notes"])


def test_flow_alignment_runs(folder, run):
    """--align flow merges, too."""
    assert run(f"{THREE} -o out.exr --align flow --quiet").code == 0


def test_masks_are_pictures_of_the_merged_size(folder, run):
    """What is well exposed in every frame, and what moved in all but the reference."""
    result = run(f"{THREE} -o out.exr --masks new/masks --force")

    names = sorted(path.name for path in (folder / "new/masks").iterdir())
    assert names == [
        "0_a_exposed.png",
        "0_a_moved.png",
        "1_b_exposed.png",
        "2_c_exposed.png",
        "2_c_moved.png",
    ]
    masks = {name: cv2.imread(str(folder / "new/masks" / name), -1) for name in names}
    assert {mask.shape for mask in masks.values()} == {(96, 128)}
    assert masks["0_a_moved.png"].mean() < 10
    assert masks["2_c_exposed.png"][27, 100] == 0  # the lamp clips
    assert masks["0_a_exposed.png"][27, 100] == 255
    assert "wrote new/masks/0_a_exposed.png" in result.out


def test_previews_are_ordinary_pictures(folder, run):
    """JPEG and PNG of the picture's size; the JPEG keeps what the camera wrote."""
    run(f"{THREE} -o out.exr --preview out.jpeg --quiet")
    run(f"{THREE} -o two.exr --preview out.png --quiet")

    with Image.open("out.jpeg") as jpeg, Image.open("out.png") as png:
        assert (jpeg.format, jpeg.size) == ("JPEG", (128, 96))
        assert (png.format, png.size) == ("PNG", (128, 96))
        assert float(jpeg.getexif().get_ifd(0x8769)[0x829A]) == pytest.approx(1 / 64)
        assert 60 < np.asarray(png).mean() < 190


@pytest.mark.parametrize(("way", "close"), [("--fast", 2e-3), ("", 8e-3)])
@pytest.mark.parametrize("response", ["debevec", "robertson"])
def test_a_recovered_response_can_be_used_again(folder, run, response, way, close):
    """Saved, in fewer samples, and given as a file, it makes the same picture."""
    run(f"{THREE} -o one.exr {way} --response {response} --save-response curve.json --quiet")
    again = run(f"{THREE} -o two.exr {way} --response curve.json")

    assert again.code == 0
    one, two = (read_radiance(folder / name).pixels for name in ("one.exr", "two.exr"))
    assert np.allclose(one, two, rtol=close, atol=1e-5)
    assert np.isclose(one, two, rtol=close / 2, atol=1e-5).mean() > 0.999


def test_named_responses_change_the_picture(folder, run):
    """A curve that is not the camera's gives other light in the shadows."""
    run(f"{THREE} -o srgb.exr --response srgb --quiet")
    run(f"{THREE} -o gamma.exr --response gamma2.2 --quiet")
    run(f"{THREE} -o own.exr --quiet")

    srgb, gamma, own = (
        read_radiance(folder / f"{name}.exr").pixels for name in ("srgb", "gamma", "own")
    )
    assert np.array_equal(srgb, own)
    assert not np.allclose(srgb, gamma, rtol=0.02)


def test_one_pixel_can_be_merged(put, run, tmp_path):
    """1x1 frames, exposures given, make a 1x1 picture in every format."""
    for name, exposure in zip(("a.png", "b.png", "c.png"), (0.25, 1, 4), strict=True):
        put(name, exposure, change=lambda codes: codes[50:51, 60:61])

    for ending in ("exr", "hdr", "tif", "jpg"):
        line = f"merge a.png b.png c.png -o out.{ending} --masks m{ending} --preview {ending}.png"
        assert run(line).code == 0
        assert open_radiance(tmp_path / f"out.{ending}").pixels.shape == (1, 1, 3)


@pytest.mark.parametrize(("length", "turned"), [(100_000, False), (40_000, True)])
def test_very_long_pictures_can_be_merged(put, run, scene, tmp_path, length, turned):
    """Sides longer than OpenCV's limits are merged as any other."""

    def stretch(codes):
        tiled = np.tile(codes[40:48], (1, length // 128 + 1, 1))[:, :length]
        return np.ascontiguousarray(tiled.transpose(1, 0, 2)) if turned else tiled

    for name, exposure in zip(("a.png", "b.png", "c.png"), (0.25, 1, 4), strict=True):
        put(name, exposure, change=stretch)

    result = run("merge a.png b.png c.png -o out.exr --masks masks --response srgb")

    assert result.code == 0, result.err
    merged, truth = read_radiance(tmp_path / "out.exr").pixels, stretch(scene)
    bright = truth > 0.02
    assert merged.shape == truth.shape
    assert np.median(np.abs(merged[bright] / truth[bright] - 1)) < 0.03
