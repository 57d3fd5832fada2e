"""Measure HDR-VDP-2: agreement with the authors' program on a folder of pairs, seconds, memory.

python benchmarks/hdrvdp2.py --pairs tests/evaluate/data/hdrvdp2 --size 1500x1000 --threads 1
"""

import argparse
import json
import resource
import statistics
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from deghost.evaluate.hdrvdp2 import hdrvdp2, hdrvdp2_as
from deghost.evaluate.hdrvdp2_display import PRESETS, Viewing
from deghost.io.radiance import read_radiance


VIEWINGS = {
    "srgb": PRESETS["safnet"],
    "bt709_x4000_21in": Viewing("rgb-bt.709", 21, 1.0, scale=4000.0),  # height and width swapped
    "bt709_x100_24in": PRESETS["bt709"],
    "bt709_x4000_24in": replace(PRESETS["bt709"], scale=4000.0),
}


def read(path: Path, dtype: torch.dtype) -> Tensor:
    """A Radiance file's pixels, channels first."""
    return torch.from_numpy(read_radiance(path).pixels).permute(2, 0, 1).to(dtype)


def agree(folder: Path, dtype: torch.dtype) -> dict[str, list[tuple[float, float]]]:
    """Q of the authors' program and ours, by viewing."""
    qualities = defaultdict(list)
    for row in json.loads((folder / "reference.json").read_text()):
        test, reference = (
            read(folder / f"{row['pair']}_{kind}.hdr", dtype) for kind in ("test", "ref")
        )
        viewing = VIEWINGS[row["setup"]]
        if row["setup"] == "bt709_x4000_21in":
            viewing = replace(viewing, resolution=tuple(test.shape[1:]))
        qualities[row["setup"]].append((row["q"], hdrvdp2_as(viewing, test, reference).quality))
    return qualities


def measure(width: int, height: int, dtype: torch.dtype, runs: int) -> tuple[float, float, float]:
    """Median wall and processor seconds of one comparison, and MB above what came before."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(1, 3, height // 16, width // 16, generator=generator)
    stops = functional.interpolate(coarse, (height, width), mode="bicubic")[0]
    reference = 50 * torch.exp2(2 * stops).to(dtype)
    test = reference * (1 + 0.05 * torch.randn(3, height, width, generator=generator)).to(dtype)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, processor, memory = [], [], 0.0
    for run in range(runs):
        start = time.perf_counter(), time.process_time()
        hdrvdp2(test, reference, encoding="rgb-bt.709", pixels_per_degree=25.0)
        wall.append(time.perf_counter() - start[0])
        processor.append(time.process_time() - start[1])
        if run == 0:
            memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return statistics.median(wall), statistics.median(processor), memory


def main() -> None:
    """Print two Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=Path, help="folder of NAME_ref.hdr, NAME_test.hdr, JSON")
    parser.add_argument("--size", nargs="+", default=["1500x1000"])
    parser.add_argument("--dtype", nargs="+", default=["float32"])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--runs", type=int, default=5)
    settings = parser.parse_args()
    torch.set_num_threads(settings.threads)
    print("| size | type | threads | s | processor s | MB |\n|---|---|---|---|---|---|")
    for size in settings.size:
        width, height = map(int, size.split("x"))
        for name in settings.dtype:
            found = measure(width, height, getattr(torch, name), settings.runs)
            print(
                f"| {size} | {name} | {settings.threads} | "
                + "{:.2f} | {:.2f} | {:.0f} |".format(*found)
            )
    if settings.pairs is None:
        return
    print("\n| viewing | type | pairs | largest difference of Q | mean |\n|---|---|---|---|---|")
    for name in settings.dtype:
        for viewing, pairs in agree(settings.pairs, getattr(torch, name)).items():
            errors = [abs(theirs - ours) for theirs, ours in pairs]
            print(
                f"| {viewing} | {name} | {len(pairs)} | {max(errors):.5f} "
                f"| {statistics.mean(errors):.5f} |"
            )


if __name__ == "__main__":
    main()
