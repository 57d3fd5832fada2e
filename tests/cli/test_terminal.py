import json
import time

import pytest

from deghost.cli import terminal


@pytest.fixture
def impatient(monkeypatch):
    """A terminal on standard error, and a user who waits a hundredth of a second."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(terminal, "PATIENCE", 0.01)


def test_long_work_shows_a_bar_with_the_time_left(impatient, capsys):
    """On standard error: first what is done, then how much of it."""
    with terminal.progress_bar("reading", visible=True) as progress:
        time.sleep(0.2)
        for share in (0.1, 0.5, 0.9):
            progress(share)
            time.sleep(0.15)
    printed = capsys.readouterr()

    assert printed.out == ""
    assert "reading" in printed.err
    assert "merging" in printed.err
    assert "0:00:0" in printed.err


def test_quick_work_shows_nothing(monkeypatch, capsys):
    """A bar that would flash for a moment is not drawn at all."""
    monkeypatch.setenv("FORCE_COLOR", "1")

    with terminal.progress_bar("reading", visible=True) as progress:
        progress(1.0)

    assert capsys.readouterr() == ("", "")


def test_files_get_no_bar(monkeypatch, capsys):
    """Where standard error is no terminal nothing is drawn, however long it takes."""
    monkeypatch.setattr(terminal, "PATIENCE", 0.0)

    with terminal.progress_bar("reading", visible=True) as progress:
        time.sleep(0.1)
        progress(0.5)

    assert capsys.readouterr() == ("", "")


def test_a_bar_does_not_get_into_json(impatient, folder, run):
    """--json draws none, and standard output is JSON alone."""
    result = run("merge a.jpg b.jpg c.jpg -o out.exr --json")

    assert json.loads(result.out)["reference"] == 1
    assert result.err == ""


def test_text_is_printed_as_it_is(capsys):
    """Brackets, colons and long lines in file names are no markup, and are not broken."""
    terminal.say("[bold]:smile: " + "x" * 300)

    assert capsys.readouterr().out == "[bold]:smile: " + "x" * 300 + "\n"


def test_the_bar_goes_when_work_fails(impatient, capsys):
    """An error is printed on a clean line."""
    with pytest.raises(ValueError, match="no"), terminal.progress_bar("reading", visible=True):
        time.sleep(0.1)
        raise ValueError("no")

    assert capsys.readouterr().err.endswith(("\r", "\x1b[2K", "\x1b[?25h"))
