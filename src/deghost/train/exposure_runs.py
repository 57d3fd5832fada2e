"""Runs of the exposure tables: the frames they take, what they cost, the weights they leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from deghost.data.layouts import open_scenes
from deghost.data.panoramas import read_panoramas
from deghost.data.views import fits
from deghost.errors import SettingsError
from deghost.layers.weights import SUFFIX, Card, save_weights
from deghost.train.exposure_data import FramePool, pool_of_scenes, simulated_pool
from deghost.train.exposure_tables import MEASURES, Trained


HELD_BACK = 6  # one scene is validated on for so many trained on


@dataclass(frozen=True)
class PoolSource:
    """Where frames come from: panoramas to simulate from, or the folder of a data set."""

    panoramas: Path | None
    held: Path | None  # panoramas to validate on, else other views of the same
    data: Path | None
    size: int  # height and width of frames
    scenes: int  # to train on


def make_pools(source: PoolSource) -> tuple[FramePool, FramePool]:
    """Simulate or read the frames to train and to validate on. Raises SettingsError, ReadError."""
    if source.data is not None and source.panoramas is None:
        found = open_scenes(source.data)
        train, validation = (found.select(part) for part in ("train", "validation"))
        if not len(train) or not len(validation):
            raise SettingsError(
                f"{source.data.name} lacks scenes of training or validation; give the whole set"
            )
        return (
            pool_of_scenes(islice(train, source.scenes), source.size),
            pool_of_scenes(islice(validation, source.scenes), source.size),
        )
    if source.panoramas is None or source.data is not None:
        raise SettingsError("give --from PANORAMAS or --data FOLDER, one of the two")
    places = read_panoramas(source.panoramas)
    others = read_panoramas(source.held) if source.held else places
    for panorama in (*places, *others):
        if not fits((source.size, source.size), panorama.pixels.shape[:2]):
            raise SettingsError(
                f"{panorama.name} is too small for views of {source.size} x {source.size}; "
                "take larger panoramas or a smaller --size"
            )
    count = max(1, source.scenes // HELD_BACK)
    return (
        simulated_pool(places, source.size, seed=1, count=source.scenes),
        simulated_pool(others, source.size, seed=2, count=count),
    )


def budget_of(results: Sequence[Trained], pools: tuple[FramePool, FramePool]) -> str:
    """Tell what was spent, beside what the paper spent."""
    settings = results[0].training.settings
    train, validation = (len(pool.dark) for pool in pools)
    size = pools[0].dark.shape[-1]
    minutes = sum(result.seconds for result in results) / 60
    return (
        f"Budget: {len(results)} networks, {settings.steps} steps of {settings.batch} frames of "
        f"{size} x {size}, {train} scenes to train and {validation} to validate on, "
        f"{minutes:.1f} minutes in all. The paper: 2031 steps of 32 frames of 512 x 512, about "
        "1300 and 200 scenes, 200 minutes a network on four A100."
    )


def save_unets(results: Sequence[Trained], budget: str, folder: Path) -> list[Path]:
    """Write the weights of every network with its scores."""
    return [_save(result, budget, folder) for result in results]


def _save(result: Trained, budget: str, folder: Path) -> Path:
    training = result.training
    card = Card(
        training_data="extreme frames of scenes; see `training`",
        licence="CC0-1.0",
        training=f"{training.name}. {budget}",
        metrics={
            f"{name}, validation": round(score, 4)
            for name, score in zip(MEASURES, result.scores, strict=True)
        },
        notes=f"The truth is the {training.rule} rule of the paper, not a physical one.",
    )
    path = folder / f"{training.name}{SUFFIX}"
    save_weights(path, "exposure-unet", result.network.config, result.network.state_dict(), card)
    return path
