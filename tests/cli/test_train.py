"""`deghost train`."""

import json
from dataclasses import replace
from shutil import copytree

import cv2
import numpy as np
import pytest

from deghost.cli.main import main
from deghost.train.checkpoint import checkpoints
from deghost.train.groups import GROUPS
from deghost.train.logs import read_log


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("panoramas")
    stains = np.random.default_rng(1).normal(size=(16, 32, 3)).astype(np.float32)
    pixels = np.exp2(cv2.resize(stains, (512, 256), interpolation=cv2.INTER_CUBIC))
    np.save(folder / "place.npy", pixels.astype(np.float16))
    return folder


def test_recipes_are_listed(capsys):
    """Without a recipe, all are told, and all groups."""
    main(["train"])

    shown = capsys.readouterr().out
    assert "motion-unet@simulated" in shown
    assert "segdeghost-ablations" in shown


def test_a_recipe_is_printed_with_its_changes(capsys):
    """What is changed on the command line shows; the rest is as in the recipe."""
    arguments = ["--steps", "7", "--schedule", "constant", "--size", "160", "128", "--print"]
    main(["train", "motion-unet@simulated", *arguments])

    told = json.loads(capsys.readouterr().out)
    assert told["settings"]["steps"] == 7
    assert told["settings"]["schedule"] == "constant"
    assert told["settings"]["batch"] == 16
    assert told["scenes"]["size"] == [128, 160]


