"""Hard brackets: hand-held 8-bit JPEG, people walking, 3 to 4 EV steps, 2 to 7 frames, two ISOs.

python benchmarks/hard_brackets.py                            # in the benchmark's panoramas
python benchmarks/hard_brackets.py --panoramas PANORAMAS      # elsewhere

Mean PSNR-mu of merging by rules, by `--fast` and by default; and the scene that the default
improves least on the best of the other two.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from deghost.data.bench import JPEG, MOVING, read_bench_panoramas
from deghost.data.panoramas import Panorama, read_panoramas
from deghost.data.synthetic import make_scene
from deghost.evaluate.methods import METHODS
from deghost.evaluate.psnr import psnr_mu
from deghost.types import Scene


SEED = 70707
COUNTS = (2, 3, 5, 7)
ISO = (100.0, 3200.0)
COMPARED = ("weighted", "weighted-learned", "deghostnet")


def scenes_of(places: Sequence[Panorama], count: int, iso: float, scenes: int) -> Iterator[Scene]:
    """Make the scenes of one row."""
    settings = replace(
        JPEG, counts=(count,), stops=(3.0, 4.0), iso=(iso, iso), hold=("hand",), **MOVING
    )
    first = COUNTS.index(count) * scenes
    for number in range(first, first + scenes):
        here = (places[number % len(places)],)
        yield make_scene(here, settings, SEED + int(iso), number, places)


def row_of(scene: Scene) -> list[float]:
    """Give the PSNR-mu of every method, dB."""
    assert scene.truth is not None
    return [float(psnr_mu(METHODS[name](scene), scene.truth, clip=True)) for name in COMPARED]


@torch.inference_mode()
def main() -> None:
    """Read the command line and print a row for every number of frames and ISO."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--panoramas", type=Path, help="a folder of panoramas")
    parser.add_argument("--scenes", type=int, default=3, help="in every row")
    arguments = parser.parse_args()
    places = (
        read_bench_panoramas(Path("benchmarks/data"))
        if arguments.panoramas is None
        else read_panoramas(arguments.panoramas)
    )
    print("| frames | ISO | " + " | ".join(COMPARED) + " | least gain |")
    print("|---|---|" + "---|" * (len(COMPARED) + 1))
    for count in COUNTS:
        for iso in ISO:
            scenes = scenes_of(places, count, iso, arguments.scenes)
            rows = np.array([row_of(scene) for scene in scenes])
            least = (rows[:, -1] - rows[:, :-1].max(1)).min()
            cells = " | ".join(f"{value:.2f}" for value in (*rows.mean(0), least))
            print(f"| {count} | {iso:.0f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
