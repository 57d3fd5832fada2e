"""Detection of layouts, and what happens to folders that are wrong, partial or corrupt."""

import re

import jaxtyping
import numpy as np
import pytest

from deghost.data.layouts import LAYOUTS, detect, layout_named, open_scenes
from deghost.errors import ReadError


def said(call, *arguments):
    """The one line of the ReadError that a call ends in."""
    with pytest.raises(ReadError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_detection_says_what_else_a_folder_could_be(disk):
    """Tel's scenes have all that Kalantari's have; the more particular layout is taken."""
    for k in (1, 2, 3):
        disk.tiff(f"Training/scene_0001_1/input_{k}.tif")
    disk.text("Training/scene_0001_1/exposure.txt", "0\n2\n4\n")
    disk.hdr("Training/scene_0001_1/HDRImg.hdr")

    found = detect(disk.root)

    assert (found.layout.name, found.others) == ("tel23", ("kalantari17",))


def test_the_layout_of_most_scenes_is_taken(disk):
    """One stray folder of another layout does not decide."""
    disk.kalantari("Training/001")
    disk.kalantari("Training/002")
    for k in range(9):
        disk.tiff(f"stray/{k}.tiff")
    disk.text("stray/exposure.txt", "1\n" * 9)

    found = detect(disk.root)

    assert (found.layout.name, found.others) == ("kalantari17", ("tursun16",))


def test_a_folder_of_nothing_known_is_told_so(disk):
    """Holiday pictures are no data set."""
    disk.png("holidays/1.png", disk.codes(np.uint8))

    message = said(open_scenes, disk.root)

    assert message.startswith(f"{disk.root.name} holds no scenes of a known layout (2 folders")


def test_parts_that_there_are_not_are_told(disk, monkeypatch):
    """A typing error must not give an empty set."""
    for k in (1, 2, 3):
        disk.tiff(f"Training/001/frame_{k}.tif")
    disk.text("Training/001/exposure.txt", "0\n2\n4\n")
    disk.hdr("Training/001/HDRImg.hdr")
    found = open_scenes(str(disk.root))
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as for users

    assert len(found.select("train")) == 1
    with pytest.raises(KeyError, match="no part named 'trian'; there are: train, validation"):
        found.select("trian")


def test_absent_folders_and_files_are_told(disk):
    """A path that is not there or is no folder is named with the remedy."""
    disk.text("file", "")

    assert said(open_scenes, disk.root / "absent").startswith("absent does not exist")
    assert said(open_scenes, disk.root / "file").startswith("file is a file; give the folder")


def test_another_layout_than_the_folder_has_is_told(disk):
    """Who names a layout learns what its scenes consist of."""
    disk.kalantari("Training/001")

    assert "has no scene of the layout ntire, which has NNNN_short.png" in said(
        open_scenes, disk.root, "ntire"
    )


def test_unknown_layouts_are_told_with_the_known_ones():
    """A misspelt name is answered with the names there are."""
    with pytest.raises(KeyError, match=r"no layout named 'kalantari'; there are: .*kalantari17"):
        layout_named("kalantari")


def test_incomplete_scenes_are_left_out_and_listed(disk):
    """The complete scenes of a partial copy can be used; of the others the absent file is known."""
    disk.kalantari("Training/001")
    disk.kalantari("Training/002")
    (disk.root / "Training/002/exposure.txt").unlink()

    found = open_scenes(disk.root)

    assert found.names == ("Training/001",)
    assert [(entry.name, entry.missing) for entry in found.incomplete] == [
        ("Training/002", ("exposure.txt",))
    ]


def test_a_set_without_complete_scene_names_the_missing_file(disk):
    """Where nothing can be read, the error says which file is missing where."""
    disk.kalantari("Training/001")
    (disk.root / "Training/001/exposure.txt").unlink()

    assert said(open_scenes, disk.root).startswith("Training/001: exposure.txt is missing")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("exposure.txt", b"0\r\n2\r\n", r"001: exposure.txt has 2 numbers; give one for each of 3"),
        ("exposure.txt", b"0\r\ntwo\r\n4\r\n", r"001: exposure.txt is damaged \(.*'two'\)"),
        ("exposure.txt", b"0\n2\nnan\n", r"001: exposure.txt has 3 numbers"),
        ("exposure.txt", b"\xff\xfe\x80", r"001: exposure.txt is damaged"),
        (
            "HDRImg.hdr",
            b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 6 +X 10\n123",
            r"001: HDRImg.hdr",
        ),
        ("262A0899.tif", b"II*\0" + bytes(40), r"001: 262A0899.tif"),
        ("262A0899.tif", b"", r"001: 262A0899.tif is empty"),
    ],
)
def test_corrupt_files_are_named_with_their_scene(disk, name, content, message):
    """One line with the scene, the file and the reason."""
    disk.kalantari("001")
    (disk.root / "001" / name).write_bytes(content)

    assert re.match(message, said(lambda: open_scenes(disk.root)[0]))


def test_frames_and_truth_are_of_one_size(disk):
    """A frame or truth of another size is named with both sizes."""
    disk.kalantari("001")
    disk.hdr("001/HDRImg.hdr", size=(5, 10))
    assert "HDRImg.hdr is 10x5, but 10x6 goes" in said(lambda: open_scenes(disk.root)[0])

    disk.tiff("001/262A0900.tif", disk.codes(size=(6, 9)))
    assert "262A0900.tif is 9x6, but 262A0898.tif is 10x6" in said(
        lambda: open_scenes(disk.root)[0]
    )


def test_scenes_are_read_one_at_a_time(disk):
    """A damaged scene hinders neither opening the set nor reading another scene."""
    disk.kalantari("001")
    disk.kalantari("002")
    (disk.root / "001/HDRImg.hdr").write_bytes(b"damaged")

    found = open_scenes(disk.root)

    assert found[1].name == "002"
    assert len(found) == 2


def test_hidden_files_are_no_frames(disk):
    """What file browsers leave behind is not taken for a frame or a scene."""
    disk.kalantari("001")
    disk.text("001/._262A0898.tif", "left by a file browser")
    disk.text(".cache/exposure.txt", "")

    assert len(open_scenes(disk.root)[0].frames) == 3


def test_an_absent_scene_is_told_with_those_there_are(disk):
    """A scene can be asked for by name; a wrong name is answered with right ones."""
    disk.kalantari("001")

    with pytest.raises(KeyError, match="no scene named '007'; there are: 001"):
        open_scenes(disk.root).scene("007")


def test_layouts_are_named_as_in_the_registry():
    """The name of a layout is its key, and every one says what it wants."""
    assert all(name == layout.name and layout.wanted for name, layout in LAYOUTS.items())