def test_a_run_is_made_and_gone_on_with(places, tmp_path, capsys):
    """Two steps, then one more; a third time there is nothing left to do."""
    common = ["train", "motion-unet@simulated", "--panoramas", str(places), "--out", str(tmp_path)]
    common += ["--batch", "1", "--validation-scenes", "1", "--average", "0", "--device", "cpu"]

    main([*common, "--steps", "2", "--quiet"])
    quiet = capsys.readouterr()
    main([*common, "--steps", "3"])
    shown = capsys.readouterr()
    main([*common, "--steps", "3"])

    assert (quiet.out, quiet.err) == ("", "")
    assert "step 3: iou" in shown.err
    assert "weights.safetensors" in shown.out
    assert "has all 3 steps" in capsys.readouterr().out
    assert [path.stem for path in checkpoints(tmp_path / "checkpoints")][-1] == "000000003"
    assert [e["step"] for e in read_log(tmp_path) if e["kind"] == "validation"] == [2, 3]
    assert list((tmp_path / "tensorboard").glob("events*"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["motion"], "no recipe named motion; there are:"),
        (["motion-unet@simulated"], "--out DIR"),
        (["motion-unet@simulated", "--out", "x"], "--panoramas DIR"),
        (["motion-unet@simulated", "--steps", "0"], "--steps 0 is too small"),
        (["motion-unet@simulated", "--average", "1"], "--average 1.0 is not possible; give 0 to"),
        (["motion-unet@simulated", "--learning-rate", "0"], "--learning-rate 0.0 is not possible"),
        (["motion-unet@simulated", "--learning-rate", "nan"], "--learning-rate nan is not poss"),
        (["motion-unet@simulated", "--weight-decay", "-1"], "--weight-decay -1.0 is not possible"),
        (["motion-unet@simulated", "--clip", "nan"], "--clip nan is not possible"),
        (["motion-unet@simulated", "--fall", "-1"], "--fall -1.0 is not possible; give 0 to 1"),
        (["motion-unet@simulated", "--fall", "5"], "--fall 5.0 is not possible; give 0 to 1"),
        (["vam@simulated", "--schedule", "plateau", "--fall", "1"], "0 to 0.99 for a plateau"),
        (["motion-unet@simulated", "--fall-patience", "-3"], "--fall-patience -3 is too small"),
        (["motion-unet@simulated", "--seed", "-1"], "--seed -1 is too small; give 0 or more"),
        (["motion-unet@simulated", "--seed", str(2**70)], "is too large; give 9223372036854775807"),
        (["motion-unet@simulated", "--size", "0", "0"], "--size 0 0 is too small; give 32 32"),
        (["motion-unet@simulated", "--size", "-128", "128"], "--size -128 128 is too small"),
        (["--group", "vam-masks", "--out", "x", "--seed", "-1"], "--seed -1 is too small"),
        (["motion-unet@meds", "--size", "64", "64"], "leave out --size"),
        (["vam@simulated", "--vgg16", "v.pth", "--out", "x"], "leave out --vgg16"),
        (["--group", "vam", "--out", "x"], "no group named vam; there are: segdeghost-ablations"),
        (["--group", "vam-masks"], "needs --out DIR"),
        (["vam@simulated", "--group", "vam-masks", "--out", "x"], "recipes of its own"),
        (["--group", "vam-masks", "--out", "x", "--rows", "A1"], "has no row A1; it has: otsu"),
        (["--group", "vam-masks", "--out", "x"], "--panoramas DIR"),
        (["--group", "vam-masks", "--size", "64", "64"], "--size has no effect with --group"),
        (["--group", "vam-masks", "--begin", "w"], "--begin has no effect with --group"),
        (["--group", "vam-masks", "--vgg16", "v"], "--vgg16 has no effect with --group"),
        (["--group", "vam-masks", "--print"], "--print has no effect with --group"),
        (["vam@simulated", "--rows", "A1"], "--rows has no effect without --group"),
        (["vam@simulated", "--scenes", "x", "--size", "64", "64"], "no effect with --scenes"),
        (["vam@simulated", "--layout", "meds"], "--layout has no effect without --scenes"),
        (["--steps", "5"], "--steps has no effect without a recipe or --group"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments, told, capsys, tmp_path, monkeypatch):
    """What cannot be done ends with code 2 and one line that says why."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["train", *arguments])

    message = capsys.readouterr().err
    assert ended.value.code == 2
    assert told in message
    assert message.count("\n") == 1


def test_a_run_is_gone_on_with_on_the_same_data_only(places, tmp_path, capsys):
    """Copied panoramas are welcome; others, and weights to start from, are refused in a line."""
    common = ["train", "motion-unet@simulated", "--out", str(tmp_path / "run"), "--batch", "1"]
    common += ["--validation-scenes", "1", "--average", "0", "--device", "cpu", "--quiet"]
    copytree(places, tmp_path / "copied")
    other = tmp_path / "other"
    other.mkdir()
    np.save(other / "place.npy", 2 * np.load(places / "place.npy"))
    main([*common, "--panoramas", str(places), "--steps", "1"])

    with pytest.raises(SystemExit):
        main([*common, "--panoramas", str(other), "--steps", "2"])
    told = capsys.readouterr().err
    main([*common, "--panoramas", str(tmp_path / "copied"), "--steps", "2"])
    begin = ["--begin", str(tmp_path / "run" / "weights.safetensors")]
    with pytest.raises(SystemExit):
        main([*common, *begin, "--panoramas", str(places), "--steps", "3"])

    assert "begun with another training set (1 panorama " in told
    assert "another beginning (none, not weights " in capsys.readouterr().err
    assert max(e["step"] for e in read_log(tmp_path / "run")) == 2


def test_files_to_start_from_show_in_the_recipe(capsys, tmp_path):
    """Weights, and the network whose features are compared; the name tells runs apart."""
    files = ["--begin", "mine.safetensors", "--vgg16", str(tmp_path / "vgg16.pth")]
    main(["train", "hdr-transformer@kalantari", *files, "--print"])

    told = json.loads(capsys.readouterr().out)
    assert told["name"] == "hdr-transformer@kalantari+perceptual"
    assert "perceptual_loss" in told["loss"]
    assert "mine.safetensors" in told["begin"]


def test_a_group_fills_its_table(places, tmp_path, capsys, monkeypatch):
    """One command trains a row; the next one another, and writes both into the table."""
    group = replace(GROUPS["vam-masks"], count=2)
    monkeypatch.setitem(GROUPS, "vam-masks", group)
    common = ["train", "--group", "vam-masks", "--panoramas", str(places), "--out", str(tmp_path)]
    common += ["--steps", "1", "--batch", "1", "--validation-scenes", "1", "--device", "cpu"]

    main([*common, "--rows", "ones", "--quiet"])
    quiet = capsys.readouterr()
    main([*common, "--rows", "ones", "manual"])
    shown = capsys.readouterr()

    assert (quiet.out, quiet.err) == ("", "")
    assert "manual: step 1: psnr-mu" in shown.err
    assert "ones: step" not in shown.err
    assert shown.out == (tmp_path / "vam-masks.md").read_text("utf-8") + "\n"
    rows = json.loads((tmp_path / "vam-masks.json").read_text("utf-8"))["rows"]
    assert [row["row"] for row in rows] == ["manual", "ones"]
