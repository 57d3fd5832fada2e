import json
import shutil

import numpy as np
import pytest

from deghost.io.radiance import read_radiance


THREE = "merge a.jpg b.jpg c.jpg"


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--response gamma2.2 --scale max --exr-type float",
        "--response debevec --deghost high --align flow",
        "--method robertson --no-crop --scale absolute",
        "--method mertens --reference 0",
    ],
)
def test_a_rendered_plan_gives_the_same_pixels(folder, run, options):
    """What --plan wrote is all that is needed to make the picture again."""
    first = run(f"{THREE} -o one.exr --plan p.json {options} --quiet")
    again = run("render p.json -o two.exr --quiet")

    one, two = (read_radiance(folder / name).pixels for name in ("one.exr", "two.exr"))
    assert (first.code, again.code) == (0, 0), again.err
    assert np.array_equal(one, two)


def test_a_plan_finds_its_frames_from_its_own_folder(folder, run, monkeypatch):
    """Plan and frames may be elsewhere than the terminal, and may move together."""
    (folder / "work/plans").mkdir(parents=True)
    (folder / "work/shots").mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        shutil.move(folder / name, folder / "work/shots" / name)
    frames = " ".join(f"work/shots/{name}" for name in ("a.jpg", "b.jpg", "c.jpg"))
    run(f"merge {frames} -o one.exr --plan work/plans/p.json --quiet")
    shutil.move(folder / "work", folder / "moved")
    monkeypatch.chdir(folder / "moved")

    again = run("render plans/p.json -o two.exr --quiet")

    assert again.code == 0, again.err
    one, two = read_radiance(folder / "one.exr"), read_radiance(folder / "moved/two.exr")
    assert np.array_equal(one.pixels, two.pixels)
    paths = json.loads((folder / "moved/plans/p.json").read_text())["frames"]
    assert paths == ["../shots/a.jpg", "../shots/b.jpg", "../shots/c.jpg"]


def test_an_edited_reference_is_told_as_such(folder, run):
    """What the plan said of its own choice is not repeated of another frame's."""
    run(f"{THREE} -o one.exr --plan p.json --quiet --fast")
    plan = json.loads((folder / "p.json").read_text())
    plan["reference"] = 0
    (folder / "p.json").write_text(json.dumps(plan))

    notes = json.loads(run("render p.json -o two.exr --json").out)["notes"]

    said = [note for note in notes if note.startswith("reference")]
    assert said == ["reference: frame 0, as the plan says"]


def test_an_edited_plan_is_obeyed(folder, run):
    """Another crop and another reference exposure make another picture."""
    run(f"{THREE} -o one.exr --plan p.json --quiet --fast")
    plan = json.loads((folder / "p.json").read_text())
    plan["crop"] = [10, 20, 30, 40]
    (folder / "p.json").write_text(json.dumps(plan))

    result = run("render p.json -o two.exr --masks masks --preview two.png --json")

    told = json.loads(result.out)
    one, two = (read_radiance(folder / name).pixels for name in ("one.exr", "two.exr"))
    assert told["size"] == [30, 40]
    assert np.array_equal(one[10:40, 20:60], two)
    assert len(list((folder / "masks").iterdir())) == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "x.json cannot be read: No such file or directory"),
        (b"\xff\xd8\xff\xe0", "x.json is no plan; give one written with --plan"),
        (b"", "x.json is not JSON"),
        (b"{", "x.json is not JSON"),
        (b"[" * 100_000, "x.json is not JSON"),
        (b"[]", "x.json is no plan of this version"),
        (b'{"format": "deghost plan 0"}', "x.json is no plan of this version"),
        (b'{"format": "deghost plan 1"}', "x.json lacks crop, exposures"),
    ],
)
def test_what_is_no_plan_is_refused(folder, refused, text, words):
    """The file is named, and how to get a plan."""
    if text is not None:
        (folder / "x.json").write_bytes(text)

    assert words in refused("render x.json -o out.exr")


def test_a_folder_is_no_plan(folder, refused):
    """Not even the one we are in."""
    assert ". cannot be read: Is a directory" in refused("render . -o out.exr")


def test_a_plan_for_other_frames_is_refused(put, folder, run, refused):
    """A frame that is gone, or has another size, is named."""
    run(f"{THREE} -o one.exr --plan p.json --quiet")
    put("b.jpg", change=lambda codes: codes[:50])

    assert "p.json was made for frames of 128x96 pixels, but b.jpg has 128x50" in refused(
        "render p.json -o two.exr"
    )
    (folder / "b.jpg").unlink()
    assert "b.jpg does not exist" in refused("render p.json -o two.exr")


@pytest.mark.parametrize("output", ["b.jpg", "p.json"])
def test_rendering_never_overwrites_what_it_reads(folder, run, refused, output):
    """Neither a frame nor the plan, whatever --force says."""
    run(f"{THREE} -o one.exr --plan p.json --quiet")

    assert f"{output} is one of the files to read" in refused(f"render p.json -o {output} --force")
