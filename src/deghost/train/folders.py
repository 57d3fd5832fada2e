"""From folders that a user names to the scenes of a run; test scenes are never among them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from deghost.data.layouts import open_scenes
from deghost.data.panoramas import pack_panoramas, read_panoramas
from deghost.data.scene_set import SceneSet
from deghost.data.views import Panorama, fits
from deghost.errors import TrainError
from deghost.train.fingerprints import number_of, panoramas_told, scenes_told
from deghost.train.recipe import Recipe
from deghost.train.sources import SimulatedSource, Source, StoredSource


VALIDATION_SEED = 7_000_001  # of simulated scenes: the same for every run
TRAINING, VALIDATION = "training set", "validation set"  # of what a run is told by
HELD_OUT = 10  # of a folder without parts, every tenth scene is for validation


@dataclass(frozen=True)
class Folders:
    """Where scenes come from: panoramas for the simulator, or scenes in a known layout."""

    panoramas: Path | None = None
    scenes: Path | None = None
    layout: str | None = None  # of the scenes; None: detected
    validation: Path | None = None  # panoramas, or scenes, of their own
    workers: int = 0  # processes that make scenes


@dataclass(frozen=True)
class Sources:
    """What a run learns from, and what it is validated on."""

    training: Source
    validation: Source
    validation_scenes: int
    about: str  # one line for the model card
    workers: int = 0
    data: Mapping[str, str] = field(default_factory=dict)  # what must be the same to go on


@contextmanager
def open_sources(recipe: Recipe, folders: Folders) -> Iterator[Sources]:
    """Open what a recipe is trained on. Raises TrainError or ReadError."""
    if (folders.panoramas is None) == (folders.scenes is None):
        raise TrainError("say what to train on: --panoramas DIR for the simulator or --scenes DIR")
    if folders.scenes is not None:
        yield _stored(recipe, folders, folders.scenes)
        return
    assert folders.panoramas is not None
    with mapped_panoramas(folders.panoramas, folders.workers) as training:
        if folders.validation is None:
            yield _simulated(recipe, folders, training, training)
            return
        with mapped_panoramas(folders.validation, folders.workers) as validation:
            yield _simulated(recipe, folders, training, validation)


@contextmanager
def mapped_panoramas(folder: Path, workers: int) -> Iterator[tuple[Panorama, ...]]:
    """Read panoramas; with worker processes as files mapped into memory, which all share."""
    panoramas = read_panoramas(folder)
    if not workers or all(isinstance(p.pixels, np.memmap) for p in panoramas):
        yield panoramas
        return
    with TemporaryDirectory(prefix="deghost-") as cache:
        pack_panoramas(panoramas, Path(cache))
        yield read_panoramas(Path(cache))


def _simulated(
    recipe: Recipe, folders: Folders, training: Sequence[Panorama], validation: Sequence[Panorama]
) -> Sources:
    settings = recipe.settings
    scenes = recipe.scenes
    if scenes is None:
        raise TrainError(f"{recipe.name} is trained on scenes of a folder; give --scenes DIR")
    for panorama in (*training, *validation):
        if not fits(scenes.size, (panorama.pixels.shape[0], panorama.pixels.shape[1])):
            height, width = scenes.size
            raise TrainError(
                f"{panorama.name} is too small for views of {width} x {height}; "
                "take larger panoramas or --size W H"
            )
    told, others = panoramas_told(training), panoramas_told(validation)
    return Sources(
        SimulatedSource(training, scenes, settings.seed, recipe.prepare, settings.batch),
        SimulatedSource(validation, scenes, VALIDATION_SEED, recipe.prepare, settings.batch),
        settings.validation_scenes,
        f"simulated from {number_of(training, 'panorama')}, seed {settings.seed}; "
        f"validated on {settings.validation_scenes} scenes of {len(validation)} "
        + ("of them with a seed of their own" if others == told else "others"),
        folders.workers,
        {TRAINING: told, VALIDATION: others},
    )


def _stored(recipe: Recipe, folders: Folders, root: Path) -> Sources:
    found = open_scenes(root, folders.layout)
    training = _for_training(found)
    if folders.validation is not None:
        validation = _named_for_validation(open_scenes(folders.validation, folders.layout))
    else:
        training, validation = _divided(found, training)
    told, others = scenes_told(training), scenes_told(validation)
    count = min(recipe.settings.validation_scenes, len(validation))
    return Sources(
        StoredSource(training, recipe.settings.seed, recipe.prepare),
        StoredSource(validation, VALIDATION_SEED, recipe.prepare),
        count,
        f"{number_of(training, 'scene')} in the layout {found.layout.name}; validated on {count} "
        + ("of them" if others == told else "others"),
        folders.workers,
        {TRAINING: told, VALIDATION: others},
    )


def _for_training(found: SceneSet) -> SceneSet:
    """Keep the scenes for training, or those of no known part where there are none."""
    training = found.select("train")
    if not len(training):
        training = found.select("unknown")
    if not len(training):
        raise TrainError(
            f"{found.root.name} has no scenes for training; give the folder of that part"
        )
    return training


def _named_for_validation(found: SceneSet) -> SceneSet:
    """Keep the scenes for validation, or where there are none all that are not for testing."""
    validation = found.select("validation")
    if len(validation):
        return validation
    entries = zip(found.entries, found.parts, strict=True)
    kept = tuple(entry for entry, part in entries if part != "test")
    if not kept:
        raise TrainError(
            f"{found.root.name} has test scenes only, on which nothing is validated; "
            "give --validation other scenes, or leave it out to set some aside"
        )
    return replace(found, entries=kept)


def _divided(found: SceneSet, training: SceneSet) -> tuple[SceneSet, SceneSet]:
    """Set validation scenes aside: those of the split, else every tenth."""
    validation = found.select("validation")
    if len(validation):
        return training, validation
    held = training.entries[HELD_OUT - 1 :: HELD_OUT]
    if not held:
        raise TrainError(
            f"{found.root.name} has {len(training)} scenes, too few to set some aside; "
            "give --validation DIR"
        )
    names = {entry.name for entry in held}
    kept = tuple(entry for entry in training.entries if entry.name not in names)
    return replace(training, entries=kept), replace(training, entries=held)
