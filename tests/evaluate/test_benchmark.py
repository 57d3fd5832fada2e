from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deghost.data.layouts import open_scenes
from deghost.data.views import Panorama
from deghost.errors import SettingsError
from deghost.evaluate import benchmark
from deghost.evaluate.benchmark import (
    check_light,
    find_cases,
    remarks,
    run_benchmark,
    select,
    spared,
)
from deghost.evaluate.choices import choose
from deghost.evaluate.methods import reference_alone
from deghost.evaluate.protocols import PROTOCOLS
from deghost.evaluate.records import Failure, Record, RunFolder


SCENES = Path(__file__).parent.parent / "data" / "scenes"
QUICK = choose("deghost-bench", ("psnr-mu",))


@pytest.fixture
def folder(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.open()
    return run


@pytest.fixture
def cases():
    return find_cases(SCENES, None, None, None)


def counted(method):
    """A method, and the scenes it was asked for."""
    asked = []

    def counting(scene):
        asked.append(scene.name)
        return method(scene)

    return counting, asked


def test_every_method_meets_every_scene(cases, folder):
    """Records in the order of scenes, then methods, with scores, ranges, times and pictures."""
    methods = {"reference": reference_alone, "truth": lambda scene: scene.truth}
    shares = []

    records = list(run_benchmark(cases, methods, QUICK, folder, shares.append))

    assert [(r.name, r.method) for r in records] == [
        ("Training/001", "reference"),
        ("Training/001", "truth"),
        ("Training/002", "reference"),
        ("Training/002", "truth"),
    ]
    assert records[1].scores["psnr-mu"] == torch.inf > records[0].scores["psnr-mu"] > 10
    assert records[0].truth_range[1] == open_scenes(SCENES)[0].truth.max()
    assert all(record.seconds >= 0 for record in records)
    assert folder.picture("Training/001", "reference error").is_file()
    assert shares == [0, 0.25, 0.5, 0.75, 1]


def test_what_was_measured_is_not_measured_again(cases, folder):
    """A second run, or one with another method besides, only does what is missing."""
    counting, asked = counted(reference_alone)

    first = list(run_benchmark(cases[:1], {"reference": counting}, QUICK, folder))
    second = list(run_benchmark(cases, {"reference": counting}, QUICK, folder))

    assert asked == ["Training/001", "Training/002"]
    assert second[0] == first[0]


def test_another_protocol_is_measured_anew(cases, folder):
    """A record belongs to all that its numbers depend on."""
    counting, asked = counted(reference_alone)

    for choice in (QUICK, choose("kalantari", ("psnr-mu",))):
        list(run_benchmark(cases[:1], {"reference": counting}, choice, folder))

    assert len(asked) == 2


def test_a_failure_stops_nothing(cases, folder):
    """A scene that cannot be read and a method that breaks are told, and the others measured."""

    def broken(scene):
        raise ZeroDivisionError("never divide\nby zero")

    lost = replace(cases[0], number=99)
    methods = {"broken": broken, "reference": reference_alone}

    found = list(run_benchmark([lost, cases[1]], methods, QUICK, folder))

    assert isinstance(found[0], Failure)
    assert found[0].method == "every method"
    assert found[1] == Failure("Training/002", "broken", "ZeroDivisionError: never divide by zero")
    assert isinstance(found[2], Record)


def test_scenes_without_masks_spare_the_oracle(cases, folder, monkeypatch):
    """It is left out there, and a note tells how often."""
    known = open_scenes(SCENES)
    blind = [replace(scene, motion=None) for scene in known]
    monkeypatch.setattr(benchmark.Case, "load", lambda case: blind[case.number])
    methods = {"oracle": reference_alone, "reference": reference_alone}

    records = list(run_benchmark(cases, methods, QUICK, folder))

    assert [record.method for record in records] == ["reference"] * 2
    assert spared(records, methods) == ("oracle is missing in 2 of 2 scenes: no motion masks",)


def test_a_scene_without_truth_is_told(cases, folder, monkeypatch):
    """There is nothing to measure against."""
    scene = replace(open_scenes(SCENES)[0], truth=None)
    monkeypatch.setattr(benchmark.Case, "load", lambda case: scene)

    (found,) = run_benchmark(cases[:1], {"reference": reference_alone}, QUICK, folder)

    assert found.reason == "Training/001 has no truth to measure against; leave it out"


def test_recoverable_pixels_have_columns_of_their_own(cases, folder, monkeypatch):
    """Where a scene tells what can be known, errors elsewhere do not count."""
    scene = open_scenes(SCENES)[0]
    known = torch.ones(scene.truth.shape[1:])
    known[:8] = 0
    monkeypatch.setattr(benchmark.Case, "load", lambda case: replace(scene, recoverable=known))

    def wrong_above(scene):
        return scene.truth * 0.9 + 0.05 * (1 - known)

    (record,) = run_benchmark(cases[:1], {"wrong": wrong_above}, QUICK, folder)

    assert record.scores["psnr-mu-recoverable"] > record.scores["psnr-mu"] + 3


@pytest.mark.parametrize("name", ["kalantari", "ntire21"])
def test_the_scale_of_a_data_set_changes_no_score(cases, folder, monkeypatch, name):
    """Scenes told by the darkest frame, and the same told by the medium one, as NTIRE's are."""
    scene = open_scenes(SCENES)[0]
    one = scene.exposures[1].item()
    other = replace(scene, exposures=scene.exposures / one, truth=scene.truth * one)
    choice = choose(name, ("psnr-l",) if name == "kalantari" else ("psnr", "psnr-mu"))
    methods = {"reference": reference_alone}
    found = []

    for told in (scene, other):
        monkeypatch.setattr(benchmark.Case, "load", lambda case, told=told: told)
        found += run_benchmark(cases[:1], methods, choice, folder)

    assert dict(found[0].scores) == pytest.approx(dict(found[1].scores), abs=1e-3)
    assert found[0].truth_range == pytest.approx(found[1].truth_range)
    factors = (1, 1 / one) if name == "kalantari" else (one, 1)
    assert [record.scaling for record in found] == pytest.approx(factors)
    notes = [remarks([record], methods, choice.protocol) for record in found]
    assert [len(own) for own in notes] == [int(record.scaling != 1) for record in found]


def test_the_bench_has_its_scenes(monkeypatch, tmp_path):
    """32 of them in nine groups, by its word or by the folder of its panoramas."""
    names = ("a", "dikhololo_night", "peppermint_powerplant", "thatch_chapel", "vestibule")
    light = np.ones((4, 8, 3), np.float32)
    panoramas = tuple(Panorama(name, light, np.ones((9, 3)), False, True) for name in names)
    monkeypatch.setattr(benchmark, "read_bench_panoramas", lambda folder: panoramas)
    (tmp_path / "SHA256SUMS").touch()

    by_word = find_cases(Path("deghost-bench"), tmp_path, None, None)
    by_folder = find_cases(tmp_path, None, None, None)

    assert [case.name for case in by_word] == [case.name for case in by_folder]
    assert len(by_word) == 32
    assert len({case.group for case in by_word}) == 9
    assert [c.name for c in select(by_word, ("2-frames", "static-1"))] == [
        *("static-1", "2-frames-1", "2-frames-2")
    ]


def test_what_there_is_not_is_refused(cases):
    """Parts, scenes, panoramas and protocols, each with what there is instead."""
    with pytest.raises(SettingsError, match="has no part test; there are: train, all"):
        find_cases(SCENES, None, None, "test")
    with pytest.raises(SettingsError, match="give --panoramas"):
        find_cases(Path("deghost-bench"), None, None, None)
    with pytest.raises(SettingsError, match="no scene or group 'dusk'; there are: Training"):
        select(cases, ("dusk",))
    with pytest.raises(SettingsError, match="compares developed pictures"):
        check_light(PROTOCOLS["bracketire"])
