"""A small bracket in the working folder, and the command line to run in it."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from PIL import Image

from deghost.cli.main import main


FRAMES = ("a.jpg", "b.jpg", "c.jpg")


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


def save(path, codes, time):
    exif = Image.Exif()
    exif[0x0112] = 1
    if time:
        exif.get_ifd(0x8769).update({0x829A: time, 0x829D: 4.0, 0x8827: 100})
    options = {"quality": 97, "subsampling": 0} if path.suffix == ".jpg" else {}
    Image.fromarray(codes).save(path, exif=exif, **options)


@pytest.fixture(scope="session")
def scene():
    """Linear light of a textured scene with a lamp; 1.0 = clipping of the middle frame."""
    rng = np.random.default_rng(5)
    coarse = sum(
        cv2.resize(rng.normal(0, 1, (size, size, 3)), (128, 96), interpolation=cv2.INTER_CUBIC)
        for size in (6, 24)
    )
    light = 0.08 * np.exp2(coarse)
    light[20:34, 90:110] *= 12
    return cv2.GaussianBlur(light, (0, 0), 0.7)


@pytest.fixture
def put(tmp_path, monkeypatch, scene):
    """Put one frame into the working folder: its name, exposure, time (0: none) and what to do."""
    monkeypatch.chdir(tmp_path)

    def photograph(name, exposure=1.0, time=None, change=lambda codes: codes):
        linear = np.clip(scene * exposure, 0, 1)
        curved = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
        codes = np.rint(curved * 255).astype(np.uint8)
        save(tmp_path / name, change(codes), exposure / 64 if time is None else time)
        return name

    return photograph


@pytest.fixture
def folder(put, tmp_path):
    """The working folder with three frames, two stops apart."""
    for name, exposure in zip(FRAMES, (0.25, 1, 4), strict=True):
        put(name, exposure)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run a command line; a line of text is split at its blanks."""

    def execute(line):
        code = 0
        try:
            main(line.split() if isinstance(line, str) else line)
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return execute


@pytest.fixture
def refused(run):
    """Run a command line that must be refused: one line on standard error, nothing printed."""

    def execute(line, code=2):
        result = run(line)

        assert result.code == code, result
        assert result.err.count("\n") == 1, result.err
        assert result.err.startswith("deghost: ")
        assert "Traceback" not in result.err
        assert result.out == ""
        return result.err

    return execute
