import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from deghost.data.panoramas import read_panoramas
from deghost.data.scene_settings import SceneSettings
from deghost.data.synthetic import make_scene
from deghost.data.writers import write_kalantari17
from deghost.io.radiance import read_radiance


THREE = "a.jpg b.jpg c.jpg"
PANORAMA = Path(__file__).parents[2] / "benchmarks" / "data" / "ulmer_muenster.exr"


@pytest.fixture
def moving(put, tmp_path):
    """Three frames in the working folder, in each of which a square is elsewhere."""

    def with_square(left):
        def change(codes):
            codes = codes.copy()
            codes[50:80, left : left + 24] = (200, 20, 20)
            return codes

        return change

    for name, exposure, left in zip("abc", (0.25, 1, 4), (20, 50, 80), strict=True):
        put(f"{name}.jpg", exposure, change=with_square(left))
    return tmp_path


def test_masks_and_pictures_are_written_for_every_frame(folder, run):
    """One mask and one overlay a frame, named for it, with the share it covers."""
    result = run(f"segment {THREE} --what exposure -o masks")

    assert result.code == 0, result.err
    names = sorted(path.name for path in (folder / "masks").iterdir())
    stems = ["0_a_exposed", "1_b_exposed", "2_c_exposed"]
    assert names == sorted(f"{s}{e}" for s in stems for e in (".png", "_overlay.jpg"))
    assert result.out.splitlines()[0].split() == ["frame", "coverage"]
    assert "wrote masks/0_a_exposed.png" in result.out
    assert cv2.imread("masks/0_a_exposed.png", cv2.IMREAD_UNCHANGED).shape == (96, 128)


def test_the_masks_are_those_of_the_merge(moving, run):
    """`deghost merge --masks` writes the very same files with the same options."""
    options = "--exposures 1/256 1/64 1/16 --align none --deghost high"
    assert run(f"merge {THREE} -o out.exr --masks merged {options} --quiet").code == 0
    for what in ("exposure", "motion"):
        assert run(f"segment {THREE} --what {what} -o found {options} --no-overlays -q").code == 0

    files = sorted(path.name for path in (moving / "merged").iterdir())
    assert files == sorted(path.name for path in (moving / "found").iterdir())
    for name in files:
        assert (moving / "merged" / name).read_bytes() == (moving / "found" / name).read_bytes()


@pytest.mark.parametrize("method", ["manual", "otsu", "exposure-unet", "learned"])
def test_every_method_finds_exposure(method, folder, run):
    """The bright frame is left out where it clips, whoever looks."""
    result = run(f"segment {THREE} --what exposure --method {method} -o masks --json")

    told = json.loads(result.out)
    assert told["method"] == method
    assert [mask["frame"] for mask in told["masks"]] == [0, 1, 2]
    mask = cv2.imread("masks/2_c_exposed.png", cv2.IMREAD_UNCHANGED)
    clipped = cv2.imread("c.jpg").min(axis=2) == 255
    assert mask[clipped].mean() < 40


@pytest.mark.parametrize(
    ("method", "found"), [("classical", 0.6), ("motion-unet", 0.5), ("learned", 0.6)]
)
def test_agreement_with_true_masks_is_told(method, found, moving, run):
    """Dice, IoU, sensitivity and specificity, from masks of the simulator's names."""
    truth = moving / "truth"
    truth.mkdir()
    for number, left in ((1, 20), (3, 80)):
        mask = np.zeros((96, 128), np.uint8)
        mask[50:80, left : left + 24] = mask[50:80, 50:74] = 1
        cv2.imwrite(str(truth / f"motion_{number}.png"), mask)

    line = f"segment {THREE} --what motion --method {method} --align none --truth truth -o m"
    result = run(f"{line} --json")

    assert json.loads(result.out)["method"] == method
    for mask in json.loads(result.out)["masks"]:
        assert mask["jaccard"] > 0.4
        assert mask["dice"] > mask["jaccard"]
        assert mask["sensitivity"] > found
        assert mask["specificity"] > 0.8
    table = run(f"{line} --force").out
    assert table.splitlines()[0].split() == ["frame", "coverage", "Dice", "IoU", "sens.", "spec."]


def test_a_truth_against_another_reference_is_told(folder, refused):
    """The frame that has no true mask must be the reference."""
    for number in (2, 3):
        cv2.imwrite(f"motion_{number}.png", np.zeros((96, 128), np.uint8))

    words = refused(f"segment {THREE} --what motion --reference 1 --truth . -o masks")

    assert "so that is what its masks are against; pass --reference 0" in words


def test_own_masks_as_truth_agree_wholly(folder, run):
    """Masks of an earlier run are found as truth by their names, in EXR as well."""
    assert run(f"segment {THREE} --what exposure -o old --format exr -q").code == 0

    result = run(f"segment {THREE} --what exposure -o new --truth old --json")

    assert all(mask["jaccard"] > 0.999 for mask in json.loads(result.out)["masks"])


def test_own_masks_agree_wholly_under_the_simulators_names(folder, run):
    """A mask compared with itself has IoU 1, whichever way it is named."""
    assert run(f"segment {THREE} --what exposure -o old -q").code == 0
    (folder / "truth").mkdir()
    for number, path in enumerate(sorted((folder / "old").glob("*.png")), start=1):
        path.rename(folder / f"truth/well_exposed_{number}.png")

    result = run(f"segment {THREE} --what exposure -o new --truth truth --json")

    assert [mask["jaccard"] for mask in json.loads(result.out)["masks"]] == [1, 1, 1]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """The folder of a simulated hand-held scene."""
    places = tmp_path_factory.mktemp("places")
    shutil.copy(PANORAMA, places)
    settings = SceneSettings(size=(192, 256), hold=("hand",), counts=(3,))
    scene = make_scene(read_panoramas(places), settings, 3, 2)
    assert (scene.camera[[0, 2], :2, 2].norm(dim=1) > 1.5).all()  # pixels
    folder = tmp_path_factory.mktemp("scenes") / "set"
    write_kalantari17([scene], folder)
    return folder / "Training" / "001"


