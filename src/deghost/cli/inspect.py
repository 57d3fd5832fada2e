"""`deghost inspect`: what a merge would decide about a bracket, and why."""

from rich.table import Table

from deghost.cli.options import (
    Fit,
    Frames,
    Json,
    Reference,
    ResponseName,
    Stops,
    Times,
    exposure_settings,
)
from deghost.cli.report import console, plan_summary, print_json, print_plan


def inspect(
    frames: Frames = (),
    /,
    *,
    exposures: Times = None,
    ev: Stops = None,
    fit_exposures: Fit = False,
    reference: Reference = None,
    response: ResponseName = "auto",
    json: Json = False,
) -> None:
    """Show exposures, clipping, alignment and the suggested reference of a bracket."""
    from deghost.merge.inspection import inspect_frames
    from deghost.merge.merged import open_bracket
    from deghost.merge.plan import plan_merge
    from deghost.merge.settings import MergeSettings

    settings = MergeSettings(
        exposures=exposure_settings(exposures, ev, fit=fit_exposures),
        reference=reference,
        response=response,
    )
    bracket = open_bracket(frames, settings)
    plan = plan_merge(bracket, settings)
    found = inspect_frames(bracket, plan)
    if json:
        details = [item.__dict__ for item in found]
        print_json({**plan_summary(plan), "measured": details})
        return
    print_plan(plan)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "clipped", "buried", "moved", "noise at 1 %", "notes"):
        table.add_column(title)
    for k, item in enumerate(found):
        table.add_row(
            f"{k}",
            f"{item.clipped:.1%}",
            f"{item.buried:.1%}",
            "" if k == plan.reference else f"{item.moved:.1%}",
            f"SNR {item.signal_to_noise:.0f}",
            "; ".join(item.notes),
        )
    console.print(table)
    for k, warp in enumerate(plan.warps):
        if k != plan.reference:
            console.print(f"- frame {k}: {warp.reason}")
