import json
from dataclasses import replace

import numpy as np
import pytest

from deghost.errors import BracketError, PlanError, SettingsError
from deghost.io.bracket import ExposureSettings
from deghost.merge.guides import make_guides
from deghost.merge.measured import merge_tile
from deghost.merge.merged import merge_files, open_bracket, render_plan
from deghost.merge.plan import plan_merge, prepare
from deghost.merge.plan_files import plan_from_json, plan_to_json, read_plan
from deghost.merge.reading import Source
from deghost.merge.render import render
from deghost.merge.settings import MergeSettings
from deghost.merge.tile_methods import TileMethod


def psnr_mu(merged, truth, dark):
    y, x, h, w = merged.plan.crop
    levels = [
        np.log1p(5000 * np.clip(image.astype(np.float64) * dark, 0, 1)) / np.log1p(5000)
        for image in (merged.pixels, truth[y : y + h, x : x + w])
    ]
    return -10 * np.log10(np.mean((levels[0] - levels[1]) ** 2))


def test_a_still_bracket_gives_the_scene_back(shoot):
    """Three JPEGs of a still scene merge to the truth, in the reference's scale."""
    shot = shoot()

    merged = merge_files(shot.paths)

    assert psnr_mu(merged, shot.truth, 0.25) > 40
    assert merged.plan.reference == 1
    assert merged.absolute == pytest.approx(64 * 16, rel=0.01)


def test_the_order_of_the_files_does_not_matter(shoot):
    """Exposures sort the frames; names and order do not."""
    paths = shoot().paths

    first, second = merge_files(paths), merge_files(paths[::-1])

    assert np.array_equal(first.pixels, second.pixels)


def test_hand_held_frames_are_lined_up(shoot):
    """A shift of several pixels costs little once the frames are aligned."""
    shot = shoot(shifts=((5.3, -3.6), (0, 0), (-7.4, 4.2)))

    merged, unaligned = (
        merge_files(shot.paths),
        merge_files(shot.paths, MergeSettings(align="none")),
    )

    assert psnr_mu(merged, shot.truth, 0.25) > 36
    assert psnr_mu(merged, shot.truth, 0.25) > psnr_mu(unaligned, shot.truth, 0.25) + 4
    _, _, height, width = merged.plan.crop
    assert 220 < height < 240
    assert 300 < width < 320


def test_a_moving_ball_leaves_no_ghost(shoot):
    """With deghosting the ball stands where the reference shows it, and only there."""
    shot = shoot(ball=40)
    ghosted = merge_files(shot.paths, MergeSettings(method="weighted", deghost=0))
    better = {"weighted": 6, "deghostnet": 4}

    for method, motion in (("weighted", "classical"), ("deghostnet", "learned")):
        clean = merge_files(shot.paths, MergeSettings(method=method, motion=motion))

        quality = psnr_mu(clean, shot.truth, 0.25)
        assert quality > 38
        assert quality > psnr_mu(ghosted, shot.truth, 0.25) + better[method]


@pytest.mark.parametrize("tile", [(17, 33), (64, 64), (1000, 1000)])
def test_tiles_make_the_picture_that_the_whole_makes(shoot, tile):
    """Whatever the tile size, every pixel is the same to 1e-4."""
    shot = shoot(shifts=((5.3, -3.6), (0, 0), (-7.4, 4.2)), ball=40)
    settings = MergeSettings()
    bracket = open_bracket(shot.paths, settings)
    plan = replace(plan_merge(bracket, settings), pixel_type="float")
    small = prepare(bracket, plan.response, plan.matches)
    guides = make_guides(plan, small)

    def whole(size):
        picture = np.zeros((*bracket.size, 3), np.float32)
        source, method = Source(bracket, plan, small.curves), TileMethod(merge_tile, size)
        for piece in render(source, guides, method=method):
            y, x, h, w = piece.window
            picture[y : y + h, x : x + w] = piece.pixels
        return picture

    assert np.allclose(whole(tile), whole((128, 96)), rtol=1e-4, atol=1e-7)


