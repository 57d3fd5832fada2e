from dataclasses import replace

import cv2
import numpy as np
import OpenEXR
import pytest
import torch
from PIL import Image

from deghost.errors import ReadError, SettingsError
from deghost.merge.mask_files import find_masks, mask_name, read_mask, read_masks
from deghost.merge.merged import merge_files, open_bracket, render_plan
from deghost.merge.plan import plan_merge
from deghost.merge.plan_files import plan_to_json, read_plan, relative_to
from deghost.merge.segmentation import segment_bracket, write_mask
from deghost.merge.settings import MergeSettings


@pytest.fixture
def planned(shoot):
    """A hand-held bracket with a ball that moves, its settings and its plan."""
    shot = shoot(shifts=((3, 2), (0, 0), (-4, 1)), ball=40)
    settings = MergeSettings(pixel_type="float")
    bracket = open_bracket(shot.paths, settings)
    return shot.paths, bracket, plan_merge(bracket, settings), settings


def written(folder, bracket, plan, kinds=("exposed", "moved"), suffix=".png"):
    folder.mkdir(exist_ok=True)
    for kind in kinds:
        for item in segment_bracket(bracket, plan, kind):
            name = mask_name(item.frame, plan.frames[item.frame], kind, suffix)
            write_mask(folder / name, item.mask, force=False)
    return folder


@pytest.mark.parametrize("suffix", [".png", ".exr"])
def test_masks_come_back_as_they_were_written(suffix, planned, tmp_path):
    """In the merged picture's part of the frame, but for rounding."""
    _, bracket, plan, _ = planned
    folder = written(tmp_path / "masks", bracket, plan, suffix=suffix)
    files = find_masks(folder, plan)
    y, x, height, width = plan.crop

    assert plan.crop[2:] != plan.size
    for item in segment_bracket(bracket, plan, "moved"):
        mask = read_mask(files.moved[item.frame], plan)
        assert mask.shape == plan.size
        part = mask[y : y + height, x : x + width]
        assert torch.allclose(part, item.mask, atol=1 / 255)
    assert files.moved[plan.reference] is None
    assert next(iter(read_masks([None], plan))).eq(0).all()


@pytest.mark.parametrize(("method", "share"), [("weighted", 0.001), ("deghostnet", 0.05)])
def test_masks_that_were_not_edited_merge_nearly_as_without(method, share, planned, tmp_path):
    """What is imported as it was exported leads to the same merge, but for single pixels.

    With masks that are told the network may take noise away, but not choose the reference where
    edges are aligned badly.
    """
    paths, bracket, plan, settings = planned
    settings = replace(settings, method=method)
    folder = written(tmp_path / "masks", bracket, plan, kinds=("moved",))

    plain = merge_files(paths, settings)
    masked = merge_files(paths, settings, masks=folder)

    differs = abs(masked.pixels - plain.pixels).max(axis=2) > 0.05 * plain.pixels.max(axis=2)
    assert differs.mean() < share
    assert masked.notes[-1] == "masks of what moved: as in masks"


def test_a_painted_mask_is_the_last_word(planned, tmp_path):
    """Where a user says that nothing moved, ghosts are merged; where all did, the reference is."""
    paths, bracket, plan, settings = planned
    folder = written(tmp_path / "masks", bracket, plan, kinds=("moved",))
    moved = next(iter(segment_bracket(bracket, plan, "moved"))).mask.numpy() > 0.9
    results = {}
    for code in (0, 255):
        for path in folder.iterdir():
            painted = np.full((*plan.crop[2:], 3), code, np.uint8)
            cv2.imwrite(str(path), painted)
        results[code] = merge_files(paths, settings, masks=folder).pixels

    ghost = abs(results[0] - results[255]).max(axis=2) > 0.2 * results[255].max(axis=2)
    assert ghost[moved].mean() > 0.5


def test_a_mask_of_whole_frames_is_taken_too(planned, tmp_path):
    """Masks of the frames' own size need no cutting."""
    _, _, plan, _ = planned
    mask = np.zeros(plan.size, np.uint16)
    mask[:5] = 65535
    cv2.imwrite(str(tmp_path / "a.png"), mask)

    assert torch.equal(
        read_mask(tmp_path / "a.png", plan), torch.from_numpy(mask / 65535.0).float()
    )


