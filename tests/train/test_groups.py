"""Groups of trainings and their tables."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from deghost.data.scene_settings import SceneSettings
from deghost.data.synthetic import make_scene
from deghost.data.writers import write_shards
from deghost.errors import TrainError
from deghost.models.segdeghost import ABLATIONS
from deghost.train.checkpoint import checkpoints
from deghost.train.folders import Folders
from deghost.train.group_runs import (
    chosen_rows,
    folder_of,
    read_results,
    run_group,
    source_told,
)
from deghost.train.group_tables import published_row, published_values, table_data, table_text
from deghost.train.groups import GROUPS, VAM_DOMAINS, VAM_MASKS
from deghost.train.losses_segdeghost import TONE_MAPPED
from deghost.train.processes import joined_processes


ROWS = [(group, row) for group in GROUPS.values() for row in group.rows]
TINY = {"width": 4, "motion_widths": (4, 8), "stack_depth": 1, "fusion_depth": 1}
SMALLEST = {"steps": 2, "batch": 1, "validation_scenes": 1, "validate_every": 1, "average": 0.0}


@pytest.fixture(scope="module")
def places(panoramas, tmp_path_factory):
    folder = tmp_path_factory.mktemp("places")
    for panorama in panoramas:
        np.save(folder / f"{panorama.name}.npy", panorama.pixels)
    return folder


def shrunk(group, **settings):
    """The group with rows of small networks, few steps and few scenes of few pixels."""

    def small(recipe):
        changes = {**TINY, **recipe.changes} if recipe.network == "segdeghost" else recipe.changes
        if recipe.network == "motion-unet":
            changes = {"widths": TINY["motion_widths"]}
            return replace(recipe, changes=changes)
        prepare = partial(recipe.prepare.func, **{**recipe.prepare.keywords, "side": 32})
        return replace(recipe, changes=changes, prepare=prepare)

    rows = tuple(replace(row, recipe=small(row.recipe)) for row in group.rows)
    preparation = None if group.preparation is None else small(group.preparation)
    settings = {**SMALLEST, **settings}
    return replace(
        group,
        rows=rows,
        preparation=preparation,
        settings=replace(group.settings, **settings),
        preparing=2,
        scenes=SceneSettings(size=(128, 128)),
        count=2,
    )


def run(group, places, out, names=()):
    with joined_processes("cpu") as process:
        return list(run_group(group, Folders(panoramas=places), out, process, names))


@pytest.mark.parametrize(("group", "row"), ROWS, ids=lambda part: part.name)
def test_rows_differ_in_what_they_say_alone(group, row):
    """All have the group's scenes and crops, a network that exists, and rows that are printed."""
    assert row.recipe.scenes == group.scenes
    assert row.recipe.prepare.keywords["side"] == group.side
    assert row.recipe.configuration() is not None
    for table, name in row.published:
        assert published_row(row.recipe.network, table, name).row == name
    assert not row.pretrained or group.preparation is not None


def test_every_ablation_of_the_paper_is_a_row():
    """A1 to A12, memory by sharing, and six losses, of which the paper's own is A12."""
    names = {row.name for row in GROUPS["segdeghost-ablations"].rows}

    assert names >= set(ABLATIONS) | (set(TONE_MAPPED) - {"l2"})
    assert len({folder_of(row) for _, row in ROWS[: len(names)]}) == len(names)
    printed = published_values(GROUPS["segdeghost-ablations"].rows[11])
    assert printed == {"psnr-l": 41.47, "psnr-mu": 42.03}


def test_trainings_differ_as_the_paper_says():
    """A1 and A2 start from nothing, A1 without a loss on masks; A5 learns nothing."""
    rows = {row.name: row for row in GROUPS["segdeghost-ablations"].rows}

    assert [rows[n].pretrained for n in ("A1", "A2", "A3", "A4", "A5")] == [False] * 5
    assert all(rows[n].pretrained for n in ("A6", "A7", "A8", "A12", "no-memory", "l1"))
    assert [row.name for row in rows.values() if not row.trained] == ["A5"]
    assert rows["A1"].recipe.loss.keywords["alpha"] == 0
    assert rows["A2"].recipe.later == ()
    assert rows["A12"].recipe.later[0][0] == 0.25
    assert rows["A12 again"].seed == 2


