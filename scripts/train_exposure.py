"""Train the house's exposure network on one core and put the shipped weights together.

python scripts/train_exposure.py --panoramas TRAIN --validation VALIDATION --unets TABLES --out OUT
where TABLES is the --out of `deghost exposure-tables`.
"""

import argparse
import shutil
import time
from dataclasses import replace
from pathlib import Path

import cv2
import torch

from deghost.data.panoramas import read_panoramas
from deghost.layers.weights import SUFFIX, Card, read_header, save_weights
from deghost.models.exposure_net import ExposureNet
from deghost.train.batches import joined
from deghost.train.exposure_data import exposed_batches, simulated_frames
from deghost.train.exposure_tables import train_here
from deghost.train.recipes_exposure import (
    EXPOSURE_NET,
    VARIED,
    exposure_net_loss,
    exposure_net_measures,
)
from deghost.train.settings import TrainSettings


def train_house(arguments: argparse.Namespace) -> None:
    """Train the house's network and write it with its card."""
    settings: TrainSettings = replace(EXPOSURE_NET.settings, steps=arguments.steps)
    start = time.monotonic()
    scenes = simulated_frames(read_panoramas(arguments.panoramas), VARIED, 1, arguments.scenes)
    held = joined(simulated_frames(read_panoramas(arguments.validation), VARIED, 2, 60))
    print(f"{len(scenes)} scenes in {time.monotonic() - start:.0f} s", flush=True)
    torch.manual_seed(settings.seed)
    network = ExposureNet()
    batches = exposed_batches(scenes, settings.batch, settings.seed)
    total = 0.0
    for step in train_here(network, batches, exposure_net_loss, settings):
        total += float(step.loss)
        if step.number % 250 == 0:
            measures = measured(network, held)
            minutes = (time.monotonic() - start) / 60
            print(
                f"{step.number} {minutes:.1f} min, loss {total / 250:.4f}, {measures}", flush=True
            )
            total = 0.0
    minutes = (time.monotonic() - start) / 60
    card = Card(
        training_data=f"{arguments.scenes} scenes of 3 frames of {VARIED.size[0]} px, simulated "
        "from CC0 panoramas of Poly Haven",
        licence="CC0-1.0",
        training=f"{settings.steps} steps of {settings.batch} scenes, {minutes:.0f} min in all on "
        "one CPU core",
        metrics={
            f"{name}, 60 simulated validation scenes": round(value, 4)
            for name, value in measured(network, held).items()
        },
        notes="The truth is the simulator's: unclipped, and the brightest colour 3 deviations "
        "above its noise.",
    )
    path = arguments.out / f"exposure-net{SUFFIX}"
    save_weights(path, "exposure-net", network.config, network.state_dict(), card)


def measured(network: ExposureNet, held: object) -> dict[str, float]:
    """Measure on validation frames."""
    network.eval()
    with torch.inference_mode():
        measures = exposure_net_measures(network, held)
    network.train()
    return {name: round(float(value), 4) for name, value in measures.items()}


def ship_unets(tables: Path, out: Path) -> None:
    """Copy, for either exposure, the network that agrees best with the manual truth."""
    for exposure in ("low", "high"):
        found = tables.glob(f"exposure-unet-{exposure}-*-manual{SUFFIX}")
        best = max(found, key=lambda path: read_header(path).card.metrics["AVG, validation"])
        shutil.copyfile(best, out / f"exposure-unet-{exposure}{SUFFIX}")
        print(f"exposure-unet-{exposure} is {best.stem}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--panoramas", type=Path)
    parser.add_argument("--validation", type=Path)
    parser.add_argument("--unets", type=Path)
    parser.add_argument("--out", type=Path, default=Path("src/deghost/models/weights"))
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--scenes", type=int, default=900)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.unets:
        ship_unets(arguments.unets, arguments.out)
    if arguments.panoramas:
        train_house(arguments)


if __name__ == "__main__":
    main()
