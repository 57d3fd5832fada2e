"""Measure what networks cost against what the machine's matrix products allow.

python benchmarks/networks.py --networks vam segdeghost --side 256 --threads 2 [--bf16]

Each network runs in a process of its own. Peak memory is what a tile adds to the process. With one
thread seconds are the processor's, so that other programs count little.
"""

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import torch

from deghost.cli.allocator import tune_allocator
from deghost.layers.counting import count_macs, count_parameters
from deghost.layers.reconstructor import BracketBatch, Reconstructor
from deghost.models.zoo import NETWORKS, build_network


@dataclass(frozen=True)
class Conditions:
    """Under which everything is measured."""

    side: int  # pixels of a square tile
    tiles: int  # in a batch
    threads: int
    runs: int
    bf16: bool
    device: str
    memory_format: str

    @property
    def megapixels(self) -> float:
        """Of all tiles of a batch."""
        return self.tiles * self.side**2 / 1e6


@dataclass(frozen=True)
class Cost:
    """What one network costs."""

    parameters: int
    macs: float  # per pixel of the frames
    seconds: float  # per megapixel, the fastest run
    share: float  # of the rate of matrix products
    memory: float  # MB that the process grew by, or that the card lent at most


def inputs(name: str, network: torch.nn.Module, on: Conditions) -> tuple[Any, ...]:
    """Make what a network takes."""
    shape, batch = (on.side, on.side), on.tiles
    if isinstance(network, Reconstructor):
        count = network.frames or 3
        channels = {"srgb6": 6, "raw4": 4}[network.layout]
        exposures = (4 ** torch.arange(float(count))).expand(batch, count)
        frames = torch.rand(batch, count, channels, *shape)
        masks = torch.ones(batch, count, *shape)
        fields = (v.to(on.device) for v in (frames, exposures, masks))
        frames, exposures, masks = fields
        return (BracketBatch(frames, exposures, count // 2, masks),)
    if name == "exposure-net":
        made = [torch.rand(batch, 3, *shape), torch.rand(batch, 3, *shape), torch.rand(batch, 2)]
    elif name == "deghostnet":
        made = [torch.rand(batch, channels, *shape) for channels in (9, 5)]
    else:
        config = network.config
        channels = getattr(config, "channels", None) or config.inputs
        made = [torch.rand(batch, channels, *shape)]
    return tuple(value.to(on.device) for value in made)


def fastest(run: Callable[[], object], on: Conditions) -> float:
    """Seconds of the fastest of several runs, after one that warms up."""
    alone = on.device == "cpu" and on.threads == 1
    clock = time.process_time if alone else time.perf_counter
    times = []
    for _ in range(on.runs + 1):
        start = clock()
        run()
        if on.device != "cpu":
            torch.cuda.synchronize()
        times.append(clock() - start)
    return min(times[1:])


def matrix_rate(on: Conditions) -> float:
    """Multiply-accumulate operations a second of a product of square matrices."""
    side = 2048 if on.device == "cpu" else 8192
    kind = torch.bfloat16 if on.bf16 else torch.float32
    left, right = (torch.rand(side, side, device=on.device).to(kind) for _ in range(2))
    return side**3 / fastest(lambda: left @ right, on)


@torch.no_grad()
def measure(name: str, on: Conditions) -> Cost:
    """Measure one network in this process."""
    if on.device == "cpu":
        tune_allocator()
    torch.set_num_threads(on.threads)
    network = build_network(name).eval().to(on.device)
    if on.memory_format == "last":
        network = network.to(memory_format=torch.channels_last)
    rate = matrix_rate(on)
    given = inputs(name, network, on)
    before = resident(on)

    def run() -> None:
        with torch.autocast(on.device, torch.bfloat16, enabled=on.bf16):
            network(*given)

    seconds = fastest(run, on)
    macs = count_macs(network, *given)
    return Cost(
        count_parameters(network),
        macs / on.megapixels / 1e6,
        seconds / on.megapixels,
        macs / seconds / rate,
        resident(on) - before,
    )


def resident(on: Conditions) -> float:
    """Most MB held so far, by the process or on the card."""
    if on.device != "cpu":
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    """Read the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="*", default=sorted(NETWORKS), choices=NETWORKS)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--tiles", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--memory-format", choices=("first", "last"), default="last")
    arguments = vars(parser.parse_args())
    names = arguments.pop("networks")
    on = Conditions(**arguments)
    print(f"{on}; PyTorch {torch.__version__}\n")
    print("| network | parameters | kMACs a pixel | s a megapixel | of matrix rate | peak MB |")
    print("|---|---|---|---|---|---|")
    for name in names:
        with get_context("spawn").Pool(1) as pool:
            cost = pool.apply(measure, (name, on))
        print(
            f"| {name} | {cost.parameters:,} | {cost.macs / 1e3:.1f} | {cost.seconds:.2f} "
            f"| {cost.share:.0%} | {cost.memory:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
