import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from deghost.io.radiance import write_radiance


SCENES = Path(__file__).parent.parent / "data" / "scenes"
QUICK = "-p kalantari -o run --metrics psnr-l psnr-mu"


def put(path, value=0.5, size=(20, 24)):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_radiance(path, np.full((*size, 3), value, np.float32), exr_type="float", force=True)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder, with two results in `ours`, off by 0.1 and by 0.01 from `truth`."""
    monkeypatch.chdir(tmp_path)
    for name, error in (("a", 0.1), ("b", 0.01)):
        put(tmp_path / "ours" / f"{name}.exr", 0.5 + error)
        put(tmp_path / "truth" / f"{name}.exr")
    return tmp_path


def means(result):
    return json.loads(result.out)["means"]["ours"]["all"]


def test_folders_are_compared(here, run):
    """An error of 0.1 is 20 dB, one of 0.01 is 40: the mean is 30."""
    result = run(f"evaluate ours truth {QUICK} --report run/page.html --json")

    told = json.loads(result.out)
    assert (result.code, result.err) == (0, "")
    assert means(result)["psnr-l"] == pytest.approx(30, abs=1e-3)
    assert [picture["name"] for picture in told["pictures"]] == ["a", "b"]
    assert {Path(name).name for name in told["written"]} == {
        *("results.md", "results.csv", "results.json", "page.html")
    }


def test_two_files_are_compared(here, run):
    """The method is the file's name; without --out, the folder has a name of its own."""
    result = run("evaluate ours/b.exr truth/b.exr -p kalantari --metrics psnr-l")

    assert result.code == 0
    assert re.search(r"\| b +\| +1 \| +40\.00 \|", result.out)
    assert (here / "deghost-results" / "results.md").is_file()


def test_a_changed_picture_alone_is_measured_again(here, run):
    """Records of the others stay as they are."""
    run(f"evaluate ours truth {QUICK} --quiet")
    records = sorted((here / "run/records/ours").iterdir())
    before = [path.stat().st_mtime_ns for path in records]
    put(here / "ours/b.exr", 0.6)

    result = run(f"evaluate ours truth {QUICK} --json")

    after = [path.stat().st_mtime_ns for path in records]
    assert means(result)["psnr-l"] == pytest.approx(20, abs=1e-3)
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False]


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.unlink(), "no prediction has its name in ours"),
        (lambda path: path.write_bytes(b"no picture"), "b.exr"),
        (lambda path: put(path, size=(20, 30)), "pictures of 30x20 and 24x20 pixels"),
        (lambda path: put(path, np.nan), "not finite"),
    ],
)
def test_a_bad_picture_is_skipped_and_told(here, run, harm, words):
    """One line on standard error and the exit code 1; the good one is measured."""
    harm(here / "ours/b.exr")

    result = run(f"evaluate ours truth {QUICK} --json")

    assert result.code == 1
    assert result.err.startswith("deghost: b (ours): ")
    assert words in result.err
    assert result.err.count("\n") == 1
    assert means(result)["psnr-l"] == pytest.approx(20, abs=1e-3)


def test_a_run_replaces_its_own_page_alone(here, run, refused):
    """Another page in its folder is replaced by --force only."""
    line = f"evaluate ours truth {QUICK} --quiet --report run/page.html"
    run(line)
    page = here / "run/page.html"
    first = page.read_text()
    put(here / "ours/b.exr", 0.6)

    again = run(line)
    second = page.read_text()
    page.write_text("<html>notes of mine</html>")

    assert again.code == 0
    assert first != second
    assert "page.html exists already; pass --force" in refused(line)
    assert page.read_text() == "<html>notes of mine</html>"
    assert run(f"{line} --force").code == 0
    assert page.read_text() == second


def test_what_numbers_cannot_be_believed_is_told(here, run):
    """HDR-VDP-2 shows small pictures too coarse, and a set's truths may be of another scale."""
    shutil.copytree(SCENES, here / "set")
    (here / "other").mkdir()
    for number in ("001", "002"):
        shutil.copy(here / f"set/Training/{number}/HDRImg.hdr", here / f"other/{number}.hdr")

    small = run("evaluate ours truth -p kalantari -o run --metrics hdr-vdp-2 --json")
    scaled = run("evaluate other set -p ntire21 -o scaled --json")

    (note,) = json.loads(small.out)["notes"]
    assert note.startswith("2 of 2 pictures are smaller than 256 pixels (one is 24x20)")
    (note,) = json.loads(scaled.out)["notes"]
    assert note.startswith("2 of 2 scenes have another scale than ntire21")
    assert "files of results must be in that scale, too" in note
    scores = json.loads(scaled.out)["pictures"][0]["scores"]
    assert all(math.isfinite(score) for score in scores.values())  # the files are not rescaled


def test_truths_may_be_a_data_set(here, run):
    """A data set's own truths, compared with themselves, are equal."""
    shutil.copytree(SCENES, here / "set")
    for number in ("001", "002"):
        (here / "same").mkdir(exist_ok=True)
        shutil.copy(here / f"set/Training/{number}/HDRImg.hdr", here / f"same/{number}.hdr")

    result = run("evaluate same set -p kalantari -o run --metrics psnr-mu --json")

    told = json.loads(result.out)
    assert result.code == 0
    assert told["means"]["same"]["all"] == {"scenes": 2, "psnr-mu": "inf"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("evaluate ours truth -o run", "--protocol is missing"),
        ("evaluate ours", "TRUTH is missing"),
        ("evaluate nowhere truth -p kalantari -o run", "nowhere does not exist"),
        ("evaluate ours/a.exr truth -p kalantari -o run", "one of the two is a file"),
        ("evaluate ours truth -p magic -o run", "no protocol 'magic'"),
        ("evaluate ours truth -p tel -o run --metrics magic", "tel has no metric 'magic'"),
        ("evaluate ours truth -p tel -o run --layout magic", "--layout magic is not known"),
        ("evaluate ours truth -p tel -o run --lpips-alex x y", "x is not there"),
        ("evaluate ours truth -p tel -o run --demosaic x", "tel has no use for --demosaic"),
        ("evaluate ours truth -p bracketire -o run --demosaic x", "x is not there"),
        ("evaluate ours truth -p tel -o truth", "truth holds other files"),
        ("evaluate ours truth -p tel -o run --report truth/a.exr", "let it end in .html"),
        ("evaluate ours truth -p tel -o run --report run/results.json", "let it end in .html"),
    ],
)
def test_mistakes_end_in_one_line(here, refused, line, message):
    """Before anything is measured, and nothing is written."""
    assert message in refused(line)
    assert not (here / "run" / "results.md").exists()
