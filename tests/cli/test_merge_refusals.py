import os

import numpy as np
import pytest


THREE = "merge a.jpg b.jpg c.jpg"


def contents(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_nothing_is_overwritten_without_force(folder, run, refused):
    """Any output that exists stops the merge; --force replaces it."""
    for output in (
        "-o out.exr",
        "-o x.exr --plan out.json",
        "-o x.exr --preview out.png",
        "-o x.exr --save-response out.json",
        "-o x.exr --masks masks",
    ):
        (folder / "masks").mkdir(exist_ok=True)
        for name in ("out.exr", "out.json", "out.png", "masks/0_a_moved.png"):
            (folder / name).write_bytes(b"old")

        assert "exists already; pass --force to replace it" in refused(f"{THREE} {output}")
        assert not (folder / "x.exr").exists()

        assert run(f"{THREE} {output} --force --quiet").code == 0
        (folder / "x.exr").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ("-o a.jpg", "a.jpg is one of the files to read"),
        ("-o out.exr --preview c.jpg", "c.jpg is one of the files to read"),
        ("-o out.exr --plan p.json --save-response ./p.json", "p.json is named for two outputs"),
        ("-o out.exr --response r.json --save-response r.json", "is one of the files to read"),
        ("-o out.xyz", "out.xyz ends in .xyz; give one of .exr, .hdr, .tif, .tiff, .jpg, .jpeg"),
        ("-o out", "out has no ending; give one of .exr"),
        ("-o out.exr --preview out.gif", "out.gif ends in .gif; give one of .jpg, .jpeg, .png"),
        ("-o nowhere/out.exr", "the folder nowhere does not exist; create it"),
        ("-o .", "is a folder; give the name of a file"),
        ("-o a.jpg/out.exr", "a.jpg is a file; choose a folder"),
        ("-o out.exr --masks a.jpg", "a.jpg is not a folder; name one for the masks"),
        ("-o out.exr --masks a.jpg/deep", "a.jpg is not a folder"),
    ],
)
def test_outputs_that_cannot_be_are_refused_first(folder, refused, outputs, words):
    """Before any frame is read, and whatever --force says."""
    (folder / "r.json").write_text("{}")
    before = contents(folder)

    assert words in refused(f"{THREE} {outputs} --force")
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--exposures 1/250 1/60", "--exposures has 2 values for 3 frames"),
        ("--exposures 1/250 1/60 soon", "--exposures soon is not a time; write seconds such as"),
        ("--exposures 1/250 1/60 1/0", "--exposures 1/0 is not a time"),
        ("--exposures 1/250 1/60 -1", "--exposures must be positive"),
        ("--exposures 1/250 1/60 nan", "--exposures must be positive"),
        ("--ev -2 0", "--ev has 2 values for 3 frames"),
        ("--ev -2 0 x", 'unable to convert "x" into float'),
        ("--ev -2 0 inf", "--ev must be stops"),
        ("--ev 0 0 0", "all frames have the same exposure"),
        ("--ev -2 0 2 --fit-exposures", "exclude each other"),
        ("--deghost lots", "--deghost lots is not known; use off, low, medium, high or a number"),
        ("--deghost 1.5", "--deghost 1.5 is not known"),
        ("--deghost nan", "--deghost nan is not known"),
        ("--reference 7", "--reference 7 is not a frame; there are 0 (darkest) to 2"),
        ("--reference -1", "--reference -1 is not a frame"),
        ("--reference best", 'unable to convert "best" into int'),
        ("--response magic", "there is no response 'magic'; give auto, srgb"),
        ("--response gamma9", "there is no response 'gamma9'"),
        ("--response nothing.json", "nothing.json does not exist; check the path"),
        ("--response a.jpg", "a.jpg is not a camera response"),
        ("--scale big", "Choose from:"),
        ("--method magic", "Choose from:"),
        ("--align magic", "Choose from:"),
        ("--exr-type double", "Choose from:"),
        ("--method mertens --scale absolute", "method mertens gives no radiance"),
        ("--ev -2 0 2 --scale absolute", "needs the reference's time, ISO and aperture"),
    ],
)
def test_wrong_values_name_the_option(folder, refused, options, words):
    """One line says which option, what was given and what can be."""
    before = contents(folder)

    assert words in refused(f"{THREE} -o out.exr {options}")
    assert contents(folder) == before


def test_frames_swallowed_by_an_option_are_explained(folder, refused):
    """Whoever writes the frames after --exposures is told to write them first."""
    message = refused("merge --exposures 1/250 1/60 1/15 a.jpg b.jpg c.jpg -o out.exr")

    assert "--exposures a.jpg is not a time" in message
    assert "name the frames before --exposures" in message


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_protected_folder_is_refused_first(folder, refused):
    """Before any work is done."""
    (folder / "locked").mkdir(mode=0o500)

    assert "no permission to write in locked" in refused(f"{THREE} -o locked/out.exr")


def test_a_protected_folder_is_noticed_before_the_work(folder, refused, monkeypatch):
    """The system is asked whether it would let us write."""
    monkeypatch.setattr(os, "access", lambda *_: False)

    assert "out.exr cannot be written: no permission" in refused(f"{THREE} -o out.exr")


@pytest.mark.parametrize("late", [".json", ".png", "moved.png"])
def test_a_disk_that_fills_up_takes_everything_back(folder, refused, monkeypatch, late):
    """If one of the files does not fit, none is left, nor are folders made for them."""
    from deghost.io import atomic

    flush = atomic._flush_to_disk
    written = []

    def fill_up(path):
        written.append(path.suffix)
        if len(written) == {".json": 3, ".png": 2, "moved.png": 5}[late]:
            raise OSError(28, "No space left on device", str(path))
        flush(path)

    monkeypatch.setattr(atomic, "_flush_to_disk", fill_up)
    before = contents(folder)

    message = refused(f"{THREE} -o out.exr --preview out.png --plan out.json --masks deep/masks")

    assert "does not fit on the disk" in message
    assert late in message
    assert contents(folder) == before


@pytest.mark.parametrize("output", ["-o out.jpg", "-o out.exr --preview out.jpg"])
def test_a_picture_too_long_for_jpeg_is_refused(put, refused, tmp_path, output):
    """The limit is told, and no other output is left, either."""
    for name, exposure in (("a.png", 0.25), ("b.png", 1)):
        put(name, exposure, change=lambda codes: np.tile(codes[40:44], (1, 550, 1)))

    assert "a JPEG has at most 65500 pixels a side" in refused(f"merge a.png b.png {output}")
    assert contents(tmp_path) == ["a.png", "b.png"]
