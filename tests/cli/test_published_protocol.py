"""The way from a data set's folder to a table beside published numbers, in commands."""

import csv
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest

from deghost.cli.main import main
from deghost.train.recipes import RECIPES
from deghost.train.reconstruction_data import crop


@pytest.fixture(scope="module")
def kalantari(tmp_path_factory):
    """Three simulated scenes in Kalantari's layout: for training, validation and test."""
    home = tmp_path_factory.mktemp("rehearsal")
    places, scenes = home / "places", home / "SIG17"
    places.mkdir()
    stains = np.random.default_rng(1).normal(size=(32, 64, 3)).astype(np.float32)
    pixels = np.exp2(cv2.resize(stains, (512, 256), interpolation=cv2.INTER_CUBIC))
    np.save(places / "place.npy", pixels.astype(np.float16))
    source = ["--from", str(places), "--out", str(scenes)]
    main(["simulate", *source, "--count", "3", "--size", "64", "64", "--quiet"])
    (scenes / "Training" / "002").rename(scenes / "Training" / "033")
    (scenes / "Test").mkdir()
    (scenes / "Training" / "003").rename(scenes / "Test" / "001")
    return scenes


@pytest.fixture
def trained(kalantari, tmp_path, monkeypatch):
    recipe = replace(RECIPES["ahdrnet@kalantari"], prepare=partial(crop, side=64))
    monkeypatch.setitem(RECIPES, recipe.name, recipe)
    fast = ["--steps", "2", "--batch", "1", "--device", "cpu", "--quiet"]
    out = tmp_path / "run"
    main(["train", "ahdrnet@kalantari", "--scenes", str(kalantari), "--out", str(out), *fast])
    return out / "weights.safetensors"


def test_a_network_is_trained_and_stands_beside_the_papers(kalantari, trained, tmp_path, capsys):
    """The official test scenes alone are measured, on the papers' tiles, by their metrics."""
    out = tmp_path / "measured"
    main(
        [
            *("benchmark", str(kalantari), "--protocol", "kalantari", "--out", str(out)),
            *("--weights", str(trained), "--metrics", "psnr-mu", "psnr-l"),
            "--compare-published",
        ]
    )

    shown = capsys.readouterr().out
    with (out / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["scene"] for row in rows] == ["Test/001", "MEAN"]
    assert rows[0]["method"].startswith("ahdrnet-")
    assert float(rows[0]["psnr-mu"]) > 3
    assert "of 1 picture" in shown
    assert "| AHDR " in shown


def test_what_is_no_network_for_pictures_is_told(kalantari, tmp_path, capsys):
    """Weights of masks cannot be compared."""
    with pytest.raises(SystemExit):
        main(
            [
                *("benchmark", str(kalantari), "--protocol", "kalantari"),
                *("--out", str(tmp_path), "--weights", "motion-net"),
            ]
        )

    assert "motion-net, which does not make pictures" in capsys.readouterr().err
