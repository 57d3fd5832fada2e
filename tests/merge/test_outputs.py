from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from deghost import __version__
from deghost.errors import SettingsError, WriteError
from deghost.io import atomic
from deghost.io.radiance import read_radiance
from deghost.merge.merged import merge_files
from deghost.merge.outputs import Outputs, check_outputs, masks_of, metadata_of, write_outputs
from deghost.merge.plan_files import plan_from_json, read_plan
from deghost.merge.settings import MergeSettings


@pytest.fixture
def merged(shoot):
    """A merge of three hand-held frames, cropped to what all show."""
    shot = shoot(shifts=((5.3, -3.6), (0, 0), (-7.4, 4.2)), ball=40)
    return merge_files(shot.paths)


def contents(folder):
    return sorted(path.name for path in folder.rglob("*") if not path.name.startswith("frame_"))


def test_everything_asked_for_is_written_and_listed(merged, tmp_path):
    """Picture first, then preview, plan, response and masks."""
    outputs = Outputs(
        tmp_path / "out.exr",
        masks=tmp_path / "new/masks",
        plan=tmp_path / "plan.json",
        preview=tmp_path / "out.jpg",
        response=tmp_path / "curve.json",
    )

    written = write_outputs(merged, outputs)

    assert written[:4] == [outputs.picture, outputs.preview, outputs.plan, outputs.response]
    assert [path.name for path in written[4:]] == [
        "0_frame_b_exposed.png",
        "0_frame_b_moved.png",
        "1_frame_c_exposed.png",
        "2_frame_a_exposed.png",
        "2_frame_a_moved.png",
    ]
    assert all(path.stat().st_size for path in written)
    assert np.array_equal(read_radiance(tmp_path / "out.exr").pixels, merged.pixels)
    assert read_plan(tmp_path / "plan.json")[1].crop == merged.plan.crop


def test_the_header_tells_how_the_picture_came_about(merged, tmp_path):
    """Capture, sources, exposures, version, crop and plan, but no folder of this machine."""
    write_outputs(merged, Outputs(tmp_path / "out.exr"))

    with OpenEXR.File(str(tmp_path / "out.exr"), header_only=True) as file:
        header = dict(file.parts[0].header)
    assert header["expTime"] == pytest.approx(1 / 64)
    assert header["isoSpeed"] == 100
    assert header["deghost.version"] == __version__
    assert header["deghost.absoluteScale"] == pytest.approx(64 * 16, rel=0.01)
    assert [Path(f).name for f in plan_from_json(header["deghost.parameters"]).frames] == [
        "frame_b.jpg",
        "frame_c.jpg",
        "frame_a.jpg",
    ]
    assert str(tmp_path) not in str(header)


def test_the_uncropped_frame_is_known(merged):
    """The header's window says where the crop lies in the reference."""
    y, x, height, width = merged.plan.crop

    left, top, right, bottom = metadata_of(merged).original_window

    assert (left, top) == (-x, -y)
    assert (right - left, bottom - top) == (320, 240)
    assert merged.pixels.shape == (height, width, 3)


def test_previews_carry_exif_and_stand_upright(merged, tmp_path):
    """What the camera wrote of the reference goes along, with the size of the crop."""
    write_outputs(merged, Outputs(tmp_path / "out.exr", preview=tmp_path / "out.jpg"))

    with Image.open(tmp_path / "out.jpg") as preview:
        exif = preview.getexif()
        assert preview.size == merged.pixels.shape[1::-1]
    assert exif.get(0x0112, 1) == 1
    assert float(exif.get_ifd(0x8769)[0x829A]) == pytest.approx(1 / 64)


def test_masks_show_what_moved_and_what_is_well_exposed(merged):
    """The ball moved in the dark and the bright frame; the window clips in the bright one."""
    y, x, height, width = merged.plan.crop
    masks = dict(masks_of(merged))

    assert {mask.shape for mask in masks.values()} == {(height, width)}
    assert masks["0_frame_b_moved.png"][150 - y, 60 - x] > 200
    assert masks["2_frame_a_moved.png"][150 - y, 100 - x] > 200
    assert masks["0_frame_b_moved.png"].mean() < 60
    assert masks["2_frame_a_exposed.png"][70 - y, 240 - x] == 0
    assert masks["0_frame_b_exposed.png"][70 - y, 240 - x] == 255


@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_a_failure_takes_back_what_was_written(merged, tmp_path, monkeypatch, count):
    """Whichever file fails, none of the others stays, and older ones are as they were."""
    (tmp_path / "out.exr").write_bytes(b"older")
    flush, written = atomic._flush_to_disk, []

    def fail(path):
        written.append(path)
        if len(written) == count:
            raise OSError(28, "No space left on device", str(path))
        flush(path)

    monkeypatch.setattr(atomic, "_flush_to_disk", fail)
    outputs = Outputs(
        tmp_path / "out.exr", tmp_path / "deep/masks", tmp_path / "p.json", tmp_path / "out.png"
    )

    with pytest.raises(WriteError, match="does not fit on the disk"):
        write_outputs(merged, outputs, force=True)

    assert contents(tmp_path) == ["out.exr"]
    assert (tmp_path / "out.exr").read_bytes() == b"older"


def test_folders_that_were_there_stay(merged, tmp_path, monkeypatch):
    """Only folders made for the masks are removed again, and none that holds something."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/note.txt").touch()
    monkeypatch.setattr(atomic, "_flush_to_disk", lambda path: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        write_outputs(merged, Outputs(tmp_path / "out.exr", tmp_path / "deep/er/masks"))

    assert contents(tmp_path) == ["deep", "note.txt"]


def test_frames_of_one_name_have_masks_of_their_own(shoot, tmp_path):
    """1/x.jpg and 2/x.jpg do not overwrite each other's masks."""
    paths = []
    for k, path in enumerate(shoot().paths):
        (tmp_path / str(k)).mkdir()
        paths.append(path.rename(tmp_path / str(k) / "x.jpg"))

    names = [name for name, _ in masks_of(merge_files(paths))]

    assert len(set(names)) == 5


def test_a_plain_merge_has_masks_too(shoot):
    """Without deghosting nothing counts as moved."""
    masks = dict(masks_of(merge_files(shoot(ball=40).paths, MergeSettings(deghost=0))))

    assert not any(mask.any() for name, mask in masks.items() if "moved" in name)


def test_masks_are_checked_before_they_exist(tmp_path):
    """Masks of an earlier merge, and frames that look like masks, are not overwritten."""
    frames = (tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "0_a_moved.png")
    outputs = Outputs(tmp_path / "out.exr", masks=tmp_path)

    with pytest.raises(WriteError, match=r"0_a_moved\.png is another file of this merge"):
        check_outputs(outputs, frames, force=True)
    (tmp_path / "1_a_exposed.png").touch()
    with pytest.raises(WriteError, match=r"1_a_exposed\.png exists already"):
        check_outputs(outputs, frames[:2], force=False)
    check_outputs(outputs, frames[:2], force=True)


def test_an_unknown_ending_is_refused(tmp_path):
    """The message lists the endings there are."""
    with pytest.raises(SettingsError, match=r"out\.raw ends in \.raw; give one of \.exr, "):
        check_outputs(Outputs(tmp_path / "out.raw"), force=False)
