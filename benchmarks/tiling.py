"""Measure what merging by tiles changes in the picture that a network makes of the whole.

python benchmarks/tiling.py --networks vam segdeghost --size 512 --side 256 [--rims 32 64]
python benchmarks/tiling.py --weights FILE ...

Networks without weights are random. Everything runs through `deghost merge`'s own plan and tiles.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import cast
from unittest.mock import patch

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from deghost.cli.allocator import keep_freed_memory
from deghost.evaluate.psnr import psnr_mu
from deghost.layers.weights import Card, read_header, save_weights
from deghost.merge import learned, refined
from deghost.merge.guides import Guides, make_guides
from deghost.merge.learned import Tiling, learned_method
from deghost.merge.plan import plan_merge
from deghost.merge.reading import Source
from deghost.merge.refined import refined_method
from deghost.merge.render import render
from deghost.merge.scenes import bracket_of
from deghost.merge.settings import MergeSettings, Network
from deghost.merge.tile_methods import TileMethod
from deghost.models.zoo import build_network, find_weights
from deghost.types import Radiance, Scene


STOPS = 10.0
EXPOSURES = torch.tensor([1.0, 4.0, 16.0])
RIMS = {**learned.RIMS, "deghostnet": refined.RIM}
RGB = {"tmrnet": {"layout": "srgb6", "frames": 3}}  # forms that take three frames of RGB


@dataclass(frozen=True)
class Change:
    """What tiles change, as shares of the range of the whole."""

    decibels: float
    largest: float
    seam: float  # the largest change of the difference between neighbouring pixels
    seconds: float  # of the processor, against those of the whole
    short: float  # dB of PSNR-mu between bfloat16 and single floats, 1.0 = the brightest


def textured(size: tuple[int, int], generator: torch.Generator) -> Float[Tensor, "3 h w"]:
    """Smooth light, blocks with sharp edges and fine texture, over ten stops."""
    total = torch.zeros(1, 3, *size)
    for octave in range(1, 8):
        coarse = torch.rand(1, 3, 2**octave + 1, 2**octave + 1, generator=generator)
        mode = "bicubic" if octave < 6 else "nearest"
        total += 0.65**octave * functional.interpolate(coarse, size, mode=mode)
    level = (total - total.amin()) / (total.amax() - total.amin())
    return 2.0 ** (STOPS * (level[0] - 0.7))


def moving_scene(size: int) -> Scene:
    """Three noisy frames; in each a square has moved on."""
    generator = torch.Generator().manual_seed(5)
    truth = textured((size, size), generator)
    thing = textured((size // 5, size // 5), generator)
    views = []
    for k in range(len(EXPOSURES)):
        view, place = truth.clone(), size // 4 + k * size // 8
        view[:, place : place + size // 5, place : place + size // 5] = thing
        views.append(view)
    linear = torch.stack(views) * EXPOSURES[:, None, None, None]
    noise = torch.randn(linear.shape, generator=generator) * (1e-4 * linear + 1e-6).sqrt()
    codes = (linear + noise).clamp(0, 1) ** (1 / 2.2)
    return Scene("textured", (codes * 255).round() / 255, EXPOSURES, 1)


def planned(scene: Scene, name: str, weights: Path) -> tuple[Source, Guides]:
    """Plan the merge of a scene by a network."""
    bracket = bracket_of(scene)
    settings = MergeSettings(
        method=cast(Network, name),
        weights=str(weights),
        reference=scene.reference,
        response="gamma2.2",
        align="none",
        pixel_type="float",
        device="cpu",
    )
    plan = plan_merge(bracket, settings)
    assert plan.prepared is not None
    return Source(bracket, plan, plan.prepared.curves), make_guides(plan, plan.prepared)


def tile_method(source: Source, side: int, rim: int) -> TileMethod:
    """Let a network see windows of a side, of which a rim belongs to other tiles."""
    if source.plan.method == "deghostnet":
        refined.RIM = rim
        return replace(refined_method(source), tile=(side - 2 * rim, side - 2 * rim))
    return learned_method(source, Tiling(side, rim, min(rim, 16)))


def rendered(source: Source, guides: Guides, method: TileMethod) -> tuple[Radiance, float]:
    """Merge by tiles; give the picture and seconds of the processor."""
    pixels = torch.empty(*source.plan.size, 3)
    start = process_time()
    for tile in render(source, guides, method=method):
        y, x, height, width = tile.window
        pixels[y : y + height, x : x + width] = torch.from_numpy(tile.pixels)
    return pixels.permute(2, 0, 1), process_time() - start


@contextmanager
def single_floats() -> Iterator[None]:
    """Keep networks from bfloat16."""
    with (
        patch.object(learned, "short_numbers", lambda device: nullcontext()),
        patch.object(refined, "short_numbers", lambda device: nullcontext()),
    ):
        yield


def measure(source: Source, guides: Guides, side: int, rims: list[int]) -> Iterator[Change]:
    """Compare tiles of every rim with the whole."""
    everything = tile_method(source, max(source.plan.size), 0)
    short, _ = rendered(source, guides, everything)
    with single_floats():
        whole, seconds = rendered(source, guides, everything)
    peak = float(whole.max())
    agreement = float(psnr_mu(short / peak, whole / peak))
    for rim in rims:
        with single_floats():
            tiles, needed = rendered(source, guides, tile_method(source, side, rim))
        error = (tiles - whole).double() / float(whole.max() - whole.min())
        seams = (error.diff(dim=axis).abs().max() for axis in (1, 2))
        yield Change(
            decibels=float(-10 * error.square().mean().log10()),
            largest=float(error.abs().max()),
            seam=float(max(seams)),
            seconds=needed / seconds,
            short=agreement,
        )


def named_weights(arguments: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Path]]:
    """Give networks and weights: those asked for, or random ones."""
    for file in arguments.weights:
        path = find_weights(file)
        yield read_header(path).name, path
    for name in () if arguments.weights else arguments.networks:
        torch.manual_seed(1)
        network = build_network(name, **RGB.get(name, {}))
        path = folder / f"{name}.safetensors"
        card = Card("none: random", "Apache-2.0")
        save_weights(path, name, network.config, network.state_dict(), card, half=False)
        yield name, path


def main() -> None:
    """Read the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="*", default=sorted(RIMS), choices=RIMS)
    parser.add_argument("--weights", nargs="*", default=[])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--rims", type=int, nargs="*")
    arguments = parser.parse_args()
    keep_freed_memory()
    scene = moving_scene(arguments.size)
    print(f"{arguments.size} px, windows of {arguments.side} px; PyTorch {torch.__version__}\n")
    print("| network | rim | dB | largest | seam | time | bfloat16 dB |")
    print("|---|---|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        for name, path in named_weights(arguments, Path(folder)):
            source, guides = planned(scene, name, path)
            rims = arguments.rims or [RIMS[name]]
            for rim, change in zip(
                rims, measure(source, guides, arguments.side, rims), strict=True
            ):
                print(
                    f"| {name} | {rim} | {change.decibels:.1f} | {change.largest:.1e} "
                    f"| {change.seam:.1e} | {change.seconds:.2f} | {change.short:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
