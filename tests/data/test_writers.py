import json
from dataclasses import replace

import cv2
import jaxtyping
import numpy as np
import pytest
import tifffile
import torch
from safetensors import safe_open

from deghost.data.layouts import detect, open_scenes
from deghost.data.manifests import check_manifest, read_manifest
from deghost.data.shards import read_window
from deghost.data.writers import write_kalantari17, write_shards
from deghost.errors import ReadError, SettingsError, WriteError
from deghost.radiometry.scene_light import linear_frames
from deghost.types import Scene


def make_scene(seed=0, count=3, size=(16, 24), response="gamma2.2", first=1.0):
    """A still scene whose frames obey its exposures, with masks of every kind."""
    generator = torch.Generator().manual_seed(seed)
    truth = torch.rand(3, *size, generator=generator) ** 2 / first
    exposures = first * 4.0 ** torch.arange(count)
    frames = (truth * exposures.view(-1, 1, 1, 1)).clamp(0, 1) ** (1 / 2.2)
    motion = (torch.rand(count, *size, generator=generator) > 0.8).float()
    motion[count // 2] = 0
    return Scene(
        name=f"scene {seed}",
        frames=frames,
        exposures=exposures,
        reference=count // 2,
        response=response,
        truth=truth,
        motion=motion,
        well_exposed=(frames[:, 0] < 1).float(),
        recoverable=torch.ones(size),
        flow=torch.randn(count, 2, *size, generator=generator),
        camera=torch.eye(3).repeat(count, 1, 1),
        details={"seed": seed, "cam2rgb": torch.eye(3), "path": ("a", "b")},
        notes=("made for a test",),
    )


@pytest.mark.parametrize("count", [2, 3, 5])
def test_kalantaris_layout_reads_back(tmp_path, count):
    """Frames, exposures, truth and masks are those of the scene, within what the files can hold."""
    scene = make_scene(count=count)

    write_kalantari17([scene], tmp_path / "out")
    found = open_scenes(tmp_path / "out")
    read = found[0]

    assert (found.layout.name, found.names) == ("kalantari17", ("Training/001",))
    assert torch.allclose(read.frames, scene.frames, atol=2.4e-5)
    assert torch.equal(read.exposures, scene.exposures)
    assert read.reference == scene.reference
    largest = scene.truth.amax(0)
    assert ((read.truth - scene.truth).abs() <= largest / 255).all()
    assert torch.equal(read.motion, scene.motion)


def test_masks_of_exposure_lie_on_the_grid_of_the_reference(tmp_path):
    """They are seen through the camera, black beyond the frame; without one there are none."""
    scene = make_scene()
    scene.camera[2, :2, 2] = torch.tensor([3.0, -2.0])  # x, y: down to the left in the reference

    write_kalantari17([scene, replace(scene, camera=None)], tmp_path / "out")
    homes = [tmp_path / "out/Training" / name for name in ("001", "002")]
    masks = [cv2.imread(str(homes[0] / f"well_exposed_{k}.png"), -1) for k in (1, 2, 3)]

    own = scene.well_exposed.numpy() * 255
    assert all(np.array_equal(masks[k], own[k]) for k in (0, 1))
    assert np.array_equal(masks[2][2:, :-3], own[2, :-2, 3:])
    assert not masks[2][:2].any()
    assert not masks[2][:, -3:].any()
    assert not list(homes[1].glob("well_exposed_*"))
    assert len(list(homes[1].glob("motion_*"))) == 2


def test_other_programs_read_kalantaris_layout(tmp_path):
    """16-bit RGB TIFF with white 65535, stops with CRLF from 0, a Radiance file for OpenCV."""
    scene = make_scene()

    write_kalantari17([scene], tmp_path / "out", part="Test")
    home = tmp_path / "out/Test/001"

    frame = tifffile.imread(home / "frame_3.tif")
    assert frame.dtype == np.uint16
    assert np.array_equal(
        frame, np.rint(scene.frames[2].permute(1, 2, 0).numpy() * 65535).astype(np.uint16)
    )
    assert (home / "exposure.txt").read_bytes() == b"0\r\n2\r\n4\r\n"
    truth = cv2.imread(str(home / "HDRImg.hdr"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert np.allclose(truth, scene.truth.permute(1, 2, 0).numpy(), atol=4e-3)


def test_the_truth_is_brought_to_the_scale_of_the_darkest_frame(tmp_path):
    """Whatever exposure 1 was, in this layout it is that of the darkest frame."""
    scene = make_scene(first=1 / 16)

    write_kalantari17([scene], tmp_path / "out")
    read = open_scenes(tmp_path / "out")[0]

    assert read.exposures.tolist() == [1, 4, 16]
    light = linear_frames(read)[0]
    assert torch.allclose(read.truth, light, atol=5e-3)


def test_other_curves_are_replaced_by_gamma(tmp_path):
    """Codes of any curve become codes of gamma 2.2, as the layout has them."""
    grid = torch.linspace(0, 1, 1024)
    scene = replace(make_scene(), response="measured", curve=grid.square().repeat(3, 1))

    write_kalantari17([scene], tmp_path / "out")
    read = open_scenes(tmp_path / "out")[0]

    assert torch.allclose(linear_frames(read), scene.frames.square(), atol=1e-4)


def test_the_manifest_finds_what_changed(tmp_path):
    """Every file has its checksum; a changed or lost one is named."""
    folder = tmp_path / "out"
    total = write_kalantari17([make_scene(0), make_scene(1)], folder, about={"seed": 7})

    assert check_manifest(folder) == total
    stored = read_manifest(folder)
    assert (stored["seed"], stored["scenes"]) == (7, ["scene 0", "scene 1"])
    (folder / "Training/002/exposure.txt").write_text("0 1 2")
    with pytest.raises(ReadError, match="Training/002/exposure.txt differs from its checksum"):
        check_manifest(folder)
    (folder / "Training/002/exposure.txt").unlink()
    with pytest.raises(ReadError, match="Training/002/exposure.txt is missing"):
        check_manifest(folder)


def test_writing_twice_gives_the_same_checksum(tmp_path):
    """The files depend on the scenes alone."""
    scenes = [make_scene(k) for k in range(3)]
    totals = {write_kalantari17(scenes, tmp_path / f"k{n}") for n in range(2)}
    totals |= {write_shards(scenes, tmp_path / f"s{n}") for n in range(2)}

    assert len(totals) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": 0}, "has the reference 0, but in this layout the middle one of 3"),
        ({"frames": torch.zeros(3, 4, 16, 24), "truth": None}, "is RAW or of two sizes"),
        ({"truth": torch.zeros(3, 64, 96)}, "is RAW or of two sizes"),
        ({"exposures": torch.tensor([4.0, 1.0, 16.0])}, "is not sorted"),
    ],
)
def test_what_kalantaris_layout_cannot_hold_is_refused(tmp_path, change, message):
    """Nothing is written that would be read as something else."""
    with pytest.raises(WriteError, match=message):
        write_kalantari17([replace(make_scene(), **change)], tmp_path / "out")


@pytest.mark.parametrize("write", [write_kalantari17, write_shards])
def test_folders_with_something_in_them_are_left_alone(tmp_path, write):
    """Older scenes must not be taken for new ones; and a set has at least one scene."""
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="is not empty; choose a new folder"):
        write([make_scene()], tmp_path)
    with pytest.raises(WriteError, match="no scene was given to write into out"):
        write([], tmp_path / "out")


