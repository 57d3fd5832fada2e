"""Measure HDR-VDP-2: agreement with the authors' program on a folder of pairs, seconds, memory.

python benchmarks/hdrvdp2.py --pairs tests/evaluate/data/hdrvdp2 --size 1500x1000 --threads 1
python benchmarks/hdrvdp2.py --pairs FOLDER --size --figure docs/images/hdrvdp2.svg
"""

import argparse
import json
import resource
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, replace
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


COLOURS = ("#1f5fbf", "#c2410c", "#15803d", "#7e22ce")
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.grid{stroke:#ddd}.even{stroke:#888;"
    "stroke-dasharray:4 3}circle{fill-opacity:.6}"
)


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


@dataclass(frozen=True)
class Panel:
    """A square plot: where it lies, and the ranges of its axes."""

    left: float
    across: tuple[float, float, float]  # from, to, step
    along: tuple[float, float, float]
    titles: tuple[str, str]

    side = 300
    top = 30

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Give the place of a point on the page."""
        shares = [(v - a[0]) / (a[1] - a[0]) for v, a in ((x, self.across), (y, self.along))]
        return self.left + shares[0] * self.side, self.top + (1 - shares[1]) * self.side

    def frame(self) -> str:
        """Draw grid, numbers and titles."""
        parts = []
        for x in ticks(*self.across):
            (place, bottom), (_, top) = (self.place(x, y) for y in self.along[:2])
            parts.append(f'<path class="grid" d="M{place:.1f} {bottom}V{top}"/>')
            parts.append(text(place, bottom + 16, f"{x:g}", "middle"))
        for y in ticks(*self.along):
            (left, place), (right, _) = (self.place(x, y) for x in self.across[:2])
            parts.append(f'<path class="grid" d="M{left} {place:.1f}H{right}"/>')
            parts.append(text(left - 6, place + 4, f"{y:g}", "end"))
        middle = self.left + self.side / 2
        parts.append(text(middle, self.top + self.side + 36, self.titles[0], "middle"))
        parts.append(text(self.left - 30, self.top - 12, self.titles[1], "start"))
        return "".join(parts)

    def dot(self, x: float, y: float, colour: str) -> str:
        """Draw a point."""
        place = self.place(x, y)
        return f'<circle cx="{place[0]:.2f}" cy="{place[1]:.2f}" r="3.5" fill="{colour}"/>'

    def line(self, *points: tuple[float, float]) -> str:
        """Draw what perfect agreement would be."""
        path = "L".join("{:.1f} {:.1f}".format(*self.place(*point)) for point in points)
        return f'<path class="even" d="M{path}"/>'


def ticks(low: float, high: float, step: float) -> list[float]:
    """The numbers from end to end."""
    return [round(low + k * step, 9) for k in range(round((high - low) / step) + 1)]


def text(x: float, y: float, words: str, anchor: str) -> str:
    """Write words on the page."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def draw(qualities: dict[str, list[tuple[float, float]]]) -> str:
    """Plot our Q against the authors', and what is between them, as SVG."""
    found = [pair for pairs in qualities.values() for pair in pairs]
    low, high = (10 * round(min(map(min, found)) // 10), 100)
    step = 10 if high - low <= 60 else 20
    low = high - step * -(-(high - low) // step)
    gap = max(abs(ours - theirs) for theirs, ours in found) * 1e4
    most = 2.0 * -(-gap // 2)
    names = ("Q of the authors' program", "Q of deghost", "difference of Q, in 0.0001")
    both = Panel(60, (low, high, step), (low, high, step), names[:2])
    gaps = Panel(450, (low, high, step), (-most, most, most / 4), (names[0], names[2]))
    parts = [both.frame(), gaps.frame(), both.line((low, low), (high, high))]
    parts.append(gaps.line((low, 0), (high, 0)))
    for k, (name, pairs) in enumerate(qualities.items()):
        colour = COLOURS[k % len(COLOURS)]
        for theirs, ours in pairs:
            parts.append(both.dot(theirs, ours, colour))
            parts.append(gaps.dot(theirs, (ours - theirs) * 1e4, colour))
        parts.append(f'<circle cx="{68 + 175 * k}" cy="390" r="4" fill="{colour}"/>')
        parts.append(text(78 + 175 * k, 394, name, "start"))
    page = 'width="780" height="405"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 405" {page}>'
        f'<style>{STYLE}</style><rect {page} fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def main() -> None:
    """Print two Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=Path, help="folder of NAME_ref.hdr, NAME_test.hdr, JSON")
    parser.add_argument("--size", nargs="*", default=["1500x1000"])
    parser.add_argument("--dtype", nargs="+", default=["float32"])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--figure", type=Path, help="SVG of our Q against the authors'")
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
        qualities = agree(settings.pairs, getattr(torch, name))
        if settings.figure is not None:
            settings.figure.write_text(draw(qualities), "utf-8")
        for viewing, pairs in qualities.items():
            errors = [abs(theirs - ours) for theirs, ours in pairs]
            print(
                f"| {viewing} | {name} | {len(pairs)} | {max(errors):.5f} "
                f"| {statistics.mean(errors):.5f} |"
            )


if __name__ == "__main__":
    main()
