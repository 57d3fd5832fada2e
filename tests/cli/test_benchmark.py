import json
import shutil
from pathlib import Path

import pytest

from deghost.evaluate.methods import METHODS


SCENES = Path(__file__).parent.parent / "data" / "scenes"
QUICK = "--methods reference opencv-debevec --metrics psnr-mu"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder, with a data set of two small scenes called `set`."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(SCENES, tmp_path / "set")
    (tmp_path / "set" / "page.html").touch()
    return tmp_path


def test_tables_and_a_page_are_written(here, run):
    """Means are printed; tables, error maps and the page lie where they were asked for."""
    result = run(f"benchmark set -o run --report page.html {QUICK}")

    assert (result.code, result.err) == (0, "")
    assert "| reference" in result.out
    assert "wrote page.html" in result.out
    for name in ("results.md", "results.csv", "results.json"):
        assert (here / "run" / name).is_file()
    assert len(list(here.glob("run/pictures/*/*error.webp"))) == 4
    assert (here / "page.html").read_text().startswith("<!DOCTYPE html>")


def test_a_run_is_taken_up_again(here, run, monkeypatch):
    """A finished run is told again without a method being run."""
    first = run(f"benchmark set -o run {QUICK} --json")
    monkeypatch.setitem(METHODS, "reference", lambda scene: pytest.fail("was run again"))

    second = run(f"benchmark set -o run {QUICK} --json")

    assert second.code == 0
    assert json.loads(second.out)["means"] == json.loads(first.out)["means"]


def test_a_damaged_scene_is_skipped_and_told(here, run):
    """The others are measured; the exit code is 1; mended, only the rest is done."""
    path = here / "set/Training/002/exposure.txt"
    stops = path.read_bytes()
    path.write_text("0\n")

    broken = run(f"benchmark set -o run {QUICK} --json")
    path.write_bytes(stops)
    mended = run(f"benchmark set -o run {QUICK} --quiet")

    told = json.loads(broken.out)
    assert broken.code == 1
    assert broken.err.startswith("deghost: Training/002 (every method): exposure.txt")
    assert broken.err.count("\n") == 1
    assert [picture["name"] for picture in told["pictures"]] == ["Training/001"] * 2
    assert (mended.code, mended.out, mended.err) == (0, "", "")


def test_some_scenes_can_be_chosen(here, run):
    """By their names or groups."""
    result = run(f"benchmark set -o run --only Training/002 {QUICK} --json")

    assert {picture["name"] for picture in json.loads(result.out)["pictures"]} == {"Training/002"}


def test_another_scale_is_told(here, run):
    """1.0 clips the darkest frame of these scenes, but the medium one under ntire21."""
    line = "benchmark set --methods reference --json"

    other = run(f"{line} -p ntire21 -o other")
    own = run(f"{line} -p kalantari -o own --metrics psnr-l")

    (note,) = json.loads(other.out)["notes"]
    assert note.startswith("2 of 2 scenes have another scale than ntire21")
    assert "results and truths were multiplied by" in note
    assert json.loads(own.out)["notes"] == []


def test_published_rows_can_be_put_beside(here, run):
    """With their gaps, and with what keeps them from being compared."""
    result = run(f"benchmark set -o run -p kalantari {QUICK} --compare-published")

    assert result.code == 0
    assert "M10 Proposed" in result.out
    assert "of 2 pictures; they can be compared where" in result.out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("benchmark", "SCENES is missing"),
        ("benchmark nowhere -o run", "nowhere does not exist"),
        ("benchmark set/Training/001/exposure.txt -o run", "is a file"),
        ("benchmark deghost-bench -o run", "give --panoramas"),
        ("benchmark deghost-bench --panoramas set -o run", "has no SHA256SUMS"),
        ("benchmark set -o run --methods magic", "no method 'magic'; there are: reference"),
        ("benchmark set -o run --methods mertens", "makes a display picture"),
        ("benchmark set -o run --metrics magic", "has no metric 'magic'"),
        ("benchmark set -o run -p magic", "no protocol 'magic'"),
        ("benchmark set -o run -p bracketire", "use deghost evaluate"),
        ("benchmark set -o run --layout magic", "--layout magic is not known"),
        ("benchmark set -o run --part test", "has no part test"),
        ("benchmark set -o run --only magic", "no scene or group 'magic'"),
        ("benchmark set -o set", "set holds other files"),
        ("benchmark set -o run --report set/manifest.json", "let it end in .html"),
        ("benchmark set -o run --report set/page.html", "pass --force"),
    ],
)
def test_mistakes_end_in_one_line(here, refused, line, message):
    """Before anything is measured, and nothing is written."""
    assert message in refused(line)
    assert not (here / "run" / "results.md").exists()
