"""A pair of pictures that other languages can make alike, and what a run may have found."""

import math

import pytest
import torch

from deghost.evaluate.protocols import PROTOCOLS
from deghost.evaluate.records import Record
from deghost.evaluate.results import Results


def waves(height, width):
    """Three colours of waves in [0, 1], and the same with ripples of a tenth, which comes first."""
    y = torch.arange(height, dtype=torch.float64)[:, None]
    x = torch.arange(width, dtype=torch.float64)
    colours = range(1, 4)
    truth = torch.stack([0.5 + 0.5 * (x / (2 + c)).sin() * (y / 3).cos() for c in colours])
    ripples = torch.stack([1 + 0.1 * (x * y / 7 + c).sin() for c in colours])
    return truth * ripples, truth


@pytest.fixture
def pair():
    """A test and its truth of 30 x 40 pixels."""
    return waves(30, 40)


@pytest.fixture
def large_pair():
    """A test and its truth of 171 x 193 pixels."""
    return waves(171, 193)


def record(name, method, group, *scores):
    columns = ("psnr-mu", "psnr-mu-recoverable", "lpips-alex")
    return Record(
        name, method, group, dict(zip(columns, scores, strict=True)), (0.5, 4.0), "k", 0.5
    )


@pytest.fixture
def results():
    """Three methods on two scenes of two groups; in one scene nothing is recoverable."""
    records = (
        record("a", "static", "day", 30.0, 32.0, 0.3),
        record("a", "weighted", "day", 40.0, 42.0, 0.1),
        record("a", "oracle", "day", 50.0, 52.0, 0.0),
        record("b", "static", "night", 20.0, math.nan, 0.3),
        record("b", "weighted", "night", 30.0, math.nan, 0.1),
        record("b", "oracle", "night", 40.0, math.nan, 0.0),
    )
    methods = {"static": "without deghosting", "weighted": "", "oracle": "told what moved"}
    return Results("a run", PROTOCOLS["deghost-bench"], methods, records, ())
