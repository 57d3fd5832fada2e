import json

import numpy as np
import pytest

from deghost.errors import ReadError, WriteError
from deghost.io.response_files import read_response, write_response
from deghost.radiometry.response import linear_table, named_response
from deghost.types import Response


@pytest.fixture
def drawn():
    return Response("debevec", np.stack([np.linspace(0, 1, 256) ** g for g in (2.0, 2.2, 2.4)]))


def test_a_response_comes_back_from_its_file(tmp_path, drawn):
    """Name and curves survive a round trip to seven digits."""
    write_response(tmp_path / "camera.json", drawn)

    back = read_response(tmp_path / "camera.json")

    assert back.name == "debevec"
    np.testing.assert_allclose(back.table, drawn.table, rtol=1e-6)


@pytest.mark.parametrize("white", [255, 65535])
def test_a_fine_table_keeps_its_meaning(tmp_path, white):
    """A table of 65536 samples is thinned out without harm at any code."""
    srgb = named_response("srgb")
    write_response(tmp_path / "srgb.json", srgb)

    back = read_response(tmp_path / "srgb.json")

    assert (tmp_path / "srgb.json").stat().st_size < 100_000
    np.testing.assert_allclose(linear_table(back, white), linear_table(srgb, white), atol=2e-6)


def test_an_existing_file_is_replaced_only_by_force(tmp_path, drawn):
    """A curve measured with care is not overwritten by accident."""
    path = tmp_path / "camera.json"
    write_response(path, drawn)

    with pytest.raises(WriteError, match=r"camera\.json"):
        write_response(path, drawn)
    write_response(path, drawn, force=True)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "something else"},
        {"red": None},
        {"red": [0, 1]},
        {"red": "0 0.5 1"},
        {"red": [0, 0.6, 0.5, 1]},
        {"red": [0, 0.2, float("nan"), 1]},
        {"red": [0, 0.2, 0.4, 0.8]},
        {"red": [0.5, 0.6, 0.8, 1]},
        {"red": [0, [0.2], 0.4, 1]},
        {"red": [], "green": [], "blue": []},
    ],
)
def test_a_damaged_response_is_refused_by_name(tmp_path, change):
    """Whatever is wrong in the file, one line names it."""
    path = tmp_path / "camera.json"
    curve = [0.0, 0.2, 0.5, 1.0]
    good = {"format": "deghost camera response 1", "red": curve, "green": curve, "blue": curve}
    path.write_text(json.dumps(good))
    assert read_response(path).name == "camera"

    path.write_text(json.dumps(good | change))

    with pytest.raises(ReadError, match=r"^camera\.json [^\n]*$"):
        read_response(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"[1, 2]", b"[" * 100_000])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    """A picture given in place of a response is a readable mistake."""
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)

    with pytest.raises(ReadError, match=r"picture\.jpg is not a camera response"):
        read_response(path)


def test_a_missing_file_is_a_read_error(tmp_path):
    """A wrong path costs one readable line."""
    with pytest.raises(ReadError, match=r"nowhere\.json cannot be read"):
        read_response(tmp_path / "nowhere.json")