def test_a_plan_survives_json(shoot):
    """A plan written and read again renders the same picture."""
    shot = shoot(shifts=((2.3, 1.6), (0, 0), (-3.4, 4.2)))
    settings = MergeSettings()
    bracket = open_bracket(shot.paths, settings)
    plan = plan_merge(bracket, settings)

    again = plan_from_json(plan_to_json(plan))

    assert plan_to_json(again) == plan_to_json(plan)
    direct, reread = render_plan(bracket, plan), render_plan(bracket, again)
    assert np.array_equal(direct.pixels, reread.pixels)


def test_an_edited_plan_is_obeyed(shoot, tmp_path):
    """A crop changed by hand in the JSON is what is rendered."""
    shot = shoot()
    settings = MergeSettings()
    plan = json.loads(plan_to_json(plan_merge(open_bracket(shot.paths, settings), settings)))
    plan["crop"] = [10, 20, 50, 60]
    (tmp_path / "plan.json").write_text(json.dumps(plan))

    merged = render_plan(*read_plan(tmp_path / "plan.json"))

    assert merged.pixels.shape == (50, 60, 3)


@pytest.mark.parametrize(
    ("part", "value", "word"),
    [
        ("crop", [0, 0, 9999, 10], "crop"),
        ("reference", 7, "reference"),
        ("warps", [], "warps"),
        ("noise", "no", "noise"),
        ("format", "other", "plan"),
        ("method", "magic", "method"),
    ],
)
def test_a_spoiled_plan_names_its_fault(shoot, part, value, word):
    """The part of a plan that is wrong is named."""
    settings = MergeSettings()
    plan = plan_merge(open_bracket(shoot().paths, settings), settings)
    data = json.loads(plan_to_json(plan))
    data[part] = value

    with pytest.raises(PlanError, match=word):
        plan_from_json(json.dumps(data))


def test_scales_differ_by_a_factor_only(shoot):
    """Absolute and maximum scale are the reference scale times a number the header keeps."""
    paths = shoot().paths
    base = merge_files(paths)
    peak = merge_files(paths, MergeSettings(scale="max"))
    absolute = merge_files(paths, MergeSettings(scale="absolute"))

    assert float(peak.pixels.max()) == pytest.approx(1, rel=1e-3)
    for other in (peak, absolute):
        ratio = np.median(other.pixels.astype(np.float64) / base.pixels)
        assert ratio == pytest.approx(base.absolute / other.absolute, rel=1e-3)


def test_too_great_a_range_is_written_as_float(shoot):
    """Values that a half cannot hold make the merge a float one, and the notes say so."""
    merged = merge_files(
        shoot().paths,
        MergeSettings(reference=1, exposures=ExposureSettings(ev=(-15, 0, 2))),
    )

    assert merged.pixels.dtype == np.float32
    assert any("float" in note for note in merged.notes)


def test_exposures_given_by_hand_win(shoot):
    """Times given in the order of the files replace what EXIF says."""
    paths = shoot().paths
    settings = MergeSettings(exposures=ExposureSettings(ev=(-3, 0, 3)))

    plan = plan_merge(open_bracket(paths, settings), settings)

    assert plan.relative == pytest.approx((1 / 8, 1, 8))


def test_exposures_are_fitted_without_exif(shoot):
    """PNG files without EXIF get their ratios from the pixels, to a tenth of a stop."""
    shot = shoot(suffix=".png")
    from PIL import Image

    for path in shot.paths:
        picture = Image.open(path)
        picture.load()
        picture.getexif().clear()
        picture.save(path, exif=b"")

    settings = MergeSettings()
    plan = plan_merge(open_bracket(shot.paths, settings), settings)

    assert np.log2(plan.relative) == pytest.approx([-2, 0, 2], abs=0.1)


def test_one_frame_is_no_bracket(shoot):
    """One frame, none, or the same one twice are refused by name."""
    path = shoot().paths[0]
    for paths in ([], [path], [path, path]):
        with pytest.raises(BracketError):
            merge_files(paths)


def test_a_reference_that_does_not_exist_is_refused(shoot):
    """The message says which there are."""
    with pytest.raises(SettingsError, match="0 .*to 2"):
        merge_files(shoot().paths, MergeSettings(reference=3))
