"""Train a small recipe in one go, and killed twice and gone on with, and draw both loss curves.

python benchmarks/resumed_run.py --panoramas PANORAMAS --out docs/images/resumed-run.svg

Kills are SIGKILL, at whatever moment the log has grown long enough.
"""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from deghost.train.checkpoint import last_checkpoint
from deghost.train.logs import read_log
from deghost.train.run import CHECKPOINTS


RECIPE = "motion-net@simulated"
NUMBERS = ("--log-every", "1", "--save-every", "10", "--validate-every", "1000000")
SIZE = ("--size", "64", "64", "--validation-scenes", "2", "--batch", "2", "--warm-up", "10")
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 300, 56, 34, 34


def start(folder: Path, panoramas: Path, steps: int) -> subprocess.Popen[bytes]:
    """Begin a run in a folder, or go on with it, in a process of its own."""
    command = [sys.executable, "-m", "deghost", "train", RECIPE, "--out", str(folder), "--quiet"]
    command += ["--panoramas", str(panoramas), "--steps", str(steps), *NUMBERS, *SIZE]
    return subprocess.Popen(command)


def losses(folder: Path) -> dict[int, float]:
    """Read the loss of every step."""
    return {e["step"]: e["loss"] for e in read_log(folder) if e["kind"] == "train"}


def train_unbroken(folder: Path, panoramas: Path, steps: int) -> None:
    """Train in one go."""
    if start(folder, panoramas, steps).wait():
        raise SystemExit("the unbroken run ended early")


def train_broken(
    folder: Path, panoramas: Path, steps: int, kills: Sequence[int]
) -> list[tuple[int, int]]:
    """Train, killed after some steps; return where it was killed and from where it went on."""
    breaks = []
    for kill in kills:
        process = start(folder, panoramas, steps)
        while len(losses(folder)) < kill:
            if process.poll() is not None:
                raise SystemExit("the run ended before it was killed")
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        last = last_checkpoint(folder / CHECKPOINTS)
        breaks.append((max(losses(folder)), int(last.stem) if last else 0))
    train_unbroken(folder, panoramas, steps)
    return breaks


def drawn(
    unbroken: Mapping[int, float], broken: Mapping[int, float], breaks: Sequence[tuple[int, int]]
) -> str:
    """Draw both curves as an SVG, the broken one as dots on the line of the other."""
    last, most = max(unbroken), max(unbroken.values())
    largest = max(abs(loss - broken[step]) for step, loss in unbroken.items())

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - 16) * (step - 1) / max(last - 1, 1)

    def y(loss: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - loss / most)

    ticks = [most * k / 4 for k in range(5)]
    parts = [
        f'<path d="M{LEFT} {y(t):.1f}H{WIDTH - 16}" stroke="#ddd"/>'
        f'<text x="{LEFT - 8}" y="{y(t) + 4:.1f}" text-anchor="end">{t:.2f}</text>'
        for t in ticks
    ]
    parts += [
        f'<path d="M{x(killed):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#b00" stroke-dasharray="4 3"/>'
        f'<text x="{x(killed) + 5:.1f}" y="{TOP + 12}" fill="#b00">kill -9 in step {killed + 1}, '
        f"on from {again}</text>"
        for killed, again in breaks
    ]
    line = " ".join(f"{x(step):.1f},{y(loss):.1f}" for step, loss in unbroken.items())
    parts.append(f'<polyline points="{line}" fill="none" stroke="#999" stroke-width="4"/>')
    parts += [
        f'<circle cx="{x(step):.1f}" cy="{y(loss):.1f}" r="1.6" fill="#06c"/>'
        for step, loss in broken.items()
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="11">'
        '<rect width="100%" height="100%" fill="white"/>'
        f'<text x="{LEFT}" y="18" font-size="13">Loss of an unbroken run (grey) and of one killed '
        f"{len(breaks)} times (blue): largest difference {largest:g}</text>"
        + "".join(parts)
        + f'<text x="{LEFT}" y="{HEIGHT - 12}">step 1</text>'
        f'<text x="{WIDTH - 16}" y="{HEIGHT - 12}" text-anchor="end">{last}</text></svg>\n'
    )


def main() -> None:
    """Read the command line, train and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--panoramas", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("docs/images/resumed-run.svg"))
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--kills", type=int, nargs="*", default=[37, 83], help="after these steps")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        whole, parts = Path(folder) / "unbroken", Path(folder) / "broken"
        train_unbroken(whole, arguments.panoramas, arguments.steps)
        breaks = train_broken(parts, arguments.panoramas, arguments.steps, arguments.kills)
        picture = drawn(losses(whole), losses(parts), breaks)
    arguments.out.write_text(picture, "utf-8")
    print(f"{arguments.out} shows {arguments.steps} steps; killed and gone on with: {breaks}")


if __name__ == "__main__":
    main()
