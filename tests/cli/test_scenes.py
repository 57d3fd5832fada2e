import json

import cv2
import numpy as np
import pytest
import tifffile

from deghost.cli.main import main


def put_scene(home, stops="0\r\n2\r\n4\r\n"):
    home.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for k in range(3):
        pixels = rng.integers(0, 65536, (6, 10, 3)).astype(np.uint16)
        tifffile.imwrite(home / f"{k}_frame.tif", pixels, photometric="rgb")
    (home / "exposure.txt").write_bytes(stops.encode())
    truth = np.full((6, 10, 3), 2.0, np.float32)
    assert cv2.imwrite(str(home / "HDRImg.hdr"), truth)


@pytest.fixture
def data(tmp_path):
    """One good, one damaged and one incomplete scene of Kalantari's layout."""
    put_scene(tmp_path / "Training/001")
    put_scene(tmp_path / "Test/001", stops="0\n2\n")
    put_scene(tmp_path / "Training/002")
    (tmp_path / "Training/002/exposure.txt").unlink()
    return tmp_path


def test_a_data_set_is_shown(data, capsys):
    """Layout, parts, sizes, exposures, the truth's range, and what is damaged or missing."""
    main(["scenes", str(data)])
    shown = capsys.readouterr().out

    assert "(layout kalantari17)" in shown
    assert "2 scenes: 1 test, 1 train" in shown
    row = next(line for line in shown.splitlines() if line.startswith("Training/001"))
    assert row.split() == ["Training/001", "train", "10x6", "1", "4", "16", "1", "2", "to", "2"]
    assert "- Test/001: exposure.txt has 2 numbers; give one for each of 3" in shown
    assert "- Training/002 is left out: exposure.txt missing" in shown


def test_a_data_set_is_told_to_scripts(data, capsys):
    """The same as JSON."""
    main(["scenes", str(data), "--json"])
    told = json.loads(capsys.readouterr().out)

    assert (told["layout"], told["count"], told["could_also_be"]) == ("kalantari17", 2, [])
    assert told["parts"] == {"test": 1, "train": 1}
    assert told["read"][1]["exposures"] == [1, 4, 16]
    assert told["read"][1]["range"] == [2, 2]
    assert "exposure.txt has 2 numbers" in told["read"][0]["problem"]
    assert told["incomplete"] == [{"name": "Training/002", "missing": ["exposure.txt"]}]


def test_of_many_scenes_some_are_read(tmp_path, capsys):
    """A set of thousands is told by twenty scenes spread over it, unless all are asked for."""
    for k in range(25):
        put_scene(tmp_path / f"Training/{k + 1:03d}")

    main(["scenes", str(tmp_path)])
    some = capsys.readouterr().out
    main(["scenes", str(tmp_path), "--all"])
    every = capsys.readouterr().out

    assert "- 20 of 25 scenes were read; --all reads every one" in some
    assert (some.count("10x6"), every.count("10x6")) == (20, 25)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layout", "kalantari"], "--layout kalantari is not known; there are: bracketire"),
        (["--layout", "ntire"], "has no scene of the layout ntire"),
    ],
)
def test_mistakes_end_in_one_line(data, capsys, arguments, message):
    """An unknown or wrong layout is answered with what there is."""
    with pytest.raises(SystemExit) as caught:
        main(["scenes", str(data), *arguments])

    assert caught.value.code == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1
