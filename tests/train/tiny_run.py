"""A training run so small that a test can kill it: `python tiny_run.py OUT key=value ...`."""

import json
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from deghost.train.folders import Sources
from deghost.train.losses import cross_entropy
from deghost.train.measures import mask_measures
from deghost.train.processes import joined_processes
from deghost.train.recipe import Recipe
from deghost.train.run import run_recipe
from deghost.train.settings import TrainSettings


@dataclass(frozen=True)
class Pairs:
    pairs: torch.Tensor
    motion: torch.Tensor


@dataclass(frozen=True)
class TinySource:
    """Pictures of one bright square; the mask shows where it is."""

    seed: int
    wait: float = 0.0  # s

    def make(self, index):
        time.sleep(self.wait)
        generator = np.random.default_rng([self.seed, index])
        pair = generator.random((1, 6, 16, 16), np.float32)
        mask = np.zeros((1, 16, 16), np.float32)
        y, x = generator.integers(0, 8, 2)
        mask[0, y : y + 8, x : x + 8] = 1
        pair[0, :3] += mask
        return Pairs(torch.from_numpy(pair), torch.from_numpy(mask))


def loss(network, batch):
    return cross_entropy(network(batch.pairs), batch.motion)


def measure(network, batch):
    return mask_measures(network(batch.pairs), batch.motion)


def mirrored(pairs, generator):
    if generator.random() < 0.5:
        return Pairs(pairs.pairs.flip(-1), pairs.motion.flip(-1))
    return pairs


def unused(scene, generator):
    raise AssertionError("the source is its own")


RECIPE = Recipe(
    name="tiny",
    about="a square",
    network="motion-unet",
    prepare=unused,
    loss=loss,
    measure=measure,
    judge="iou",
    changes={"widths": (4, 8), "dropout": 0.1},
    vary=mirrored,
    settings=TrainSettings(
        steps=30,
        batch=4,
        sights=2,
        pool=3,
        learning_rate=0.03,
        warm_up=3,
        average=0.9,
        log_every=1,
        save_every=5,
        validate_every=15,
        validation_scenes=8,
    ),
)
SOURCES = Sources(TinySource(1), TinySource(2), 8, "squares")


def run(out, sources=SOURCES, recipe=RECIPE, **changes):
    """Train, and return all reports."""
    chosen = replace(recipe, settings=replace(recipe.settings, **changes))
    with joined_processes("cpu") as process:
        return list(run_recipe(chosen, sources, Path(out), process))


if __name__ == "__main__":
    torch.set_num_threads(1)
    wait = float(os.environ.get("WAIT", "0"))
    slow = replace(SOURCES, training=TinySource(1, wait))
    recipe = replace(
        RECIPE, changes=json.loads(os.environ.get("CHANGES", "null")) or RECIPE.changes
    )
    run(sys.argv[1], slow, recipe)
