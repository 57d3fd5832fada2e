import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from deghost.errors import PlanError
from deghost.io.exposure_settings import ExposureSettings
from deghost.merge.merged import open_bracket, render_plan
from deghost.merge.plan import plan_merge
from deghost.merge.plan_files import (
    load_plan,
    plan_from_json,
    plan_to_json,
    read_plan,
    relative_to,
)
from deghost.merge.settings import MergeSettings


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The JSON of a plan of two frames that were warped and matched."""
    folder = tmp_path_factory.mktemp("plan")
    rng = np.random.default_rng(0)
    scene = np.kron(rng.random((12, 16, 3)), np.ones((8, 8, 1)))
    paths = []
    for name, gain in (("a.png", 90), ("b.png", 240)):
        Image.fromarray((np.roll(scene, gain // 90, 1) * gain).astype(np.uint8)).save(folder / name)
        paths.append(folder / name)
    chosen = MergeSettings(exposures=ExposureSettings(ev=(-2, 0)), response="srgb")
    plan = plan_merge(open_bracket(paths, chosen), chosen)
    return json.loads(plan_to_json(plan))


def places(value, path=()):
    """Every place in nested JSON."""
    yield path
    inside = value.items() if isinstance(value, dict) else ()
    for key, inner in enumerate(value) if isinstance(value, list) else inside:
        yield from places(inner, (*path, key))


def replaced(data, path, value):
    if not path:
        return value
    changed = copy.deepcopy(data)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(choice=st.data(), value=JSON)
def test_whatever_is_edited_is_a_plan_or_an_error_of_one_line(data, choice, value):
    """No change to a plan, however wild, is anything but a plan or a PlanError."""
    path = choice.draw(st.sampled_from(list(places(data))))

    try:
        plan_from_json(json.dumps(replaced(data, path, value)), "p.json")
    except PlanError as error:
        assert str(error).startswith("p.json")
        assert "\n" not in str(error)


@given(text=st.text())
def test_no_text_is_more_than_a_plan_error(text):
    """What is no JSON, or another JSON, is refused."""
    with pytest.raises(PlanError):
        plan_from_json(text)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("size",), [96], "'size' is not what it should be"),
        (("crop",), [0, 0, 0, 5], "the crop"),
        (("crop",), [-1, 0, 5, 5], "the crop"),
        (("crop",), [0.5, 0, 5, 5], "'crop' .*4 whole numbers"),
        (("reference",), 2, "the reference is 2, but there are 2 frames"),
        (("reference",), "0", "'reference'"),
        (("exposures", 0, "value"), 0, "exposures must be positive"),
        (("exposures", 0, "value"), 1e30, "exposures must be positive and within 40 stops"),
        (("exposures", 0), {"value": 1}, "'exposures' .*there is no 'source'"),
        (("noise", 0, "read"), 0, "'noise' .*read noise must be positive"),
        (("noise", 0, "shot"), -1, "'noise' .*negative"),
        (("tolerances", 1), float("nan"), "'tolerances' .*not finite"),
        (("warps", 0, "matrix"), [[0] * 3] * 3, "a warp does not fit"),
        (("warps", 0, "matrix"), [[1, 0], [0, 1]], "3 x 3 numbers"),
        (("warps", 0, "size"), [5, 5], "a warp does not fit"),
        (
            ("warps", 0, "model"),
            "twist",
            "'warps' .*none of none, shift, rigid, affine, homography",
        ),
        (("warps",), [], "2 frames, but 0 warps"),
        (("motion", "courage"), 1, "'motion'"),
        (("response",), {"name": "x", "table": [[0, 1]]}, "'response' .*three rows"),
        (("response",), {"name": "magic", "table": None}, "'response' .*no response named"),
        (("method",), "magic", "'method' .*none of weighted, debevec"),
        (("pixel_type",), "double", "'pixel_type'"),
    ],
)
def test_the_part_that_is_wrong_is_named(data, path, value, words):
    """Each fault is told with its place in the plan."""
    with pytest.raises(PlanError, match=words):
        plan_from_json(json.dumps(replaced(data, path, value)))


def test_missing_parts_are_listed(data):
    """All at once."""
    rest = {key: value for key, value in data.items() if key not in {"crop", "warps"}}

    with pytest.raises(PlanError, match="lacks crop, warps; write it again with --plan"):
        plan_from_json(json.dumps(rest))


def test_reading_and_writing_undo_each_other(data):
    """Every number comes back as it was."""
    text = json.dumps(data)

    assert json.loads(plan_to_json(plan_from_json(text))) == data


def test_named_responses_are_written_by_name(shoot):
    """A curve that a name says all of takes no room, and is used again."""
    chosen = MergeSettings(response="gamma2.0")
    bracket = open_bracket(shoot().paths, chosen)
    plan = plan_merge(bracket, chosen)

    text = plan_to_json(plan)
    again = plan_from_json(text)

    assert json.loads(text)["response"] == {"name": "gamma2.0", "table": None}
    assert len(text) < 20_000
    assert np.array_equal(again.response.table, plan.response.table)


def test_a_named_response_survives_the_plan(shoot, tmp_path):
    """Rendering from the file does not fall back to the files' own curve."""
    chosen = MergeSettings(response="gamma2.0")
    bracket = open_bracket(shoot().paths, chosen)
    plan = plan_merge(bracket, chosen)
    (tmp_path / "p.json").write_text(plan_to_json(plan))

    direct, reread = render_plan(bracket, plan), render_plan(*read_plan(tmp_path / "p.json"))

    assert np.array_equal(direct.pixels, reread.pixels)


def test_frames_are_named_as_seen_from_the_plan(data, tmp_path):
    """A plan in one folder finds frames in another by a relative path."""
    plan = plan_from_json(json.dumps(data))
    (tmp_path / "plans").mkdir()
    frames = tuple(tmp_path / "shots" / path.name for path in plan.frames)

    seen = relative_to(replace(plan, frames=frames), tmp_path / "plans")
    (tmp_path / "plans/p.json").write_text(plan_to_json(seen))

    assert seen.frames == tuple(Path("../shots") / path.name for path in plan.frames)
    assert load_plan(tmp_path / "plans/p.json").frames[0].resolve() == frames[0]


def test_a_plan_that_cannot_be_opened_is_named(tmp_path):
    """Missing, a folder, or no text."""
    (tmp_path / "p.json").write_bytes(b"\xff\xfe")

    with pytest.raises(PlanError, match=r"gone\.json cannot be read: No such file"):
        load_plan(tmp_path / "gone.json")
    with pytest.raises(PlanError, match="cannot be read"):
        load_plan(tmp_path)
    with pytest.raises(PlanError, match=r"p\.json is no plan"):
        load_plan(tmp_path / "p.json")


def test_a_failed_alignment_is_remembered(data):
    """By plans that say it; older ones do not."""
    said = replaced(data, ("warps", 1, "failed"), True)
    old = copy.deepcopy(data)
    for warp in old["warps"]:
        del warp["failed"]

    assert [warp.failed for warp in plan_from_json(json.dumps(said)).warps] == [False, True]
    assert '"failed": true' in plan_to_json(plan_from_json(json.dumps(said)))
    assert not any(warp.failed for warp in plan_from_json(json.dumps(old)).warps)