def segment_simulated(home, reference):
    """The line that segments a simulated scene by what is well exposed, and compares."""
    frames = [home / f"frame_{k}.tif" for k in (1, 2, 3)]
    stops = (home / "exposure.txt").read_text().split()
    line = ["segment", *frames, "--ev", *stops, "--response", "gamma2.2", "--reference", reference]
    line += ["--what", "exposure", "--method", "learned", "-o", "masks", "--truth", home, "--json"]
    return [str(word) for word in line]


def test_learned_masks_agree_with_a_simulated_truth(simulated, tmp_path, monkeypatch, run):
    """Nearly wholly, though the camera was held by hand and the masks are cropped."""
    monkeypatch.chdir(tmp_path)

    result = run(segment_simulated(simulated, 1))

    masks = json.loads(result.out)["masks"]
    whole = cv2.imread(str(simulated / "well_exposed_3.png"), -1)
    found = cv2.imread("masks/2_frame_3_exposed.png", -1)
    assert 0.02 < (whole > 0).mean() < 0.98
    assert found.size < whole.size
    assert all(mask["jaccard"] > 0.95 for mask in masks), masks


def test_a_truth_of_exposure_knows_its_reference(simulated, refused):
    """Masks of motion beside it tell which grid it is on."""
    words = refused(segment_simulated(simulated, 0))

    assert "in all frames but 1, so that is what its masks are against; pass --reference 1" in words


def test_painted_masks_decide_a_merge(moving, run):
    """Masks of `segment`, painted on, are taken by `merge` and by `render`."""
    options = "--align none --exr-type float"
    segmented = run(f"segment {THREE} --what motion -o masks --align none -q")
    assert segmented.code == 0, segmented.err
    for name in ("0_a_moved.png", "2_c_moved.png"):
        cv2.imwrite(f"masks/{name}", np.full((96, 128), 255, np.uint8))
    assert run(f"merge {THREE} -o one.exr {options} --reference 1 -q").code == 0
    result = run(f"merge {THREE} -o out.exr {options} --import-masks masks --plan plan.json")
    assert result.code == 0, result.err
    assert "- masks of what moved: as in masks" in result.out
    assert run("render plan.json -o again.exr --import-masks masks -q").code == 0

    frame = cv2.imread("b.jpg")[..., ::-1] / 255
    alone = np.where(frame <= 0.04045, frame / 12.92, ((frame + 0.055) / 1.055) ** 2.4)
    merged = read_radiance(moving / "out.exr").pixels
    sure = (frame < 0.9).all(axis=2)
    assert np.median(abs(merged[sure] - alone[sure])) < 2e-3  # noise is taken away
    assert (merged == read_radiance(moving / "again.exr").pixels).all()
    assert (merged != read_radiance(moving / "one.exr").pixels).any()


def test_a_learned_exposure_mask_merges(folder, run):
    """The option reaches the merge, and its plan."""
    result = run(f"merge {THREE} -o out.exr --exposure-mask learned --plan plan.json -q")

    assert result.code == 0, result.err
    assert json.loads((folder / "plan.json").read_text())["exposure_mask"] == "learned"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--what motion --method otsu -o masks", "--method otsu finds no motion; give classical"),
        ("--what exposure --method motion-unet -o masks", "motion-unet finds no exposure; give"),
        ("--what exposure -o a.jpg", "a.jpg is not a folder; name one for the masks"),
        ("--what motion -o masks --truth nowhere", "nowhere is no folder; give the one the true"),
        (
            "--what motion -o masks --truth .",
            "has no true masks of these frames, such as 0_a_moved",
        ),
        ("--what weather -o masks", "see deghost segment --help"),
    ],
)
def test_mistakes_are_one_line(line, words, folder, refused):
    """Wrong methods, folders and truths are told before anything is written."""
    assert words in refused(f"segment {THREE} {line}")
    assert not (folder / "masks").exists()


def test_nothing_is_overwritten_without_force(folder, run, refused):
    """A mask that exists, perhaps painted by hand, stays."""
    assert run(f"segment {THREE} --what exposure -o masks -q").code == 0
    painted = (folder / "masks" / "1_b_exposed.png").read_bytes()

    words = refused(f"segment {THREE} --what exposure --method otsu -o masks")

    assert "exists already; pass --force to replace it" in words
    assert (folder / "masks" / "1_b_exposed.png").read_bytes() == painted
    assert run(f"segment {THREE} --what exposure --method otsu -o masks --force -q").code == 0


def test_masks_that_do_not_fit_stop_a_merge(folder, run, refused):
    """A mask of another size, or one that is missing, is named in one line."""
    assert run(f"segment {THREE} --what exposure -o masks -q").code == 0
    cv2.imwrite("masks/1_b_exposed.png", np.zeros((5, 6), np.uint8))
    line = f"merge {THREE} -o out.exr --import-masks masks"

    assert "1_b_exposed.png has 6 x 5 pixels, but masks of this merge have" in refused(line)
    (folder / "masks" / "1_b_exposed.png").unlink()
    assert "1_b_exposed.png is missing from masks, which has others" in refused(line)
    assert "such as 0_a_exposed.png; write them with" in refused(
        line.replace("masks masks", "masks .")
    )
    assert not (folder / "out.exr").exists()
