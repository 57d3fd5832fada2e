"""Compare masks of what is well exposed with the simulator's truth, and by what they merge.

python benchmarks/exposure_masks.py                              # deghost-bench
python benchmarks/exposure_masks.py --panoramas PANORAMAS        # scenes like its own, elsewhere
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean

import cv2
import torch

from deghost.data.bench import DEEP, GROUPS, JPEG, bench_scenes, read_bench_panoramas
from deghost.data.panoramas import read_panoramas
from deghost.data.scene_settings import SceneSettings
from deghost.data.synthetic import make_scene
from deghost.evaluate.masks import compare_masks
from deghost.evaluate.psnr import psnr_mu
from deghost.merge.exposure_guides import segment_proxy
from deghost.merge.merged import render_plan
from deghost.merge.plan import MergePlan, plan_merge, warped_proxy
from deghost.merge.proxy import Proxy
from deghost.merge.scenes import bracket_of, scene_response
from deghost.merge.settings import MergeSettings
from deghost.types import Bracket, Mask, Scene


SEED = 505
SIZE = (256, 320)
VARIED = replace(  # any camera, curve, noise and light, as networks were trained for
    SceneSettings(size=SIZE),
    hold=("tripod",),
    actors=(0, 0),
    ripples=0.0,
    parallax=0.0,
    blur=0.0,
    light=0.0,
    perspective=0.0,
    iso=(100.0, 6400.0),
    key=(0.03, 0.3),
)
METHODS = {
    "manual": "manual range",
    "otsu": "Otsu",
    "exposure-unet": "the paper's U-Nets",
    "classical": "classical, the default",
    "learned": "learned",
}
MOVING = ("small-motion", "large-motion", "clipped-motion", "night")


def elsewhere(folder: Path, count: int) -> Iterator[Scene]:
    """Make scenes like those of deghost-bench, and varied ones, from other panoramas."""
    places = read_panoramas(folder)
    kinds = {"static": {}, **{group: GROUPS[group][0] for group in MOVING}}
    settings = {
        group: [replace(base, size=SIZE, **changes) for base in (JPEG, DEEP)]
        for group, changes in kinds.items()
    }
    settings["varied"] = [VARIED]
    for number in range(count):
        for group, choices in settings.items():
            scene = make_scene(places, choices[number % len(choices)], SEED, number)
            yield replace(scene, details={**scene.details, "group": group})


def planned(scene: Scene) -> tuple[Bracket, MergePlan]:
    """Plan the merge of a scene as the benchmark of merges does."""
    still = scene.details["group"] in ("static", "varied")
    settings = MergeSettings(
        method="weighted",
        motion="classical",
        reference=scene.reference,
        response=scene_response(scene).name,
        scale="absolute",
        deghost=0.0 if still else 0.5,
        align="none" if still else "rigid",
        crop=False,
        pixel_type="float",
    )
    bracket = bracket_of(scene)
    return bracket, plan_merge(bracket, settings)


def agreements(plan: MergePlan, scene: Scene) -> dict[str, list[float]]:
    """IoU of the masks of the darker, the reference and the brighter frames."""
    found: dict[str, list[float]] = {"darker": [], "reference": [], "brighter": []}
    for k, relative in enumerate(plan.relative):
        side = "reference" if k == plan.reference else "darker" if relative < 1 else "brighter"
        mask = segment_proxy(plan, plan.prepared, k)
        found[side].append(float(compare_masks(mask, scene.well_exposed[k]).jaccard))
    return found


def quality(
    bracket: Bracket, plan: MergePlan, scene: Scene, masks: list[Mask] | None = None
) -> float:
    """PSNR-mu of the merge, which ends where the darkest frame clips."""
    merged = torch.from_numpy(render_plan(bracket, plan, exposed=masks).pixels).permute(2, 0, 1)
    return float(psnr_mu(merged, scene.truth, clip=True))


def true_masks(plan: MergePlan, scene: Scene) -> list[Mask]:
    """Warp the simulator's masks to the reference."""
    small = plan.prepared
    proxies = tuple(
        Proxy(proxy.linear, true[None])
        for proxy, true in zip(small.proxies, scene.well_exposed, strict=True)
    )
    seen = replace(small, proxies=proxies)
    return [warped_proxy(seen, plan.warps, k).trust[0] for k in range(len(proxies))]


def main() -> None:
    """Read the command line and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", type=Path, default=Path(__file__).parent / "data")
    parser.add_argument("--panoramas", type=Path)
    parser.add_argument("--scenes", type=int, default=8, help="of each kind, from --panoramas")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    scenes = (
        elsewhere(arguments.panoramas, arguments.scenes)
        if arguments.panoramas
        else bench_scenes(read_bench_panoramas(arguments.bench))
    )
    overlap: dict[str, dict[str, list[float]]] = {name: {} for name in METHODS}
    decibels: dict[str, dict[str, list[float]]] = {name: {} for name in (*METHODS, "truth")}
    for scene in scenes:
        bracket, plan = planned(scene)
        group = str(scene.details["group"])
        for name in METHODS:
            chosen = replace(plan, exposure_mask=name)
            for side, values in agreements(chosen, scene).items():
                overlap[name].setdefault(side, []).extend(values)
            decibels[name].setdefault(group, []).append(quality(bracket, chosen, scene))
        true = quality(bracket, plan, scene, true_masks(plan, scene))
        decibels["truth"].setdefault(group, []).append(true)
    print_table(overlap, decibels)


def print_table(
    overlap: dict[str, dict[str, list[float]]], decibels: dict[str, dict[str, list[float]]]
) -> None:
    """Print IoU by side, and PSNR-mu by group."""
    sides, groups = ("darker", "reference", "brighter"), list(decibels["truth"])
    count = sum(map(len, decibels["truth"].values()))
    print(f"{count} scenes. IoU with the simulator's truth; PSNR-mu of the merge, dB\n")
    print(f"| mask | {' | '.join(sides)} | mean IoU | {' | '.join(groups)} | mean dB |")
    print("|---" * (len(sides) + len(groups) + 3) + "|")
    for name, found in decibels.items():
        values = overlap.get(name, {})
        cells = [f"{mean(values[side]):.3f}" if values else "1" for side in sides]
        every = [value for side in sides for value in values.get(side, [])]
        cells.append(f"{mean(every):.3f}" if every else "1")
        cells += [f"{mean(found[group]):.2f}" for group in groups]
        cells.append(f"{mean(value for group in groups for value in found[group]):.2f}")
        print(f"| {METHODS.get(name, 'the truth')} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