@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr"])
def test_what_is_transparent_is_not_painted(planned, tmp_path, suffix):
    """A layer of white strokes over nothing is white where it was painted, and nowhere else."""
    _, _, plan, _ = planned
    strokes = np.full((*plan.size, 4), 1.0, np.float32)
    strokes[..., 3] = 0
    strokes[:5, :, 3], strokes[5:9, :, 3] = 1, 0.5
    path = tmp_path / f"a{suffix}"
    if suffix == ".exr":
        with OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGBA": strokes}) as file:
            file.write(str(path))
    else:
        Image.fromarray(np.rint(255 * strokes).astype(np.uint8)).save(path)

    mask = read_mask(path, plan)

    assert mask[:, 0].numpy() == pytest.approx(
        [1] * 5 + [0.5] * 4 + [0] * (len(mask) - 9), abs=0.01
    )


@pytest.mark.parametrize("only", [True, False])
def test_masks_as_jpeg_are_refused(planned, tmp_path, only):
    """It is not said that a mask is missing that is there, but cannot be read."""
    _, bracket, plan, _ = planned
    folder = written(tmp_path / "masks", bracket, plan, kinds=("moved",))
    first = sorted(folder.iterdir())[0]
    cv2.imwrite(str(first.with_suffix(".jpg")), np.zeros(plan.crop[2:], np.uint8))
    for path in folder.glob("*.png") if only else [first]:
        path.unlink()

    with pytest.raises(ReadError, match=f"^{first.stem}.jpg is a JPEG, which masks are not read"):
        find_masks(folder, plan)


def test_labels_of_0_and_1_are_told_from_grey(planned, tmp_path):
    """Only where labels may come, a largest code of 1 is white."""
    _, _, plan, _ = planned
    cv2.imwrite(str(tmp_path / "a.png"), np.ones(plan.size, np.uint8))

    assert float(read_mask(tmp_path / "a.png", plan).max()) == pytest.approx(1 / 255)
    assert float(read_mask(tmp_path / "a.png", plan, labels=True).max()) == 1


def test_masks_that_do_not_fit_are_refused(planned, tmp_path):
    """One line names the mask, its size and those that fit."""
    _, _, plan, _ = planned
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((7, 9), np.uint8))

    with pytest.raises(ReadError, match="a.png has 9 x 7 pixels, but masks of this merge have"):
        read_mask(tmp_path / "a.png", plan)


def test_missing_masks_are_named(planned, tmp_path):
    """A folder without masks, one that is none, and one that lacks a mask are told apart."""
    _, bracket, plan, settings = planned
    folder = written(tmp_path / "masks", bracket, plan, kinds=("exposed",))
    (folder / mask_name(1, plan.frames[1], "exposed")).unlink()

    with pytest.raises(ReadError, match=f"1_{plan.frames[1].stem}_exposed.png is missing from"):
        find_masks(folder, plan)
    with pytest.raises(ReadError, match="has no masks of these frames, such as 0_"):
        find_masks(tmp_path, plan)
    with pytest.raises(ReadError, match="nowhere is no folder"):
        find_masks(tmp_path / "nowhere", plan)


def test_methods_of_old_take_no_masks(planned, tmp_path):
    """Debevec's average knows no motion, so masks for it are a mistake."""
    paths, _, _, _ = planned

    with pytest.raises(SettingsError, match="method debevec takes no masks"):
        merge_files(paths, MergeSettings(method="debevec"), masks=tmp_path)


def test_a_plan_remembers_its_masks(planned, tmp_path):
    """Rendered again, also from another folder, a painted merge is the same."""
    paths, bracket, plan, settings = planned
    folder = written(tmp_path / "masks", bracket, plan, kinds=("moved",))
    for path in folder.iterdir():
        cv2.imwrite(str(path), np.full(plan.crop[2:], 255, np.uint8))
    masked = merge_files(paths, settings, masks=folder)
    there = tmp_path / "plans"
    there.mkdir()
    text = plan_to_json(relative_to(masked.plan, there))
    (there / "plan.json").write_text(text, "utf-8")

    again = render_plan(*read_plan(there / "plan.json"))

    assert "../masks" in text
    assert np.array_equal(again.pixels, masked.pixels)
    assert again.notes == masked.notes


def test_two_masks_of_a_frame_are_refused(planned, tmp_path):
    """An edited TIFF beside the PNG it was made from: which one counts is not guessed."""
    _, bracket, plan, _ = planned
    folder = written(tmp_path / "masks", bracket, plan, kinds=("moved",))
    first = sorted(folder.iterdir())[0]
    cv2.imwrite(str(first.with_suffix(".tif")), np.zeros(plan.crop[2:], np.uint8))

    with pytest.raises(ReadError, match=f"holds {first.name} and {first.stem}.tif; leave"):
        find_masks(folder, plan)
