import numpy as np
import pytest

from deghost.data.layouts import open_scenes


def put(disk, home, naming="input_ghosted_{}", exposures=("ExpoBias.txt", "0\n2\n4\n")):
    frames = [disk.tiff(f"{home}/ghosted/{naming.format(k)}.tif") for k in (1, 2, 3)]
    still = "input_reference_{}" if "input" in naming else "EW4A{}"
    for k in (1, 2, 3):
        disk.tiff(f"{home}/reference/{still.format(k)}.tif")
    disk.text(f"{home}/{exposures[0]}", exposures[1])
    return frames, disk.hdr(f"{home}/GT_HDR.hdr", 2.0)


@pytest.mark.parametrize(
    ("naming", "exposures"),
    [
        ("input_ghosted_{}", ("ExpoBias.txt", "0.0\n2.0\n4.0\n")),
        ("img{}", ("reference/ExposureBias.txt", "0\r\n2\r\n4\r\n")),
        ("img{}", ("ExposureTimes.txt", "0.002\n0.008\n0.032\n")),
    ],
)
def test_both_namings_read_alike(disk, expected, naming, exposures):
    """Codes over 65535, stops or else times, truth as stored, the middle frame the reference."""
    frames, truth = put(disk, "Testing_set/Park", naming, exposures)

    found = open_scenes(disk.root)
    scene = found[0]

    assert (found.layout.name, found.parts) == ("iccp19", ("test",))
    assert np.array_equal(scene.frames.numpy(), expected(frames, 65535))
    assert scene.exposures.tolist() == pytest.approx([1, 4, 16])
    assert np.array_equal(scene.truth.permute(1, 2, 0).numpy(), truth)
    assert len(scene.details["static"]) == 3


def test_scenes_without_truth_are_left_out(disk):
    """Some folders of the set lack GT_HDR.hdr; everyone skips them, and so does this reader."""
    put(disk, "Training_set/Park")
    put(disk, "Training_set/Street")
    (disk.root / "Training_set/Park/GT_HDR.hdr").unlink()

    found = open_scenes(disk.root)

    assert found.names == ("Training_set/Street",)
    assert found.incomplete[0].missing == ("GT_HDR.hdr",)


def test_the_repackaged_set_is_read_and_its_val_is_the_test_set(disk, expected):
    """FSHDR names frames le, me, he, and calls val what the papers test on."""
    for part in ("train/001", "val/001"):
        frames = [disk.tiff(f"{part}/dynamic/{name}e.tif") for name in "lmh"]
        disk.text(f"{part}/input_exp.txt", "0\n2\n4\n")
        truth = disk.hdr(f"{part}/hdr_gt.hdr")

    found = open_scenes(disk.root)

    assert found.layout.name == "fshdr"
    assert found.parts[1] == "test"
    assert np.array_equal(found[1].frames.numpy(), expected(frames, 65535))
    assert np.array_equal(found[1].truth.permute(1, 2, 0).numpy(), truth)
