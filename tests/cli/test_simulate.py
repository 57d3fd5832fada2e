import cv2
import numpy as np
import pytest

from deghost.cli.main import main
from deghost.data.layouts import open_scenes


@pytest.fixture
def places(tmp_path):
    """A folder with one small panorama."""
    rng = np.random.default_rng(1)
    picture = cv2.resize(rng.random((16, 32, 3), np.float32), (256, 128)) ** 3
    folder = tmp_path / "places"
    folder.mkdir()
    assert cv2.imwrite(str(folder / "room.hdr"), picture)
    return folder


def simulate(*arguments):
    main(["simulate", *map(str, arguments)])


def test_simulated_scenes_are_read_as_kalantari(places, tmp_path, capsys):
    """What `simulate` writes, the readers know, in the scale of the darkest frame."""
    out = tmp_path / "out"

    simulate("--from", places, "--out", out, "--count", 2, "--seed", 3, "--size", 64, 48)

    scenes = list(open_scenes(out))
    assert [tuple(scene.frames.shape) for scene in scenes] == [(3, 3, 48, 64)] * 2
    assert all(scene.exposures[0] == 1 for scene in scenes)
    assert [tuple(scene.motion.shape) for scene in scenes] == [(3, 48, 64)] * 2
    masks = sorted(path.name for path in (out / "Training/002").glob("*.png"))
    of_motion = ["motion_1.png", "motion_3.png"]
    assert masks == [*of_motion, *(f"well_exposed_{k}.png" for k in (1, 2, 3))]
    assert "wrote 2 scenes" in capsys.readouterr().out


def test_the_same_seed_writes_the_same_files(places, tmp_path, capsys):
    """The printed checksum depends on the seed alone."""
    sums = []
    for number, seed in enumerate((1, 1, 2)):
        out = tmp_path / f"out{number}"
        simulate("--from", places, "--out", out, "--count", 1, "--seed", seed, "--size", 48, 40)
        sums.append(capsys.readouterr().out.split()[-1])

    assert sums[0] == sums[1] != sums[2]


def test_shards_and_a_sheet(places, tmp_path, capsys):
    """Scenes may be stored as shards, with a contact sheet beside."""
    out, sheet = tmp_path / "out", tmp_path / "sheet.png"

    simulate(
        *("--from", places, "--out", out, "--count", 2, "--frames", 2, "--size", 48, 40),
        *("--layout", "shards", "--sheet", sheet, "--quiet"),
    )

    assert capsys.readouterr().out == ""
    assert len(list(open_scenes(out))) == 2
    assert cv2.imread(str(sheet)) is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", 2], "give --out"),
        (["--out", "x", "--seed", -3], "--seed -3 is not possible; give 0 or more"),
        (["--out", "o", "--frames", 1], "--frames 1"),
        (["--out", "o", "--count", 0], "--count 0"),
        (["--out", "o", "--size", 400, 300], "would magnify room"),
        (["--out", "o", "--size", 8, 8], "too small"),
        (["--sheet", "sheet.gif"], r"sheet\.gif"),
    ],
)
def test_mistakes_are_explained(places, arguments, message, capsys, monkeypatch, tmp_path):
    """Each mistake is one line that says what to give instead."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit) as stop:
        simulate("--from", places, *arguments)

    printed = capsys.readouterr().err
    assert stop.value.code == 2
    assert printed.count("\n") == 1
    assert message.replace("\\", "") in printed
