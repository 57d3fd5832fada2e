"""The tiny run that the tests of training share."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import cv2
import numpy as np
import pytest

from deghost.data.views import make_panorama


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


def place(name, seed):
    """A panorama of soft stains."""
    stains = np.random.default_rng(seed).normal(size=(16, 32, 3)).astype(np.float32)
    pixels = np.exp2(cv2.resize(stains, (512, 256), interpolation=cv2.INTER_CUBIC))
    return make_panorama(name, pixels.astype(np.float16))


@pytest.fixture(scope="session")
def panoramas():
    return tuple(place(f"place_{seed}", seed) for seed in range(2))
