"""Draw the contact sheet of docs/segment.md: masks of simulated scenes, true and found.

python scripts/mask_pictures.py docs/images/masks.jpg
"""

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from deghost.data.bench import bench_scenes, read_bench_panoramas
from deghost.merge.plan import plan_merge, warped_proxy
from deghost.merge.proxy import Proxy
from deghost.merge.scenes import bracket_of, scene_response
from deghost.merge.segmentation import overlay, segment_bracket
from deghost.merge.settings import MergeSettings
from deghost.types import Scene


SCENES = ("static-1", "night-3", "large-motion-3", "clipped-motion-1")
WIDTH = 208  # pixels of one picture
BAR = 22  # pixels of a line of text


def columns(scene: Scene) -> list[tuple[str, np.ndarray]]:
    """Show the brightest frame: where it is well exposed, then what moved in it."""
    settings = MergeSettings(
        reference=scene.reference,
        response=scene_response(scene).name,
        crop=False,
        align="rigid",
    )
    bracket = bracket_of(scene)
    plan = plan_merge(bracket, settings)
    last = len(scene.frames) - 1
    pictures = []
    for kind, true in (("exposed", scene.well_exposed), ("moved", scene.motion)):
        for method in ("classical", "learned"):
            chosen = replace(
                plan,
                exposure_mask=method if kind == "exposed" else "classical",
                motion=replace(plan.motion, segmenter=method),
            )
            found = [m.overlay for m in segment_bracket(bracket, chosen, kind) if m.frame == last]
            pictures.append((f"{kind}, {method}", found[0]))
        light = plan.prepared.proxies[last].linear.float()
        truth = true[last]
        if kind == "exposed":
            own = Proxy(light, truth[None])
            seen = replace(plan.prepared, proxies=(*plan.prepared.proxies[:last], own))
            truth = warped_proxy(seen, plan.warps, last).trust[0]
        light = warped_proxy(plan.prepared, plan.warps, last).linear
        pictures.append((f"{kind}, true", overlay(light, truth, kind)))
    return pictures


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--bench", type=Path, default=Path("benchmarks/data"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for scene in bench_scenes(read_bench_panoramas(arguments.bench), SCENES):
        shown = columns(scene)
        size = (WIDTH, WIDTH * 3 // 4)
        small = [cv2.resize(p, size, interpolation=cv2.INTER_AREA) for _, p in shown]
        if not rows:
            rows.append(np.concatenate([titled(name) for name, _ in shown], axis=1))
        rows.append(np.concatenate(small, axis=1))
    sheet = np.concatenate(rows)[..., ::-1]
    cv2.imwrite(str(arguments.out), sheet, [cv2.IMWRITE_JPEG_QUALITY, 74])


def titled(text: str) -> np.ndarray:
    """Write a line of text above a column."""
    bar = np.full((BAR, WIDTH, 3), 255, np.uint8)
    cv2.putText(bar, text, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.48, (0, 0, 0), 1, cv2.LINE_AA)
    return bar


if __name__ == "__main__":
    main()
