import time
from threading import Lock

import numpy as np
import pytest
import torch

from deghost.merge.guides import make_guides
from deghost.merge.measured import merge_tile
from deghost.merge.plan import plan_merge
from deghost.merge.reading import Source
from deghost.merge.render import AHEAD, render
from deghost.merge.scenes import bracket_of
from deghost.merge.settings import MergeSettings
from deghost.merge.tile_methods import FEWEST, MOST, TileMethod, tile_workers
from deghost.types import Scene


@pytest.fixture(scope="module")
def prepared():
    """A scene of 96 x 160 pixels, planned."""
    truth = torch.rand(3, 96, 160, generator=torch.Generator().manual_seed(1)) * 0.8 + 0.01
    frames = torch.stack([(truth * exposure).clamp(0, 1) for exposure in (1.0, 3.0)])
    bracket = bracket_of(Scene("pair", frames, torch.tensor([1.0, 3.0]), 0))
    settings = MergeSettings(
        method="weighted", response="linear", align="none", crop=False, pixel_type="float"
    )
    plan = plan_merge(bracket, settings)
    assert plan.prepared is not None
    return Source(bracket, plan, plan.prepared.curves), make_guides(plan, plan.prepared)


def test_any_number_of_workers_makes_the_same_picture(prepared):
    """Windows come in order, whoever computes them."""
    source, guides = prepared

    def pieces(workers):
        method = TileMethod(merge_tile, (16, 48), workers=workers)
        return [(piece.window, piece.pixels) for piece in render(source, guides, method=method)]

    one, many = pieces(1), pieces(6)
    assert [window for window, _ in one] == [window for window, _ in many]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(one, many, strict=True))


def test_workers_wait_for_a_slow_writer(prepared):
    """Finished windows that nobody takes do not pile up in memory."""
    source, guides = prepared
    begun, lock = [], Lock()

    def compute(source, guides, window):
        with lock:
            begun.append(window)
        return merge_tile(source, guides, window)

    tiles = render(source, guides, method=TileMethod(compute, (8, 32), workers=2))
    next(tiles)
    time.sleep(0.2)

    assert len(begun) <= 2 * AHEAD
    assert len(list(tiles)) + 1 == len(begun) == 12 * 5


@pytest.mark.parametrize(("threads", "workers"), [(1, FEWEST), (4, 4), (64, MOST)])
def test_there_are_as_many_workers_as_threads_for_operators(monkeypatch, threads, workers):
    """But at least two, of which one can read, and no more than memory is meant for."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)

    assert tile_workers() == workers
