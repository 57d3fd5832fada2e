"""Files of results and truths; the mosaics are those of a tiny data set like BracketIRE's."""

from pathlib import Path

import numpy as np
import pytest
import torch

from deghost.data.layouts import open_scenes
from deghost.errors import ReadError
from deghost.evaluate.bracketire import Development, develop
from deghost.evaluate.demosaic import demosaic_linear
from deghost.evaluate.protocols import PROTOCOLS
from deghost.evaluate.reading import Reading, read_truth_scene, read_values
from deghost.io.radiance import write_radiance


KALANTARI, MATLAB, NTIRE, BRACKETIRE, APPROXIMATE = (
    Reading.of(PROTOCOLS[name])
    for name in ("kalantari", "kalantari-matlab", "ntire21", "bracketire", "bracketire-approx")
)
SCENES = Path(__file__).parent.parent / "data" / "scenes"
GAINS = {"red_gain": 2.0, "blue_gain": 1.5, "cam2rgb": np.eye(3)}
DEVELOPMENT = Development(2.0, 1.5, torch.eye(3))


def put(path, value=0.5, size=(4, 6)):
    write_radiance(path, np.full((*size, 3), value, np.float32), exr_type="float")
    return path


def put_codes(path, codes):
    import imagecodecs

    path.write_bytes(imagecodecs.png_encode(codes))
    return path


@pytest.fixture
def mosaic():
    """The true mosaic of a scene, h w 4, in the scale of the middle exposure."""
    return np.random.default_rng(2).uniform(0, 16, (12, 16, 4)).astype(np.float32)


@pytest.fixture
def scenes(tmp_path, mosaic):
    """One scene of five frames, its metadata, its truth and the picture made of it."""
    home = tmp_path / "Test" / "0001"
    home.mkdir(parents=True)
    for k in range(5):
        np.save(home / f"raw_{4**k}.npy", np.full((12, 16, 4), 100 * k, np.uint16))
    np.save(home / "raw_gt.npy", mosaic)
    np.save(home / "metadata.npy", np.array(GAINS, dtype=object), allow_pickle=True)
    put_codes(home / "rgb_vis_gt.png", np.full((24, 32, 3), 13107, np.uint16))
    return open_scenes(tmp_path, "bracketire")


def developed(mosaic):
    return develop(torch.from_numpy(mosaic).permute(2, 0, 1), DEVELOPMENT, demosaic_linear)


def test_linear_light_becomes_the_values_of_a_protocol(tmp_path):
    """Floating-point files hold light; negative values stay."""
    path = put(tmp_path / "a.exr", -0.25)

    linear, is_rounded = read_values(path, KALANTARI)
    encoded, _ = read_values(put(tmp_path / "b.exr", 0.25), NTIRE)

    assert linear.unique().tolist() == [-0.25]
    assert not is_rounded
    assert torch.allclose(encoded, torch.tensor(0.25 ** (1 / 2.24)))


def test_a_radiance_file_is_not_rounded_twice(tmp_path):
    """A protocol that rounds to Radiance files takes one as it is."""
    assert read_values(put(tmp_path / "a.hdr"), MATLAB)[1]
    assert not read_values(put(tmp_path / "a.exr"), MATLAB)[1]
    assert not read_values(put(tmp_path / "b.hdr"), KALANTARI)[1]


def test_codes_are_what_their_protocol_says(tmp_path):
    """NTIRE divides them by a ratio beside the file, BracketIRE by 65535."""
    codes = np.full((4, 6, 3), 30000, np.uint16)
    path = put_codes(tmp_path / "0001.png", codes)
    np.save(tmp_path / "0001_alignratio.npy", 20000.0)

    ntire, is_rounded = read_values(path, NTIRE)
    bracketire, _ = read_values(path, BRACKETIRE)

    assert ntire.unique().tolist() == [1.5]
    assert is_rounded
    assert torch.allclose(bracketire, torch.tensor(30000 / 65535))


