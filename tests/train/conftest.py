"""The tiny run that the tests of training share."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest


def load(path):
    """Import a file that is no module of a package, once."""
    name = path.stem
    if name not in sys.modules:
        spec = spec_from_file_location(name, path)
        module = module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def tiny():
    return load(Path(__file__).with_name("tiny_run.py"))