def test_a_group_is_trained_row_by_row(places, tmp_path):
    """Rows that start from trained motion networks, that learn nothing, and others; then again."""
    group = shrunk(GROUPS["segdeghost-ablations"])

    told = run(group, places, tmp_path, ("A12", "A5", "A1"))
    results = read_results(group, tmp_path)
    again = run(group, places, tmp_path, ("A12",))

    assert [name for name, _ in told] == ["preparation"] + ["A12"] * 2 + ["A5"] + ["A1"] * 2
    assert [result.row.name for result in results] == ["A1", "A5", "A12"]
    assert len(results[2].curve) == 2
    assert again == []
    assert len(checkpoints(tmp_path / "A12" / "checkpoints")) == 1


def test_another_budget_needs_another_folder(places, tmp_path):
    """Scenes of another seed are not mixed in."""
    group = shrunk(VAM_MASKS)
    run(group, places, tmp_path, ("ones",))

    with pytest.raises(TrainError, match="made with another seed; choose another --out"):
        run(shrunk(VAM_MASKS, seed=3), places, tmp_path, ("ones",))


def test_the_table_tells_all(places, tmp_path):
    """Budget, rows, the paper's numbers, the order, curves, and what is missing."""
    group = shrunk(VAM_DOMAINS)
    run(group, places, tmp_path, ("linear",))
    half = table_text(group, read_results(group, tmp_path), "squares")
    run(group, places, tmp_path)
    results = read_results(group, tmp_path)
    text = table_text(group, results, "squares")
    data = json.loads(table_data(group, results, "squares"))

    assert "Every row: 2 steps of 1 random crops of 64 x 64" in text
    assert "Learned from squares." in text
    assert "Not trained yet: sigmoid" in half
    assert "Not trained yet" not in text
    assert "| 35.86 |" in text
    assert "of 1 pairs of rows are in the paper's order" in text
    assert "| psnr-mu after step | 1 | 2 |" in text
    assert [row["row"] for row in data["rows"]] == ["sigmoid", "linear"]
    assert data["rows"][1]["changes"]["output_domain"] == "linear"
    assert data["settings"]["steps"] == 2


def test_a_row_that_ended_by_patience_is_finished(places, tmp_path):
    """It stands in the table with the steps it had, and is not gone on with."""
    group = shrunk(VAM_MASKS, steps=5, patience=1)
    stuck = {"psnr-mu": 30.0, "psnr-l": 30.0}
    rows = [replace(r, recipe=replace(r.recipe, measure=lambda *_: stuck)) for r in group.rows]
    group = replace(group, rows=tuple(rows))

    first = run(group, places, tmp_path, ("ones",))
    again = run(group, places, tmp_path, ("ones",))
    results = read_results(group, tmp_path)
    text = table_text(group, results, "squares")

    assert [report.step for _, report in first] == [1, 2]
    assert again == []
    assert [(result.row.name, result.steps) for result in results] == [("ones", 2)]
    assert "Ended early, since validation got no better: ones after 2." in text


def test_rows_of_one_table_learn_from_the_same_scenes(panoramas, tmp_path):
    """Scenes of another folder are refused, though the row itself is not begun yet."""
    group = shrunk(VAM_MASKS, steps=1)
    for seed in (1, 2):
        scenes = (make_scene(panoramas, group.scenes, seed, k) for k in range(10))
        write_shards(scenes, tmp_path / f"of_{seed}")

    def trained(name, folder):
        folders = Folders(scenes=tmp_path / folder)
        with joined_processes("cpu") as process:
            return list(run_group(group, folders, tmp_path / "out", process, (name,)))

    trained("ones", "of_1")

    with pytest.raises(TrainError, match="the run in ones was begun with another training set"):
        trained("manual", "of_2")
    assert len(trained("manual", "of_1")) == 1
    told = source_told(group, Folders(scenes=tmp_path / "of_1"))
    assert told == "9 scenes in the layout deghost-shards; validated on 1 others"


def test_what_simulated_scenes_are_of_is_told(tmp_path):
    """Only panoramas of their own make scenes for validation those of other places."""
    same = source_told(VAM_MASKS, Folders(panoramas=tmp_path))
    other = source_told(VAM_MASKS, Folders(panoramas=tmp_path, validation=tmp_path))

    assert same == "1200 simulated scenes; validated on 96 of the same places"
    assert other == "1200 simulated scenes; validated on 96 of other places"


def test_unknown_rows_are_told():
    """With the names that there are."""
    with pytest.raises(TrainError, match="vam-masks has no row A1; it has: otsu"):
        chosen_rows(VAM_MASKS, ("A1",))
