"""What DeghostNet may change, and how near it comes: the best result within its bounds.

python benchmarks/bounds.py                              # on deghost-bench
python benchmarks/bounds.py --validation PANORAMAS       # on scenes made like it elsewhere

PSNR-mu of the measured merge, of what DeghostNet makes of it, and of the truth brought within what
may be added to the merge without detail (`most_added` with no contrast), and with it. Frames lie
where the simulator knows them to.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from motion_masks import validation_scenes

from deghost.data.bench import bench_scenes, read_bench_panoramas
from deghost.evaluate.psnr import psnr_mu
from deghost.models.deghostnet import contrast_around, most_added
from deghost.models.zoo import shared_network
from deghost.segment.learned_motion import compressed, expanded
from deghost.train.refined_data import measured_batch
from deghost.types import Scene


def row_of(scene: Scene) -> list[float]:
    """Give the four PSNR-mu of a scene, dB."""
    batch = measured_batch(scene, np.random.default_rng(0))
    pictures, maps = batch.pictures.float(), batch.maps.float()
    merged, reference, everything = pictures.split(3, dim=1)
    truth = compressed(batch.truth)
    contrast = contrast_around(merged.mean(1, keepdim=True))
    scale = batch.darkest[:, None, None, None]
    results = [merged, shared_network("deghostnet")(pictures, maps)]
    for seen in (torch.zeros_like(contrast), contrast):
        most = most_added(reference - merged, everything - merged, maps, seen)
        results.append(merged + (truth - merged).clamp(-most, most))
    return [
        float(psnr_mu(expanded(result) * scale, batch.truth * scale, clip=True).mean())
        for result in results
    ]


def scenes_of(arguments: argparse.Namespace) -> Iterator[Scene]:
    """The benchmark's scenes, or others."""
    if arguments.validation is None:
        return bench_scenes(read_bench_panoramas(arguments.bench))
    return validation_scenes(arguments.validation, arguments.scenes)


@torch.inference_mode()
def main() -> None:
    """Read the command line and print a row for every scene."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", type=Path, default=Path("benchmarks/data"))
    parser.add_argument("--validation", type=Path, help="panoramas for other scenes")
    parser.add_argument("--scenes", type=int, default=20, help="how many of those")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| scene | mosaic | merge | DeghostNet | best without detail | best |")
    print("|---|---|---|---|---|---|")
    rows = []
    for scene in scenes_of(arguments):
        rows.append(row_of(scene))
        cells = " | ".join(f"{value:.1f}" for value in rows[-1])
        print(
            f"| {scene.name} | {'yes' if scene.details['bayer'] else 'no'} | {cells} |", flush=True
        )
    print("| mean | |", " | ".join(f"{value:.1f}" for value in np.mean(rows, axis=0)), "|")


if __name__ == "__main__":
    main()
