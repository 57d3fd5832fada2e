"""The names that programs may rely on, and that they do what the command line does."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import deghost
from deghost import (
    DeghostError,
    ExposureSettings,
    MergeSettings,
    Outputs,
    merge_files,
    read_plan,
    read_radiance,
    render_plan,
    write_outputs,
)
from deghost.cli.main import main


SURFACE = json.loads((Path(__file__).parent / "api_surface.json").read_text())


def test_no_public_name_disappears():
    """A name leaves only with its line in api_surface.json, and comes only with one."""
    assert sorted(deghost.__all__) == SURFACE
    assert set(SURFACE) <= set(dir(deghost))
    for name in SURFACE:
        assert getattr(deghost, name) is not None


def test_what_is_not_public_is_not_there():
    """An unknown name is an ordinary AttributeError."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        deghost.nothing  # noqa: B018


def test_importing_the_package_is_quick():
    """Nothing heavy is loaded before it is used."""
    program = "import sys, deghost; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_three_lines_do_what_the_command_does(shoot, tmp_path):
    """The same frames and settings make the same file."""
    paths = shoot().paths
    line = ["merge", *map(str, paths), "-o", str(tmp_path / "one.exr"), "--quiet"]
    main([*line, "--deghost", "high", "--scale", "max", "--no-crop", "--ev", "-2", "0", "2"])

    settings = MergeSettings(
        deghost=0.75, scale="max", crop=False, exposures=ExposureSettings(ev=(-2, 0, 2))
    )
    merged = merge_files([str(path) for path in paths], settings)
    write_outputs(merged, Outputs(tmp_path / "two.exr", plan=tmp_path / "p.json"))

    one, two = (read_radiance(tmp_path / name).pixels for name in ("one.exr", "two.exr"))
    again = render_plan(*read_plan(tmp_path / "p.json"))
    assert np.array_equal(one, two)
    assert np.array_equal(again.pixels, merged.pixels)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"method": "magic"}, "method is 'magic'; give one of weighted, debevec"),
        ({"scale": "big"}, "scale is 'big'; give one of reference, absolute, max"),
        ({"align": "twist"}, "align is 'twist'"),
        ({"pixel_type": "double"}, "pixel_type is 'double'"),
        ({"deghost": 1.5}, "deghost is 1.5; give a number from 0 to 1"),
        ({"method": "mertens", "scale": "absolute"}, "gives no radiance"),
    ],
)
def test_wrong_settings_are_refused_at_once(wrong, words):
    """The error names the setting and what it may be."""
    with pytest.raises(DeghostError, match=words):
        unchecked(**wrong)


def unchecked(**fields):
    """Make settings as a program does that no type checker looks at."""
    settings = object.__new__(MergeSettings)
    for name, value in {**vars(MergeSettings()), **fields}.items():
        object.__setattr__(settings, name, value)
    settings.__post_init__()
    return settings
