"""Run methods over scenes of known truth and measure what they make.

A data set's light, of truth and result alike, is brought to the scale of the protocol: what 1.0
means in a scene, its exposures tell.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from deghost.data.bench import SUMS, bench_entries, bench_scenes, read_bench_panoramas
from deghost.data.layouts import open_scenes
from deghost.data.scene_set import SceneSet
from deghost.data.splits import Part
from deghost.data.views import Panorama
from deghost.errors import SettingsError
from deghost.evaluate.cautions import cautions
from deghost.evaluate.choices import Choice
from deghost.evaluate.evaluation import MEASURING, Pair, Progress, assess, failure, key_of
from deghost.evaluate.methods import Method, rgb_scene
from deghost.evaluate.protocol import Protocol, in_values_of, scaling
from deghost.evaluate.records import Outcome, Record, RunFolder, checksum
from deghost.evaluate.results import ORACLES
from deghost.types import Scene


BENCH = "deghost-bench"
MAKING = ("merge", "align", "segment", "layers", "models")  # the code that methods rest on besides
SetPart = Literal["train", "validation", "test", "all"]


@dataclass(frozen=True)
class Case:
    """A scene that is read or made when it is its turn."""

    name: str
    group: str
    source: "SceneSet | tuple[Panorama, ...]"
    number: int

    def load(self) -> Scene:
        """Read or make the scene."""
        if isinstance(self.source, SceneSet):
            return self.source[self.number]
        return next(bench_scenes(self.source, (self.name,)))


def find_cases(
    scenes: Path, panoramas: Path | None, layout: str | None, part: SetPart | None
) -> list[Case]:
    """List the scenes of a data set's folder, or of deghost-bench.

    `scenes` is a folder, or the word deghost-bench, or the folder of its panoramas. Of a data set
    with a test part that part is taken unless another is named. Raises ReadError, SettingsError.
    """
    if part is not None and part not in get_args(SetPart):
        raise SettingsError(f"no part {part!r}; there are: {', '.join(get_args(SetPart))}")
    if (scenes / SUMS).is_file():
        panoramas = scenes
    elif str(scenes) != BENCH:
        return _set_cases(open_scenes(scenes, layout), part)
    if panoramas is None:
        raise SettingsError(
            f"{BENCH} is made from twelve panoramas; give --panoramas and the folder "
            "benchmarks/data of this project's repository"
        )
    found = read_bench_panoramas(panoramas)
    entries = bench_entries(tuple(panorama.name for panorama in found))
    return [Case(entry.name, entry.group, found, k) for k, entry in enumerate(entries)]


def select(cases: Sequence[Case], only: Sequence[str]) -> list[Case]:
    """Keep the cases of some names or groups; all of them for none. Raises SettingsError.

    Example:
        >>> cases = [Case("night-1", "night", (), 0), Case("static-1", "static", (), 1)]
        >>> [case.name for case in select(cases, ("night",))]
        ['night-1']
    """
    for word in only:
        if not any(word in (case.name, case.group) for case in cases):
            groups = dict.fromkeys(case.group for case in cases if case.group)
            there = ", ".join(groups or [case.name for case in cases[:9]])
            raise SettingsError(f"no scene or group {word!r}; there are: {there}")
    return [case for case in cases if not only or {case.name, case.group} & set(only)]


def check_light(protocol: Protocol) -> None:
    """Raise SettingsError for a protocol that compares something else than what methods make."""
    if protocol.values == "mu-law":
        raise SettingsError(
            f"{protocol.name} compares developed pictures, not radiance; write them to files and "
            "use deghost evaluate"
        )


def run_benchmark(
    cases: Sequence[Case],
    methods: Mapping[str, Method],
    choice: Choice,
    folder: RunFolder,
    progress: Progress = lambda share: None,
) -> Iterator[Outcome]:
    """Measure every method on every scene; what the folder has measured is not measured again.

    A scene or a method that fails is a Failure, and the next one follows.
    """
    base = key_of(choice, (*MEASURING, *MAKING))
    for number, case in enumerate(cases):
        try:
            scene = _checked(rgb_scene(case.load()))
        except Exception as error:  # noqa: BLE001, whatever it is, the others are to be measured
            yield failure(case.name, "every method", error)
            continue
        key = checksum(base, *_contents(scene))
        for count, (name, method) in enumerate(methods.items()):
            progress((number + count / len(methods)) / len(cases))
            if name in ORACLES and scene.motion is None:
                continue
            try:
                yield _measured(case, scene, name, method, Run(choice, folder, key))
            except Exception as error:  # noqa: BLE001, as above
                yield failure(case.name, name, error)
    progress(1.0)


def spared(records: Sequence[Record], methods: Mapping[str, Method]) -> tuple[str, ...]:
    """Note which methods had scenes that lack the masks they need."""
    count = len({record.name for record in records})
    notes = []
    for name in (name for name in ORACLES if name in methods):
        without = count - sum(record.method == name for record in records)
        if without:
            notes.append(f"{name} is missing in {without} of {count} scenes: no motion masks")
    return tuple(notes)


def remarks(
    records: Sequence[Record], methods: Mapping[str, Method], protocol: Protocol
) -> tuple[str, ...]:
    """Note what a reader must know of these scenes besides the protocol's own notes."""
    return (*spared(records, methods), *cautions(records, protocol))


@dataclass(frozen=True)
class Run:
    """What all measurements of a scene share."""

    choice: Choice
    folder: RunFolder
    key: str


def _measured(case: Case, scene: Scene, name: str, method: Method, run: Run) -> Record:
    """Run one method on one scene and measure it, or take its record."""
    key = checksum(run.key, name)
    known = run.folder.load(case.name, name, key)
    if known is not None:
        return known
    start = time.perf_counter()
    with torch.inference_mode():
        radiance = method(scene)
    seconds = time.perf_counter() - start
    assert scene.truth is not None  # as checked
    protocol = run.choice.protocol
    group = str(scene.details.get("group", case.group))
    factor = scaling(protocol, scene.exposures)
    test, truth = (in_values_of(protocol, factor * light) for light in (radiance, scene.truth))
    pair = Pair(case.name, name, group, test, truth, scene.recoverable, factor)
    return assess(run.choice, pair, run.folder, key, seconds)


def _checked(scene: Scene) -> Scene:
    """Raise SettingsError for a scene that cannot be measured."""
    if scene.truth is None:
        raise SettingsError(f"{scene.name} has no truth to measure against; leave it out")
    return scene


def _contents(scene: Scene) -> tuple[Tensor | str | int | None, ...]:
    """Everything that a method may see of a scene, and its truth."""
    exact = (scene.frames, scene.exposures, scene.curve, scene.truth, scene.camera)
    maps = (scene.motion, scene.well_exposed, scene.recoverable, scene.flow)
    return (*exact, *maps, scene.reference, scene.response)


def _set_cases(found: SceneSet, part: SetPart | None) -> list[Case]:
    """List the scenes of a part of a data set that have a truth; all if none says so."""
    parts = found.parts
    wanted: Part | Literal["all"] = part or ("test" if "test" in parts else "all")
    chosen = [k for k, own in enumerate(parts) if wanted in ("all", own)]
    if not chosen:
        there = ", ".join(sorted(set(parts)))
        raise SettingsError(f"{found.root.name} has no part {wanted}; there are: {there}, all")
    names = found.names
    return [Case(names[k], names[k].rpartition("/")[0], found, k) for k in chosen]