@pytest.mark.parametrize("write", [write_kalantari17, write_shards])
def test_an_interrupted_set_leaves_nothing(tmp_path, write):
    """A part of a set would be read as a whole one."""

    def interrupted():
        yield make_scene()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(
            interrupted(),
            str(tmp_path / "out"),
            **({"per_shard": 1} if write is write_shards else {}),
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [{"truth": "bogus"}, {"per_shard": 0}])
def test_what_shards_cannot_be_is_told(tmp_path, wrong, monkeypatch):
    """Before anything is written."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as for users
    with pytest.raises(SettingsError, match="give half or float, and 1 or more"):
        write_shards([make_scene()], tmp_path / "out", **wrong)


def test_shards_read_back(tmp_path):
    """All that is known of scenes of different sizes and numbers of frames comes back."""
    scenes = [make_scene(0), make_scene(1, count=5, size=(8, 12)), make_scene(2, response="srgb")]

    write_shards(scenes, tmp_path / "out", per_shard=2)
    found = open_scenes(tmp_path / "out")

    assert (found.layout.name, found.names) == ("deghost-shards", ("scene 0", "scene 1", "scene 2"))
    for scene, read in zip(scenes, found, strict=True):
        assert torch.allclose(read.frames, scene.frames, atol=8e-6)
        assert torch.allclose(read.truth, scene.truth, rtol=5e-4, atol=1e-7)
        assert torch.allclose(read.flow, scene.flow, rtol=5e-4, atol=1e-7)
        for name in ("exposures", "motion", "well_exposed", "recoverable", "camera"):
            assert torch.equal(getattr(read, name), getattr(scene, name))
        for name in ("name", "reference", "response", "notes", "curve"):
            assert getattr(read, name) == getattr(scene, name)
        assert torch.equal(read.details["cam2rgb"], torch.eye(3))
        assert read.details["seed"] == scene.details["seed"]


def test_eight_bit_codes_survive_shards_exactly(tmp_path):
    """65535 is 257 times 255, so that codes of 8 bits are codes of 16."""
    codes = torch.arange(256.0).div(255).view(1, 1, 16, 16).expand(2, 3, 16, 16)
    scene = Scene("grey", codes.contiguous(), torch.tensor([1.0, 4.0]), 1)

    write_shards([scene], tmp_path / "out")

    assert torch.equal(open_scenes(tmp_path / "out")[0].frames, codes)


def test_bright_truths_are_stored_as_single_floats(tmp_path):
    """A half ends at 65504; a scene with the sun in it keeps its sun. Floats can be asked for."""
    scene = make_scene()
    bright = replace(scene, truth=scene.truth * 1e6)

    write_shards([bright], tmp_path / "bright")
    write_shards([scene], tmp_path / "exact", truth="float")

    assert torch.equal(open_scenes(tmp_path / "bright")[0].truth, bright.truth)
    assert torch.equal(open_scenes(tmp_path / "exact")[0].truth, scene.truth)


@pytest.mark.parametrize("scale", [1, 4])
def test_a_window_of_a_shard_is_that_of_the_scene(tmp_path, scale):
    """Frames, masks and truth are cut alike, the truth on its own, perhaps finer, grid."""
    truth = torch.rand(3, 16 * scale, 24 * scale)
    scene = replace(make_scene(), truth=truth)
    write_shards([scene], tmp_path / "out", truth="float")

    entry = open_scenes(tmp_path / "out").entries[0]
    cut = read_window(entry, (slice(3, 11), slice(5, 17)))

    assert torch.allclose(cut.frames, scene.frames[..., 3:11, 5:17], atol=8e-6)
    assert torch.equal(cut.motion, scene.motion[:, 3:11, 5:17])
    assert torch.equal(cut.recoverable, scene.recoverable[3:11, 5:17])
    assert torch.equal(cut.truth, truth[:, 3 * scale : 11 * scale, 5 * scale : 17 * scale])


def test_raw_scenes_fit_shards(tmp_path):
    """Packed mosaics have four channels."""
    scene = Scene("raw", torch.rand(5, 4, 8, 8), 4.0 ** torch.arange(5), 0, "linear")

    write_shards([scene], tmp_path / "out")
    read = open_scenes(tmp_path / "out")[0]

    assert torch.allclose(read.frames, scene.frames, atol=8e-6)
    assert (read.truth, read.reference) == (None, 0)


def test_damaged_and_lost_shards_are_named(tmp_path):
    """A cut shard is an error of one line, a lost one is listed as missing."""
    folder = tmp_path / "out"
    write_shards([make_scene(k) for k in range(3)], folder, per_shard=1)
    path = folder / "00001.scenes.safetensors"
    path.write_bytes(path.read_bytes()[:200])
    (folder / "00002.scenes.safetensors").unlink()

    found = open_scenes(folder)

    assert found.names == ("scene 0", "00001.scenes.safetensors")
    assert found.incomplete[0].missing == ("00002.scenes.safetensors",)
    with pytest.raises(ReadError, match="00001.scenes.safetensors is damaged or cut short"):
        found[1]


def test_weights_are_no_scenes(tmp_path):
    """A safetensors file that holds something else is not taken for scenes."""
    (tmp_path / "a.safetensors").write_bytes(b"")

    with pytest.raises(ReadError, match="holds no scenes"):
        detect(tmp_path)


def test_shards_are_open_to_other_programs(tmp_path):
    """A shard is a plain safetensors file whose header says what is in it."""
    write_shards([make_scene()], tmp_path / "out")

    with safe_open(tmp_path / "out/00000.scenes.safetensors", "numpy") as file:
        header = json.loads(file.metadata()["deghost"])["scenes"]["0000"]
        frames = file.get_tensor("0000.frames")

    assert header["name"] == "scene 0"
    assert (frames.dtype, frames.shape) == (np.uint16, (3, 3, 16, 24))
