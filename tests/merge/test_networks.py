"""Which network merges a bracket, and what of it a plan holds."""

import json
from dataclasses import replace

import pytest
import torch

from deghost.errors import BracketError, PlanError, SettingsError, WeightsError
from deghost.layers.weights import Card, save_weights
from deghost.merge.merged import open_bracket, render_plan
from deghost.merge.networks import NetworkUse, choose_device, choose_frames, find_network
from deghost.merge.plan import plan_merge
from deghost.merge.plan_files import plan_from_json, plan_to_json, read_plan, relative_to
from deghost.merge.settings import MergeSettings
from deghost.models.zoo import build_network


@pytest.fixture
def weigh(tmp_path):
    """A function that writes weights of a network, and gives the file."""

    def write(name="ahdrnet", file="mine", seed=1, **config):
        torch.manual_seed(seed)
        small = {"width": 8, "growth": 4, "layers": 1} if name == "ahdrnet" else {}
        network = build_network(name, **{**small, **config})
        path = tmp_path / f"{file}.safetensors"
        save_weights(
            path, name, network.config, network.state_dict(), Card("none", "Apache-2.0"), half=False
        )
        return path

    return write


def asked(path, method="ahdrnet", **settings):
    return MergeSettings(method=method, weights=str(path), align="none", **settings)


@pytest.mark.parametrize(
    ("needed", "stops", "reference", "chosen"),
    [
        (3, (-2, 0, 2), 1, (0, 1, 2)),
        (3, (-3, -2, -1, 0, 1, 2, 3), 3, (0, 3, 6)),
        (3, (-6, -3, 0, 3, 6), 2, (1, 2, 3)),  # steps of six stops are too wide
        (3, (-2, -1, 0, 1), 1, (0, 1, 3)),
        (3, (-2, 0, 2, 4), 0, (0, 1, 3)),  # none is darker
        (5, (-3, -2, -1, 0, 1, 2, 3), 3, (0, 1, 3, 4, 6)),
        (3, (-8, 0, 8, 9), 1, (0, 1, 2)),
        (3, (0, 0, 0, 0), 2, (0, 2, 3)),
    ],
)
def test_frames_are_chosen_around_the_reference(needed, stops, reference, chosen):
    """As far apart as steps of four stops allow, evenly, with the reference in the middle."""
    relative = [2.0 ** (stop - stops[reference]) for stop in stops]

    assert choose_frames(needed, relative, reference) == chosen


def test_a_network_of_few_frames_takes_some_of_many(shoot, weigh):
    """The plan says which ones it takes, and why; the picture is made of them."""
    shot = shoot(exposures=(0.125, 0.25, 1.0, 4.0, 8.0))
    settings = asked(weigh(), reference=2)
    bracket = open_bracket(shot.paths, settings)

    plan = plan_merge(bracket, settings)

    assert plan.network.frames == (0, 2, 4)
    note = "method ahdrnet takes 3 frames: 0, 2, 4 of 0 to 4, the reference and those that cover"
    assert any(line.startswith(note) for line in plan.notes)


def test_a_reference_at_an_end_is_told(shoot, weigh):
    """Networks are trained with a frame on either side of the reference."""
    settings = asked(weigh(), reference=0)

    plan = plan_merge(open_bracket(shoot().paths, settings), settings)

    assert any("the reference is the darkest frame" in note for note in plan.notes)


def test_all_frames_go_to_a_network_of_any_number(shoot, weigh):
    """The form of segdeghost for any number of frames takes them all, and two are enough."""
    path = weigh("segdeghost", frames=None, width=4, motion_widths=(2, 2))
    for exposures in ((0.25, 1.0), (0.25, 1.0, 4.0, 8.0)):
        settings = asked(path, "segdeghost", crop=False)
        bracket = open_bracket(shoot(exposures=exposures).paths, settings)

        merged = render_plan(bracket, plan_merge(bracket, settings))

        assert merged.plan.network.frames == tuple(range(len(exposures)))
        assert merged.pixels.shape == (240, 320, 3)


def test_too_few_frames_are_told(weigh):
    """One line names the network's number, the bracket's, and the way out."""
    with pytest.raises(BracketError, match="ahdrnet takes 3 frames, but the bracket has 2; add"):
        find_network(asked(weigh()), 2)


