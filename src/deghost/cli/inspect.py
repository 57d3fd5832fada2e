"""`deghost inspect`: what a merge would decide about a bracket, and why."""

from dataclasses import asdict

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
from deghost.cli.terminal import print_json, progress_bar
from deghost.merge.settings import MergeSettings


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
    from deghost.cli.report import plan_summary, print_inspection
    from deghost.merge.inspection import inspect_frames
    from deghost.merge.merged import open_bracket
    from deghost.merge.plan import plan_merge

    settings = MergeSettings(
        exposures=exposure_settings(exposures, ev, fit=fit_exposures),
        reference=reference,
        response=response,
    )
    with progress_bar("inspecting", visible=not json):
        bracket = open_bracket(frames, settings)
        plan = plan_merge(bracket, settings)
        found = inspect_frames(bracket, plan)
    if json:
        print_json({**plan_summary(plan), "measured": [asdict(item) for item in found]})
    else:
        print_inspection(plan, found)
