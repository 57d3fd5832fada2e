import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from deghost.data.bench import (
    GROUPS,
    bench_entries,
    bench_scenes,
    checksum,
    fingerprint,
    read_bench_panoramas,
)
from deghost.data.layouts import open_scenes
from deghost.data.panoramas import pack_panoramas, read_panoramas
from deghost.data.scene_settings import SceneSettings
from deghost.data.sheets import contact_sheet
from deghost.data.synthetic import make_scene
from deghost.errors import ReadError


DATA = Path(__file__).parents[2] / "benchmarks" / "data"
FIXTURES = Path(__file__).parent / "scenes"


@pytest.fixture(scope="module")
def places():
    return read_bench_panoramas(DATA)


def test_the_benchmark_has_32_scenes_in_nine_groups(places):
    """Every group has JPEG and 16-bit scenes, and every panorama is used."""
    entries = bench_entries([place.name for place in places])

    assert len(entries) == len({entry.name for entry in entries}) == 32
    assert {entry.panorama for entry in entries} == {place.name for place in places}
    for group in GROUPS:
        assert {e.settings.bits for e in entries if e.group == group} == {(8,), (16,)}


@pytest.mark.parametrize("name", ["static-1", "clipped-motion-2", "night-4", "7-frames-1"])
def test_benchmark_scenes_are_those_on_record(places, name):
    """A rebuilt scene has the truth, brightness and motion that were recorded."""
    recorded = json.loads((DATA / "bench.json").read_text("utf-8"))[name]

    (scene,) = bench_scenes(places, [name])

    assert scene.truth.shape == (3, 384, 512)
    assert fingerprint(scene) == pytest.approx(recorded["fingerprint"], abs=2e-3)
    assert scene.exposures[0] == 1
    assert len(checksum(scene)) == len(recorded["truth"]) == 64


def test_groups_are_what_their_names_say(places):
    """Nothing moves in static scenes; much clips where it should; nights are noisy."""
    static, clipped, night = bench_scenes(places, ["static-3", "clipped-motion-3", "night-2"])
    reference_clips = clipped.truth * clipped.exposures[clipped.reference] > 1

    assert not static.motion.any()
    assert reference_clips.any(dim=0).float().mean() > 0.2
    assert clipped.motion.any()
    assert night.details["iso"] >= 2500


def test_a_changed_panorama_is_noticed(tmp_path):
    """A file that SHA256SUMS does not list so, or that is missing, is named."""
    shutil.copytree(DATA, tmp_path / "data")
    (tmp_path / "data" / "vestibule.exr").write_bytes(b"something else")

    with pytest.raises(ReadError, match=r"vestibule\.exr is not the file"):
        read_bench_panoramas(tmp_path / "data")
    (tmp_path / "data" / "autoshop_01.exr").unlink()
    with pytest.raises(ReadError, match=r"autoshop_01\.exr is missing"):
        read_bench_panoramas(tmp_path / "data")
    with pytest.raises(ReadError, match="SHA256SUMS"):
        read_bench_panoramas(tmp_path)


def test_the_fixtures_are_simulated_scenes(places):
    """The two scenes in the repository are made again from the benchmark's panoramas."""
    fixtures = list(open_scenes(FIXTURES))

    assert len(fixtures) == 2
    for index, fixture in enumerate(fixtures):
        scene = make_scene(places, SceneSettings(size=(48, 64)), 4, index)
        assert np.allclose(fixture.truth, scene.truth, rtol=0.01, atol=0.005 * scene.truth.max())
        assert np.allclose(fixture.exposures, scene.exposures, rtol=1e-4)
        assert (fixture.motion != scene.motion).float().mean() < 1e-3


def test_packed_panoramas_are_the_same(places, tmp_path):
    """Scenes made from packed copies are those made from the files."""
    pack_panoramas(places[:2], tmp_path)
    packed = read_panoramas(tmp_path)
    settings = SceneSettings(size=(48, 64))

    first, second = (make_scene(p, settings, 1, 0) for p in (places[:2], packed))

    assert first.details["panorama"] == second.details["panorama"]
    assert np.array_equal(first.frames, second.frames)


def test_a_panorama_is_twice_as_wide_as_high(tmp_path):
    """Other pictures and empty folders are refused by name."""
    np.save(tmp_path / "square.npy", np.zeros((8, 8, 3), np.float16))

    with pytest.raises(ReadError, match=r"square\.npy is 8 x 8"):
        read_panoramas(tmp_path)
    with pytest.raises(ReadError, match="holds no"):
        read_panoramas(FIXTURES)
    with pytest.raises(ReadError, match="not a folder"):
        read_panoramas(tmp_path / "nowhere")


def test_a_contact_sheet_shows_every_scene(places):
    """Seven pictures a scene of three frames; two columns."""
    settings = SceneSettings(size=(48, 64))
    scenes = [make_scene(places, settings, 1, index) for index in range(3)]

    sheet = contact_sheet(scenes, tile=32)

    assert sheet.shape == (2 * 24, 2 * 7 * 32, 3)
    assert sheet[:, : 7 * 32].any()


@pytest.mark.parametrize(
    "content", [b"", b"no array", b"\x93NUMPY\x01\x00v\x00{'descr': '<f2', 'fortran_order': False"]
)
def test_damaged_packed_panoramas_are_told(tmp_path, content):
    """In one line, and nothing in them is run."""
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ReadError, match=r"^a.npy is damaged; pack its panorama again"):
        read_panoramas(tmp_path)
    np.save(tmp_path / "a.npy", np.zeros((2, 4, 3), np.int32))
    with pytest.raises(ReadError, match="holds int32, no floats"):
        read_panoramas(tmp_path)
