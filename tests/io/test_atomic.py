import errno
import os
import stat
from contextlib import suppress

import pytest

from deghost.errors import WriteError
from deghost.io.atomic import atomic_folder, atomic_path, atomic_write


def test_a_finished_block_leaves_one_file_under_the_wanted_name(tmp_path):
    """The file appears with its content, and no temporary file stays."""
    atomic_write(tmp_path / "out.exr", b"radiance", force=False)

    assert [p.name for p in tmp_path.iterdir()] == ["out.exr"]
    assert (tmp_path / "out.exr").read_bytes() == b"radiance"


def test_the_temporary_file_lies_in_the_same_folder_with_the_same_suffix(tmp_path):
    """A rename within one folder is atomic, and writers choose a format by suffix."""
    with atomic_path(tmp_path / "out.tiff", force=False) as temporary:
        assert temporary.parent == tmp_path.resolve()
        assert temporary.suffix == ".tiff"
        assert not (tmp_path / "out.tiff").exists()


@pytest.mark.parametrize("failure", [None, ValueError, KeyboardInterrupt, WriteError])
@pytest.mark.parametrize("empty", [False, True])
def test_a_folder_appears_whole_or_not_at_all(tmp_path, failure, empty):
    """Also where an empty one was, and with the folders above it."""
    out = tmp_path / "a" / "b"
    if empty:
        out.mkdir(parents=True)

    with suppress(*[failure] if failure else []), atomic_folder(out) as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_text("x")
        if failure:
            raise failure

    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    whole = {"a", "a/b", "a/b/inner", "a/b/inner/file"}
    assert there == (whole if not failure else {"a", "a/b"} if empty else set())


def test_a_new_folder_is_new(tmp_path):
    """Files are left alone."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(WriteError, match="file is a file; give the name"),
        atomic_folder(tmp_path / "file"),
    ):
        pass


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_any_failure_leaves_the_folder_as_it_was(tmp_path, failure):
    """An interrupted write neither harms an older file nor leaves a part of a new one."""
    path = tmp_path / "out.hdr"
    path.write_bytes(b"older")

    with pytest.raises(failure), atomic_path(path, force=True) as temporary:
        temporary.write_bytes(b"half of the ne")
        raise failure

    assert [p.name for p in tmp_path.iterdir()] == ["out.hdr"]
    assert path.read_bytes() == b"older"


def test_an_existing_file_is_replaced_only_with_force(tmp_path):
    """The refusal names the flag that lifts it."""
    path = tmp_path / "out.hdr"
    path.write_bytes(b"older")

    with pytest.raises(WriteError, match=r"out\.hdr exists already; pass --force"):
        atomic_write(path, b"newer", force=False)
    assert path.read_bytes() == b"older"

    atomic_write(path, b"newer", force=True)
    assert path.read_bytes() == b"newer"


def test_a_link_keeps_pointing_to_the_file_that_was_replaced(tmp_path):
    """Writing to a symbolic link changes the file behind it, as ordinary writing does."""
    (tmp_path / "real.hdr").write_bytes(b"older")
    (tmp_path / "link.hdr").symlink_to(tmp_path / "real.hdr")

    atomic_write(tmp_path / "link.hdr", b"newer", force=True)

    assert (tmp_path / "link.hdr").is_symlink()
    assert (tmp_path / "real.hdr").read_bytes() == b"newer"


def test_a_new_file_has_ordinary_permissions(tmp_path):
    """What a plain open() would give under the same umask, not a temporary file's 0600."""
    before = os.umask(0o027)
    try:
        atomic_write(tmp_path / "out.exr", b"", force=False)
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "out.exr").stat().st_mode) == 0o640


def test_a_missing_folder_is_named(tmp_path):
    """The message says which folder is missing and what to do."""
    with pytest.raises(WriteError, match="nowhere does not exist; create it or choose another"):
        atomic_write(tmp_path / "nowhere" / "out.exr", b"", force=False)


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    """A path below a file cannot be written."""
    (tmp_path / "file").touch()

    with pytest.raises(WriteError, match="file is a file; choose a folder"):
        atomic_write(tmp_path / "file" / "out.exr", b"", force=False)


def test_a_folder_cannot_be_overwritten_even_with_force(tmp_path):
    """A target that is a folder asks for a file name."""
    with pytest.raises(WriteError, match="is a folder; give the name of a file"):
        atomic_write(tmp_path, b"", force=True)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, r"does not fit on the disk \(it may need up to 5 MB\); make room"),
        (errno.EACCES, "no permission to write"),
        (errno.EROFS, "no permission to write"),
        (errno.EFBIG, "File too large; choose another folder"),
    ],
)
def test_the_system_s_refusals_become_advice(tmp_path, number, words):
    """A full disk, a protected folder and the like end as one line that names the file."""
    with (
        pytest.raises(WriteError, match=rf"^out\.exr .*{words}") as caught,
        atomic_path(tmp_path / "out.exr", force=False, needed=5_000_000) as temporary,
    ):
        raise OSError(number, os.strerror(number), str(temporary))

    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_the_failure_of_another_file_is_not_blamed_on_this_one(tmp_path):
    """An input that vanished while writing is reported as itself."""
    with (
        pytest.raises(FileNotFoundError, match=r"gone\.jpg"),
        atomic_path(tmp_path / "out.exr", force=False),
    ):
        (tmp_path / "gone.jpg").read_bytes()
