"""What the commands say about a merge: tables for people, plain data for scripts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from deghost.align.warp import Warp
from deghost.cli.terminal import make_table, print_json, say
from deghost.merge.inspection import FrameReport
from deghost.merge.merged import Merged
from deghost.merge.plan import MergePlan
from deghost.radiometry.exposure import ev100


def print_merge(merged: Merged, written: Sequence[Path], *, as_json: bool) -> None:
    """Print what was decided and which files were written."""
    if as_json:
        print_json(merge_summary(merged, written))
        return
    print_plan(merged.plan, merged.notes)
    height, width = merged.pixels.shape[:2]
    kind = "half" if merged.pixels.dtype.itemsize == 2 else "float"
    say(f"merged {len(merged.plan.frames)} frames into {width}x{height} ({kind})")
    for path in written:
        say(f"wrote {path}")


def print_plan(plan: MergePlan, notes: Sequence[str] | None = None) -> None:
    """Print the table of frames and the reasons of what was decided: `notes`, or the plan's."""
    table = make_table(
        "", "frame", "EV", "exposure from", "aligned by", "moved by", right=("EV", "moved by")
    )
    for k, path in enumerate(plan.frames):
        warp = plan.warps[k]
        is_reference = k == plan.reference
        table.add_row(
            f"{k}",
            Text(path.name + (" *" if is_reference else "")),
            f"{-ev100(plan.relative[k]) + 0.0:+.2f}",
            plan.exposures[k].source,
            "reference" if is_reference else _aligned_by(warp),
            "" if is_reference or warp.model == "none" else f"{_movement(plan, k):.1f} px",
        )
    say(table)
    for note in plan.notes if notes is None else notes:
        say(f"- {note}")


def print_inspection(plan: MergePlan, found: Sequence[FrameReport]) -> None:
    """Print what was decided about a bracket, and what its frames are worth."""
    print_plan(plan)
    table = make_table("", "clipped", "buried", "moved", "noise at 1 %")
    for k, item in enumerate(found):
        table.add_row(
            f"{k}",
            f"{item.clipped:.1%}",
            f"{item.buried:.1%}",
            "" if k == plan.reference else f"{item.moved:.1%}",
            f"SNR {item.signal_to_noise:.0f}",
        )
    say(table)
    for k, warp in enumerate(plan.warps):
        if k != plan.reference:
            say(f"- frame {k}: {warp.reason}")


def _aligned_by(warp: Warp) -> str:
    """The model of a warp; `none` says that nothing was needed, or that nothing could be told."""
    return "failed" if warp.failed else warp.model


def _movement(plan: MergePlan, k: int) -> float:
    """How far the middle of the picture moves, in pixels."""
    middle = ((plan.size[1] - 1) / 2, (plan.size[0] - 1) / 2)
    x, y, depth = plan.warps[k].matrix @ (*middle, 1.0)
    return float(((x / depth - middle[0]) ** 2 + (y / depth - middle[1]) ** 2) ** 0.5)


def merge_summary(merged: Merged, written: Sequence[Path]) -> dict[str, Any]:
    """Return what was decided and written as plain data."""
    height, width = merged.pixels.shape[:2]
    return {
        **plan_summary(merged.plan),
        "notes": list(merged.notes),
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
                "aligned_by": _aligned_by(warp),
                "why": warp.reason,
            }
            for path, exposure, warp in zip(plan.frames, plan.exposures, plan.warps, strict=True)
        ],
        "reference": plan.reference,
        "crop": list(plan.crop),
        "pixel_type": plan.pixel_type,
        "notes": list(plan.notes),
    }