def test_codes_that_mean_nothing_are_refused(tmp_path):
    """Integers are no light, eight bits no result, and a ratio must be there."""
    deep = put_codes(tmp_path / "deep.png", np.zeros((4, 6, 3), np.uint16))
    shallow = put_codes(tmp_path / "shallow.png", np.zeros((4, 6, 3), np.uint8))

    with pytest.raises(ReadError, match="kalantari compares linear light; give .exr"):
        read_values(deep, KALANTARI)
    with pytest.raises(ReadError, match="8 bits"):
        read_values(shallow, BRACKETIRE)
    with pytest.raises(ReadError, match="no deep_alignratio.npy"):
        read_values(deep, NTIRE)
    np.save(tmp_path / "deep_alignratio.npy", np.array([1.0, -2.0]))
    with pytest.raises(ReadError, match="not one positive number"):
        read_values(deep, NTIRE)


def test_an_approximation_develops_result_and_truth_alike(tmp_path, scenes, mosaic):
    """The picture that comes with the truth was made by another demosaicing, and is not used."""
    np.save(tmp_path / "perfect.npy", mosaic)

    truth = read_truth_scene(scenes, 0, APPROXIMATE)
    test, is_rounded = read_values(tmp_path / "perfect.npy", APPROXIMATE, truth.development)

    assert torch.equal(truth.values, developed(mosaic))
    assert torch.equal(test, truth.values)
    assert is_rounded


def test_truths_of_a_set_are_brought_to_the_protocol_s_scale():
    """1.0 of Kalantari's truths clips the darkest frame, 1.0 of NTIRE's codes the medium one."""
    known = open_scenes(SCENES)
    light, exposures = known[0].truth, known[0].exposures

    linear, codes = (read_truth_scene(known, 0, reading) for reading in (KALANTARI, NTIRE))

    assert torch.equal(linear.values, light)
    assert linear.scaling == 1
    assert torch.allclose(codes.values**2.24, exposures[1] * light, rtol=1e-4, atol=1e-6)
    assert codes.scaling == exposures[1]


def test_the_true_picture_comes_with_the_scene(scenes):
    """Without the benchmark's demosaicing, its own picture is the truth of pictures."""
    truth = read_truth_scene(scenes, 0, BRACKETIRE)

    assert truth.values.shape == (3, 24, 32)
    assert torch.allclose(truth.values, torch.tensor(0.2))


def test_the_demosaicing_of_the_user_is_taken(tmp_path, scenes, mosaic):
    """It develops results; a picture of the truth that is missing, too."""
    shades = Reading.of(PROTOCOLS["bracketire"], lambda plane: torch.stack([plane] * 3, dim=-3))
    np.save(tmp_path / "ours.npy", mosaic)
    (tmp_path / "Test/0001/rgb_vis_gt.png").unlink()

    truth = read_truth_scene(open_scenes(tmp_path, "bracketire"), 0, shades)
    test, _ = read_values(tmp_path / "ours.npy", shades, truth.development)

    assert torch.equal(truth.values[0], truth.values[1])
    assert torch.equal(test, truth.values)


def test_mosaics_that_cannot_be_developed_are_refused(tmp_path, scenes, mosaic):
    """Without metadata, without demosaicing, under another protocol, of another shape."""
    np.save(tmp_path / "ours.npy", mosaic)
    np.save(tmp_path / "flat.npy", mosaic[0])
    np.save(tmp_path / "bad.npy", np.full_like(mosaic, np.nan))

    with pytest.raises(ReadError, match="give the folder of BracketIRE's scenes"):
        read_values(tmp_path / "ours.npy", APPROXIMATE)
    with pytest.raises(ReadError, match="ours.npy is a mosaic; give --demosaic"):
        read_values(tmp_path / "ours.npy", BRACKETIRE, DEVELOPMENT)
    with pytest.raises(ReadError, match="shape"):
        read_values(tmp_path / "flat.npy", APPROXIMATE, DEVELOPMENT)
    with pytest.raises(ReadError, match="not finite"):
        read_values(tmp_path / "bad.npy", APPROXIMATE, DEVELOPMENT)
    with pytest.raises(ReadError, match="packed mosaic, which kalantari cannot compare"):
        read_truth_scene(scenes, 0, KALANTARI)


def test_only_protocols_of_mosaics_look_for_arrays():
    """NTIRE's ratios are arrays, too, but no results."""
    assert ".npy" in BRACKETIRE.endings
    assert ".npy" not in NTIRE.endings
