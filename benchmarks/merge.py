"""Compare a merge by deghost with a merge by OpenCV: seconds, processor seconds, peak memory.

Every run is its own process, and nothing heavier than the standard library is imported here: Linux
counts what a process held before it turned into its program, so a large parent would be measured
with every child.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


HERE = Path(__file__).resolve().parent
SIZES = {24: (6000, 4000), 100: (12250, 8165)}
METHODS = ("deghost", "opencv-exr", "opencv-hdr")


@dataclass(frozen=True)
class Run:
    """What one process took."""

    seconds: float
    processor: float  # s, user and system
    peak: float  # MB


def measure(command: list[str]) -> Run:
    """Run a command in a fresh process; its failure is an error."""
    start = time.perf_counter()
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"merge.py: exit code {child.returncode} from: {' '.join(command)}")
    unit = 1 if platform.system() == "Darwin" else 1024
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6)


def bracket(megapixels: int, frames: int, folder: Path) -> list[Path]:
    """Paths of a synthetic bracket, made on first use."""
    width, height = SIZES[megapixels]
    home = folder / f"{megapixels}mp-{frames}"
    paths = [home / f"IMG_{number:04d}.jpg" for number in range(1, frames + 1)]
    if not all(path.exists() for path in paths):
        script = [sys.executable, str(HERE / "synthetic_bracket.py")]
        size = ["--width", str(width), "--height", str(height), "--frames", str(frames)]
        subprocess.run([*script, *size, "--out", str(home)], check=True)
    return paths


def command_of(method: str, paths: list[Path], out: Path, extra: list[str]) -> list[str]:
    """The command line that merges a bracket by a method."""
    names = [str(path) for path in paths]
    if method == "deghost":
        program = [sys.executable, "-m", "deghost", "merge"]
        return [*program, *names, "-o", str(out / "deghost.exr"), "--force", "--quiet", *extra]
    target = str(out / f"opencv.{method.removeprefix('opencv-')}")
    return [sys.executable, str(HERE / "opencv_merge.py"), *names, "--out", target]


def table(results: dict[str, list[Run]]) -> str:
    """Medians of the runs of each method as a Markdown table, with ratios to the last one."""
    medians = {
        method: [
            statistics.median(getattr(run, name) for run in runs)
            for name in ("seconds", "processor", "peak")
        ]
        for method, runs in results.items()
    }
    base = list(medians.values())[-1]
    lines = [
        "| method | wall s | range | CPU s | peak MB | wall ratio | memory ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for method, (seconds, processor, peak) in medians.items():
        walls = [run.seconds for run in results[method]]
        lines.append(
            f"| {method} | {seconds:.2f} | {min(walls):.2f}-{max(walls):.2f} | {processor:.2f} "
            f"| {peak:.0f} | {seconds / base[0]:.2f} | {peak / base[2]:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Read the command line, run the methods in turn and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="Arguments after -- go to `deghost merge`."
    )
    parser.add_argument("--size", type=int, nargs="+", choices=SIZES, default=[24])
    parser.add_argument("--frames", type=int, choices=(3, 5, 7), default=3)
    parser.add_argument("--method", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=Path("work/bench"))
    mine, extra = split_at_dashes(sys.argv[1:])
    arguments = parser.parse_args(mine)
    for megapixels in arguments.size:
        paths = bracket(megapixels, arguments.frames, arguments.cache)
        commands = {
            method: command_of(method, paths, arguments.cache, extra) for method in arguments.method
        }
        results: dict[str, list[Run]] = {method: [] for method in commands}
        for _ in range(arguments.runs):
            for method, command in commands.items():
                results[method].append(measure(command))
        print(heading(paths, SIZES[megapixels], arguments.runs))
        print(f"\n{table(results)}\n", flush=True)


def heading(paths: list[Path], size: tuple[int, int], runs: int) -> str:
    """What a table is about."""
    stored = statistics.mean(path.stat().st_size for path in paths) / 1e6
    frames = f"{len(paths)} frames of {size[0]} x {size[1]} (JPEG, {stored:.1f} MB each)"
    return f"{frames}, {os.cpu_count()} cores, median of {runs} runs"


def split_at_dashes(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The arguments before and after the first `--`."""
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


if __name__ == "__main__":
    main()