def test_a_network_without_weights_is_told():
    """Where none are shipped, the message says how to give some."""
    settings = MergeSettings(method="tmrnet")

    with pytest.raises(WeightsError, match="no weights of tmrnet come with deghost; give a file"):
        find_network(settings, 3)


@pytest.mark.parametrize(
    ("name", "config", "method", "words"),
    [
        ("ahdrnet", {}, "vam", "is for ahdrnet, not for vam"),
        ("motion-unet", {}, "vam", "is for motion-unet, not for vam"),
        ("ahdrnet", {"layout": "raw4"}, "ahdrnet", "is for mosaics; merging needs"),
        ("ahdrnet", {"scale": 4}, "ahdrnet", "is for enlarging; merging needs"),
    ],
)
def test_weights_that_do_not_fit_are_told(weigh, name, config, method, words):
    """Another network's, a mosaic's and an enlarging network's weights merge no RGB frames."""
    with pytest.raises(WeightsError, match=words):
        find_network(asked(weigh(name, **config), method), 3)


def test_weights_need_a_method_that_takes_them():
    """Averages have no weights."""
    with pytest.raises(SettingsError, match="weighted takes no weights; these do: deghostnet, a"):
        MergeSettings(method="weighted", weights="vam")


def test_methods_that_are_no_networks_need_none():
    """They are planned without."""
    assert find_network(MergeSettings(method="weighted"), 3) is None


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_told(name, monkeypatch):
    """`auto` falls back to the processor."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)

    assert choose_device("auto").type == "cpu"
    with pytest.raises(SettingsError, match=f"PyTorch finds no {name} here; use --device auto"):
        choose_device(name)


def test_a_card_is_taken_where_there_is_one(monkeypatch):
    """CUDA before Metal before the processor."""
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == "mps"

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"


@pytest.fixture
def planned(shoot, weigh):
    settings = asked(weigh())
    bracket = open_bracket(shoot().paths, settings)
    return bracket, plan_merge(bracket, settings)


def test_a_plan_keeps_its_network(planned, tmp_path):
    """Weights, their checksum, frames and device survive as JSON, named from the plan's folder."""
    _, plan = planned
    (tmp_path / "plans").mkdir()
    path = tmp_path / "plans" / "p.json"

    path.write_text(plan_to_json(relative_to(plan, path.parent)))
    bracket, read = read_plan(path)

    stored = json.loads(path.read_text())["network"]
    assert stored["weights"] == "../mine.safetensors"
    assert replace(read.network, weights="") == replace(plan.network, weights="")
    assert render_plan(bracket, read).pixels.shape == render_plan(*planned).pixels.shape


def test_a_plan_without_a_network_may_not_mention_it(planned):
    """Plans of older files lack the entry; a method that is a network needs it."""
    _, plan = planned
    weighted = json.loads(plan_to_json(replace(plan, method="weighted", network=None)))
    del weighted["network"]
    learned = {**weighted, "method": "ahdrnet"}

    assert plan_from_json(json.dumps(weighted)).network is None
    with pytest.raises(PlanError, match="method ahdrnet and 'network' do not fit"):
        plan_from_json(json.dumps(learned))


@pytest.mark.parametrize(
    ("frames", "words"),
    [([0, 2], "the reference among them"), ([1, 9], "must be frames"), ([1], "two frames or more")],
)
def test_a_plan_with_frames_that_do_not_fit_is_told(planned, frames, words):
    """The network's frames are the plan's, in order, with the reference."""
    data = json.loads(plan_to_json(planned[1]))
    data["network"]["frames"] = frames

    with pytest.raises(PlanError, match=words):
        plan_from_json(json.dumps(data))


def test_weights_that_have_changed_are_told(planned, weigh):
    """A plan is rendered with the weights it was made with, or not at all."""
    weigh(seed=2)

    with pytest.raises(PlanError, match=r"mine.safetensors has changed since the plan was made"):
        render_plan(*planned)


def test_names_of_shipped_weights_are_no_paths():
    """Wherever a plan lies, they keep their name."""
    use = NetworkUse("motion-net", "", (0, 1), "auto")

    assert use.moved(lambda path: path / "elsewhere") is use
