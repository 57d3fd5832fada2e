"""Let networks learn one simulated crop by heart: what cannot do that is broken.

python benchmarks/overfit.py --networks vam segdeghost --minutes 3 --out work/overfit

A curve of each network is drawn to OUT/NAME.svg and written to OUT/NAME.csv. Minutes and seconds
are of the processor, so that other programs do not count; PSNR-mu is that of single floats.
"""

import argparse
import math
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from deghost.cli.allocator import tune_allocator
from deghost.data.panoramas import read_panoramas
from deghost.data.scene_settings import SceneSettings
from deghost.data.synthetic import make_scene
from deghost.layers.reconstructor import Reconstructor
from deghost.models.zoo import NETWORKS, build_network
from deghost.segment.bracket_masks import with_masks
from deghost.segment.exposure import MASKS
from deghost.train.brackets import TruthBatch, as_batch
from deghost.train.losses import toned
from deghost.train.losses_radiance import radiance_loss
from deghost.train.losses_segdeghost import segdeghost_loss
from deghost.train.losses_vam import vam_loss
from deghost.train.optimisers import make_optimiser
from deghost.train.settings import TrainSettings


HERE = Path(__file__).parent
NAMES = [name for name, (network, _) in NETWORKS.items() if issubclass(network, Reconstructor)]
GOAL = 45.0  # dB of PSNR-mu


LOSSES = {"vam": vam_loss, "segdeghost": partial(segdeghost_loss, alpha=1e-2, beta=1.0)}
RATES = {"vam": 4e-3, "hdr-transformer": 5e-4, "tmrnet": 5e-4}
MUON = ("vam",)  # Adam, which steps the others, stops at 38 dB


def crop_for(network: Reconstructor, panoramas: Any, side: int, seed: int) -> TruthBatch:
    """Simulate a bracket; what exceeds the darkest frame's clipping level is cut to it."""
    raw = network.layout == "raw4"
    settings = SceneSettings(
        size=(side * (1 + raw),) * 2,
        layout="raw" if raw else "srgb",
        counts=(network.frames or 3,),
        stops=(1.0, 2.0) if raw else (2.0, 2.0),
        actors=(1, 3),
        responses=("gamma2.2",),
    )
    batch = as_batch(make_scene(panoramas, settings, seed, 0))
    bracket = batch.bracket if raw else with_masks(batch.bracket, MASKS["otsu"])
    return replace(batch, bracket=bracket, truth=batch.truth.clamp(0, 1))


@torch.no_grad()
def quality(network: nn.Module, batch: TruthBatch) -> float:
    """PSNR-mu of a crop, as a network ready for use makes it."""
    found = network.eval()(batch.bracket).radiance
    error = (toned(found) - toned(batch.truth)).square().mean()
    return -10 * math.log10(float(error) + 1e-12)


def learn(
    name: str, network: nn.Module, batch: TruthBatch, minutes: float, bf16: bool
) -> list[tuple[int, float, float]]:
    """Train until the goal or the end of time; give (step, seconds, PSNR-mu)."""
    loss = LOSSES.get(name, radiance_loss)
    rate = RATES.get(name, 1e-3)
    kind: Literal["adam", "muon"] = "muon" if name in MUON else "adam"
    optimiser = make_optimiser(network, TrainSettings(optimiser=kind, learning_rate=rate))
    start, limit = time.process_time(), 60 * minutes
    curve = [(0, 0.0, quality(network, batch))]
    step = 0
    while (spent := time.process_time() - start) < limit and curve[-1][2] <= GOAL:
        left = 1 - spent / limit
        for group in optimiser.param_groups:
            group["lr"] = rate * (0.02 + 0.98 * min(1, step / 20 + 0.05) * left)
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            value = loss(network.train(), batch)
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 20 == 0:
            curve.append((step, spent, quality(network, batch)))
    curve.append((step, time.process_time() - start, quality(network, batch)))
    return curve


def draw(curve: list[tuple[int, float, float]], title: str) -> str:
    """Draw PSNR-mu over steps as an SVG."""
    width, height, most = 480, 260, max(curve[-1][0], 1)
    low = math.floor(min(0.0, *(value for *_, value in curve)) / 10) * 10
    top = 10 * math.ceil(max(GOAL + 5, *(value for *_, value in curve)) / 10)

    def y(value: float) -> float:
        return 20 + (height - 50) * (top - value) / (top - low)

    points = " ".join(f"{45 + (width - 60) * s / most:.1f},{y(v):.1f}" for s, _, v in curve)
    lines = [
        f'<line x1="45" x2="{width - 15}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#ddd"/>'
        f'<text x="8" y="{y(v) + 4:.1f}">{v} dB</text>'
        for v in range(low, top + 1, 10)
    ]
    lines.append(
        f'<line x1="45" x2="{width - 15}" y1="{y(GOAL):.1f}" y2="{y(GOAL):.1f}" stroke="#b00"/>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">'
        f'<rect width="100%" height="100%" fill="white"/><text x="45" y="14">{title}</text>'
        + "".join(lines)
        + f'<polyline points="{points}" fill="none" stroke="#06c" stroke-width="1.5"/>'
        f'<text x="45" y="{height - 8}">0</text>'
        f'<text x="{width - 90}" y="{height - 8}">{most} steps</text></svg>\n'
    )


def main() -> None:
    """Read the command line, train, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="*", default=NAMES, choices=NAMES)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bf16", action="store_true", help="train in bfloat16")
    parser.add_argument("--panoramas", type=Path, default=HERE / "data")
    parser.add_argument("--out", type=Path, default=Path("work/overfit"))
    arguments = parser.parse_args()
    tune_allocator()
    arguments.out.mkdir(parents=True, exist_ok=True)
    panoramas = read_panoramas(arguments.panoramas)
    print("| network | steps | s | PSNR-mu, dB | at the start |\n|---|---|---|---|---|")
    for name in arguments.networks:
        torch.manual_seed(arguments.seed)
        network = build_network(name).to(memory_format=torch.channels_last)
        batch = crop_for(network, panoramas, arguments.side, arguments.seed)
        curve = learn(name, network, batch, arguments.minutes, arguments.bf16)
        step, seconds, value = curve[-1]
        print(f"| {name} | {step} | {seconds:.0f} | {value:.1f} | {curve[0][2]:.1f} |", flush=True)
        rows = ["step,seconds,psnr_mu", *(f"{s},{t:.1f},{v:.2f}" for s, t, v in curve)]
        (arguments.out / f"{name}.csv").write_text("\n".join(rows) + "\n", "utf-8")
        (arguments.out / f"{name}.svg").write_text(draw(curve, f"{name}: PSNR-mu"), "utf-8")


if __name__ == "__main__":
    main()
