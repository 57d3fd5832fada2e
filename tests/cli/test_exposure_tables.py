import cv2
import numpy as np
import pytest

from deghost.cli.main import main


def test_tables_are_printed_and_written(tmp_path, capsys):
    """One command trains the twelve networks on small frames and says what it spent."""
    places = tmp_path / "places"
    places.mkdir()
    picture = cv2.resize(np.random.default_rng(1).random((16, 32, 3), np.float32), (512, 256)) ** 3
    assert cv2.imwrite(str(places / "room.hdr"), picture)
    out = tmp_path / "out"

    options = ["--steps", "1", "--batch", "2", "--scenes", "6", "--quiet"]
    source = ["--from", str(places), "--out", str(out)]
    main(["exposure-tables", *source, *options, "--size", "32"])

    shown = capsys.readouterr().out
    assert "Budget: 12 networks, 1 steps of 2 frames of 32 x 32, 6 scenes" in shown
    assert (out / "exposure-tables.md").read_text() in f"{shown}\n"
    assert len(list(out.glob("*.safetensors"))) == 12

    with pytest.raises(SystemExit):
        main(["exposure-tables", *source, *options, "--size", "512", "--force"])
    assert "room is too small for views of 512 x 512" in capsys.readouterr().err


def test_a_source_is_needed(capsys):
    """Without panoramas or a data set there is one line that says so."""
    with pytest.raises(SystemExit):
        main(["exposure-tables"])

    assert "give --from PANORAMAS or --data FOLDER" in capsys.readouterr().err
