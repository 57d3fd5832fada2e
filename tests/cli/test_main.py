import os
import signal
import subprocess
import sys

import pytest

from deghost.merge import merged as merging


OPTIONS = """
--output -o --exposures --ev --fit-exposures --reference --response --scale --method --deghost
--align --no-crop --exr-type --masks --plan --preview --save-response --force --quiet --json
"""
SLOW_WRITE = """
import sys, time
from deghost.io import atomic
from deghost.cli.main import main
def wait(path):
    print("ready", flush=True)
    time.sleep(60)
atomic._flush_to_disk = wait
main(sys.argv[1:])
"""


def contents(folder):
    return sorted(path.name for path in folder.rglob("*"))


def start(folder, line, program=SLOW_WRITE):
    return subprocess.Popen(
        [sys.executable, "-c", program, *line.split()],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_help_is_quick_and_names_every_command():
    """Help loads neither PyTorch nor OpenCV nor NumPy, so that it is there at once."""
    program = (
        "import sys\nfrom deghost.cli.main import main\nmain(['--help'])\n"
        "heavy = {'torch', 'cv2', 'numpy', 'jaxtyping', 'rawpy', 'OpenEXR', 'PIL'}\n"
        "sys.exit(f'loaded: {heavy & set(sys.modules)}' if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    for command in ("merge", "inspect", "render", "convert"):
        assert command in done.stdout


@pytest.mark.parametrize("command", ["merge", "inspect", "render", "convert"])
def test_every_command_explains_itself(run, command):
    """The help of a command says what it does and how it is called."""
    result = run(f"{command} --help")

    assert result.code == 0
    assert f"Usage: deghost {command}" in result.out


def test_merge_has_the_options_that_scripts_rely_on(run):
    """The names of the options are fixed."""
    shown = run("merge --help").out

    for option in OPTIONS.split():
        assert f"{option} " in shown, option


def test_the_version_is_printed(run):
    """Name and version, as packages have them."""
    assert run("--version").out.startswith("deghost ")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("frobnicate", 'Unknown command "frobnicate". There are merge, segment, inspect, render'),
        ("plan", "train, exposure-tables, export, models; see deghost --help"),
        ("merge a.jpg b.jpg", "--output is missing; see deghost merge --help"),
        ("merge a.jpg b.jpg -o", "-o needs a value; see deghost merge --help"),
        ("merge a.jpg b.jpg --ouput x.exr", "Did you mean --output? see"),
        ("merge a.jpg b.jpg -o x.exr --frobnicate", "Unknown option"),
        ("merge a.jpg b.jpg -o x.exr --forse", "Did you mean --force? see deghost merge --help"),
        ("merge a.jpg b.jpg -o x.exr -o y.exr", "multiple times"),
        ("convert -o x.exr", "PICTURE is missing; see deghost convert --help"),
        ("render -o x.exr", "PLAN is missing; see deghost render --help"),
    ],
)
def test_a_wrong_command_line_names_its_fault(refused, line, words):
    """What is missing or unknown is told in one line, with the help to look at."""
    assert words in refused(line)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ZeroDivisionError("by zero\nin two lines"), 1, "a fault of the program, ZeroDivision"),
        (MemoryError(), 2, "the memory is full"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 2, "the memory is full"),
        (OSError(28, "No space left on device", "x"), 2, "x: No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted; no partial files are left"),
    ],
)
def test_whatever_happens_is_one_line(folder, refused, monkeypatch, error, code, words):
    """Faults of the program, of memory and of disks end without a traceback."""

    def fail(*_):
        raise error

    monkeypatch.setattr(merging, "open_bracket", fail)
    before = contents(folder)

    assert words in refused("merge a.jpg b.jpg c.jpg -o out.exr", code)
    assert contents(folder) == before


def test_the_traceback_is_there_for_those_who_ask(folder, run, monkeypatch):
    """With DEGHOST_DEBUG set, the line comes after the traceback."""
    monkeypatch.setenv("DEGHOST_DEBUG", "1")

    result = run("merge a.jpg missing.jpg -o out.exr")

    assert result.code == 2
    assert "Traceback" in result.err
    assert result.err.splitlines()[-1] == "deghost: missing.jpg does not exist; check the path"


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_leaves_nothing_behind(folder, number, code):
    """Ctrl-C, or a request to end, in the middle of writing removes what was begun."""
    before = contents(folder)
    process = start(folder, "merge a.jpg b.jpg c.jpg -o out.exr --masks new/masks --plan p.json")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert len(contents(folder)) > len(before)

    process.send_signal(number)
    out, err = process.communicate(timeout=30)

    assert process.returncode == code
    assert contents(folder) == before
    assert out == ""
    assert err == ("deghost: interrupted; no partial files are left\n" if code == 130 else "")


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_seen_enough_is_no_error(folder, monkeypatch, unbuffered):
    """`deghost inspect ... | true` complains of nothing, whenever its words are sent off."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    program = "import sys; from deghost.cli.main import main; main(sys.argv[1:])"
    process = start(folder, "inspect a.jpg b.jpg c.jpg", program)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    assert process.stderr.read() == ""
    assert process.wait(30) == 141
    process.stderr.close()


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_under_standard_output_is_told(folder):
    """What cannot be printed is one line, not a traceback at exit."""
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "deghost", "inspect", "a.jpg", "b.jpg", "--json"],
            cwd=folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 2
    assert done.stderr.startswith("deghost: the summary cannot be printed: No space left")
    assert done.stderr.count("\n") == 1


def test_file_names_may_hold_anything(folder, run):
    """A name that is no text, or no line, is printed in one line all the same."""
    strange = os.fsdecode(b"b\xff[bold]\n.jpg")
    (folder / "b.jpg").rename(folder / strange)

    good = run(["merge", "a.jpg", strange, "c.jpg", "-o", "out.exr", "--plan", "plan.json"])
    again = run("render plan.json -o again.exr --quiet")
    bad = run(["merge", "a.jpg", strange + "x", "-o", "other.exr"])

    assert (good.code, again.code, bad.code) == (0, 0, 2)
    assert "[bold]" in good.out
    assert bad.err.count("\n") == 1


def test_the_handlers_of_the_caller_come_back(folder, run):
    """Running a command inside another program changes none of its signal handlers."""
    before = signal.getsignal(signal.SIGTERM)

    run("inspect a.jpg b.jpg c.jpg")

    assert signal.getsignal(signal.SIGTERM) is before
