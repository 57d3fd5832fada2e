"""What the commands print: tables for people, JSON for scripts, a bar while they wait."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from deghost.merge.merged import Merged
from deghost.merge.plan import MergePlan
from deghost.radiometry.exposure import ev100


console = Console(highlight=False, soft_wrap=True, width=160)
PATIENCE = 1.0  # s of work before a bar is shown


@contextmanager
def progress_bar(*, visible: bool) -> Iterator[Callable[[float], None]]:
    """Show a bar with the time left on standard error once the work takes more than a second."""
    bar = Progress(
        TextColumn("merging"),
        BarColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not visible,
    )
    task = bar.add_task("merging", total=1.0)
    start = time.monotonic()

    def update(share: float) -> None:
        if not bar.live.is_started and time.monotonic() - start > PATIENCE:
            bar.start()
        bar.update(task, completed=share)

    try:
        yield update
    finally:
        bar.stop()


def print_merge(merged: Merged, written: Sequence[Path], *, as_json: bool) -> None:
    """Print what was decided and which files were written."""
    if as_json:
        print_json(summary(merged, written))
        return
    print_plan(merged.plan)
    height, width = merged.pixels.shape[:2]
    kind = "half" if merged.pixels.dtype.itemsize == 2 else "float"
    console.print(f"merged {len(merged.plan.frames)} frames into {width}x{height} ({kind})")
    for path in written:
        console.print(f"wrote {path}")


def print_json(data: Any) -> None:
    """Print data as JSON on standard output."""
    print(json.dumps(data, indent=1))


def print_plan(plan: MergePlan) -> None:
    """Print the table of frames and the reasons of what was decided."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "frame", "EV", "exposure from", "aligned by", "moved by"):
        table.add_column(title, justify="right" if title == "EV" else "left", no_wrap=True)
    for k, path in enumerate(plan.frames):
        warp = plan.warps[k]
        is_reference = k == plan.reference
        table.add_row(
            f"{k}",
            path.name + (" *" if is_reference else ""),
            f"{-ev100(plan.relative[k]) + 0.0:+.2f}",
            plan.exposures[k].source,
            "reference" if is_reference else warp.model,
            "" if is_reference or warp.model == "none" else f"{_movement(plan, k):.1f} px",
        )
    console.print(table)
    for note in plan.notes:
        console.print(f"- {note}")


def _movement(plan: MergePlan, k: int) -> float:
    """How far the middle of the picture moves, in pixels."""
    middle = ((plan.size[1] - 1) / 2, (plan.size[0] - 1) / 2)
    x, y, depth = plan.warps[k].matrix @ (*middle, 1.0)
    return float(((x / depth - middle[0]) ** 2 + (y / depth - middle[1]) ** 2) ** 0.5)


def summary(merged: Merged, written: Sequence[Path]) -> dict[str, Any]:
    """Return what was decided and written as plain data."""
    height, width = merged.pixels.shape[:2]
    return {
        **plan_summary(merged.plan),
        "size": [height, width],
        "absolute_scale": merged.absolute,
        "written": [str(path) for path in written],
    }


def plan_summary(plan: MergePlan) -> dict[str, Any]:
    """Return the decisions of a plan as plain data."""
    return {
        "frames": [
            {
                "file": str(path),
                "ev": ev100(plan.exposures[plan.reference].value) - ev100(exposure.value),
                "exposure": exposure.value,
                "source": exposure.source,
                "aligned_by": warp.model,
                "why": warp.reason,
            }
            for path, exposure, warp in zip(plan.frames, plan.exposures, plan.warps, strict=True)
        ],
        "reference": plan.reference,
        "crop": list(plan.crop),
        "pixel_type": plan.pixel_type,
        "notes": list(plan.notes),
    }
