"""`deghost render`: a plan, perhaps edited, becomes a picture."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deghost.cli.allocator import tune_for_networks
from deghost.cli.options import Compute, Force, ImportMasks, Json, Output, Quiet
from deghost.cli.terminal import progress_bar


def render(
    plan: Annotated[Path, Parameter(help="A plan written by `deghost merge --plan`.")],
    /,
    *,
    output: Output,
    masks: Annotated[
        Path | None, Parameter(help="Folder for the masks of every frame, as PNG.")
    ] = None,
    import_masks: ImportMasks = None,
    device: Compute | None = None,
    preview: Annotated[Path | None, Parameter(help="File for a tone-mapped JPEG or PNG.")] = None,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Render a plan again. Relative paths of its frames start at the plan's folder."""
    from deghost.cli.report import print_merge
    from deghost.merge.merged import render_plan
    from deghost.merge.outputs import Outputs, check_outputs, write_outputs
    from deghost.merge.plan_files import load_plan, open_planned

    decided = load_plan(plan)
    if decided.network is not None:
        tune_for_networks()
        chosen = device or decided.network.device
        decided = replace(decided, network=replace(decided.network, device=chosen))
    if import_masks is not None:
        decided = replace(decided, masks=import_masks)
    outputs = Outputs(output, masks, preview=preview)
    check_outputs(outputs, (*decided.frames, plan), force=force)
    with progress_bar("reading", visible=not (quiet or json)) as progress:
        bracket = open_planned(decided, plan.name)
        merged = render_plan(bracket, decided, progress)
    written = write_outputs(merged, outputs, force=force)
    if not quiet:
        print_merge(merged, written, as_json=json)
