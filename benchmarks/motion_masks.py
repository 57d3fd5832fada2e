"""Compare masks of what moved with the simulator's truth, and by what is merged with them.

python benchmarks/motion_masks.py                               # on deghost-bench
python benchmarks/motion_masks.py --validation PANORAMAS        # tune the classical mask
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import cv2
import torch

from deghost.data.bench import bench_entries, bench_scenes, read_bench_panoramas
from deghost.data.panoramas import read_panoramas
from deghost.data.synthetic import make_scene
from deghost.evaluate.psnr import psnr_mu
from deghost.merge.guides import Guides, make_guides
from deghost.merge.merged import render_plan
from deghost.merge.plan import MergePlan
from deghost.merge.scenes import plan_scene
from deghost.merge.settings import MergeSettings
from deghost.segment.motion import MotionSettings
from deghost.segment.segmenters import Segmenter
from deghost.types import Bracket, Scene


OFF = MotionSettings(strength=0.0)
VALIDATION_SEED = 30303
CHOICES: Mapping[str, Sequence[float]] = {
    "strength": (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
    "edge": (0.0, 0.2, 0.35, 0.5, 0.8, 1.2),
    "smallest": (3.0, 4.0, 6.0, 8.0, 12.0, 16.0),
    "feather": (0.5, 1.0, 1.5, 2.0, 3.0),
}


@dataclass(frozen=True)
class Case:
    """A scene that is aligned and planned, so that masks can be tried one after another."""

    scene: Scene
    bracket: Bracket
    plan: MergePlan

    @property
    def group(self) -> str:
        """The group of the benchmark that the scene is of."""
        return str(self.scene.details["group"])


@dataclass(frozen=True)
class Score:
    """How masks do on one scene."""

    common: float  # pixels that moved and were found
    either: float  # pixels that moved or were found
    decibels: float  # PSNR-mu of the merge, light beyond the darkest frame's clipping cut off


Method = Callable[[Case], Score]


def with_settings(settings: MotionSettings) -> Method:
    """Masks as the merge makes them."""
    return lambda case: score(case, settings, true_masks=False)


def with_truth(case: Case) -> Score:
    """The true masks: the most that better masks alone could bring."""
    return score(case, OFF, true_masks=True)


def found_by(case: Case, settings: MotionSettings) -> Score:
    """Compare masks alone, which is faster."""
    plan = replace(case.plan, motion=settings)
    assert plan.prepared is not None
    return Score(*overlap(case.scene, make_guides(plan, plan.prepared)), decibels=0.0)


def overlap(scene: Scene, guides: Guides) -> tuple[float, float]:
    """Count the pixels that moved and were found, and those that moved or were found."""
    assert scene.motion is not None
    others = [k for k in range(len(scene.frames)) if k != scene.reference]
    true = scene.motion[others] > 0.5
    found = torch.stack([guides.still[k] for k in others]) < 0.5
    return float((true & found).sum()), float((true | found).sum())


def score(case: Case, settings: MotionSettings, *, true_masks: bool) -> Score:
    """Merge, and compare masks and radiance with the truth."""
    scene, plan = case.scene, replace(case.plan, motion=settings)
    assert scene.truth is not None
    merged = render_plan(case.bracket, plan, motion=scene.motion if true_masks else None)
    radiance = torch.from_numpy(merged.pixels).permute(2, 0, 1)
    error = float(psnr_mu(radiance, scene.truth, clip=True))
    return Score(*overlap(scene, merged.guides), decibels=error)


def iou(scores: Sequence[Score]) -> float:
    """IoU over the pixels of all scenes."""
    return sum(s.common for s in scores) / max(sum(s.either for s in scores), 1.0)


def decibels(scores: Sequence[Score]) -> float:
    """Mean PSNR-mu."""
    return sum(s.decibels for s in scores) / len(scores)


def cases_of(scenes: Iterator[Scene]) -> list[Case]:
    """Plan scenes once."""
    return [Case(scene, *plan_scene(scene, MergeSettings(method="weighted"))) for scene in scenes]


def validation_scenes(folder: Path, count: int) -> Iterator[Scene]:
    """Make scenes as the benchmark has them, in other places and with another seed."""
    places = read_panoramas(folder)
    entries = bench_entries([place.name for place in places])
    chosen = [entries[k * len(entries) // count] for k in range(count)]
    for number, entry in enumerate(chosen):
        here = (places[number % len(places)],)
        scene = make_scene(here, entry.settings, VALIDATION_SEED, number, places)
        yield replace(scene, details={**scene.details, "group": entry.group})


def compare(cases: list[Case], methods: Mapping[str, Method]) -> None:
    """Print IoU and PSNR-mu of every method, for each group and for all."""
    scores = {name: [method(case) for case in cases] for name, method in methods.items()}
    print("| group | scenes |" + "".join(f" {name}: IoU | dB |" for name in methods))
    print("|---|---|" + "---|---|" * len(methods))
    groups = list(dict.fromkeys(case.group for case in cases))
    for group in (*groups, "all"):
        kept = [k for k, case in enumerate(cases) if group in (case.group, "all")]
        row = [[found[k] for k in kept] for found in scores.values()]
        cells = "".join(f" {iou(part):.3f} | {decibels(part):.2f} |" for part in row)
        print(f"| {group} | {len(kept)} |{cells}", flush=True)


def tuned(cases: list[Case], goal: str) -> MotionSettings:
    """Improve one setting after another, twice round, as long as the scenes get better."""
    tried: dict[MotionSettings, float] = {}

    def worth_of(settings: MotionSettings) -> float:
        if settings not in tried:
            tried[settings] = (
                iou([found_by(case, settings) for case in cases])
                if goal == "iou"
                else decibels([score(case, settings, true_masks=False) for case in cases])
            )
            shown = ", ".join(f"{name} {getattr(settings, name):g}" for name in CHOICES)
            print(f"{tried[settings]:.4f}: {shown}", flush=True)
        return tried[settings]

    best = MotionSettings()
    for _ in range(2):
        for name, values in CHOICES.items():
            choices = [best, *(replace(best, **{name: value}) for value in values)]  # type: ignore[arg-type]
            best = max(choices, key=worth_of)
    return best


def main() -> None:
    """Read the command line and compare, or tune."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", type=Path, default=Path("benchmarks/data"))
    parser.add_argument("--validation", type=Path, help="panoramas that settings are chosen on")
    parser.add_argument("--scenes", type=int, default=20, help="scenes to validate on")
    parser.add_argument("--goal", choices=("iou", "psnr"), default="iou")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="compare these")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    changes = {name: float(value) for name, value in (s.split("=") for s in arguments.set)}
    methods: dict[str, Method] = {
        "off": with_settings(OFF),
        **{name: with_settings(MotionSettings(segmenter=name)) for name in get_args(Segmenter)},
        "true": with_truth,
    }
    if changes:
        methods["classical, set"] = with_settings(replace(MotionSettings(), **changes))  # type: ignore[arg-type]
    if arguments.validation is None:
        cases = cases_of(bench_scenes(read_bench_panoramas(arguments.bench)))
    else:
        cases = cases_of(validation_scenes(arguments.validation, arguments.scenes))
        best = tuned(cases, arguments.goal)
        methods["classical, tuned"] = with_settings(best)
        print(f"tuned for {arguments.goal}: {best}\n")
    compare(cases, methods)


if __name__ == "__main__":
    main()
