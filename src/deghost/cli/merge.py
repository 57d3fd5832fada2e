"""`deghost merge`: frames in, one HDR picture out."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deghost.cli.allocator import tune_for_networks
from deghost.cli.options import (
    Compute,
    Fit,
    Force,
    Frames,
    ImportMasks,
    Json,
    Output,
    Quiet,
    Reference,
    ResponseName,
    Stops,
    Times,
    deghost_strength,
    exposure_settings,
)
from deghost.cli.terminal import progress_bar
from deghost.errors import SettingsError
from deghost.merge.settings import NETWORKS, AlignMode, MergeSettings, Method, PixelType, Scale
from deghost.segment.segmenters import ExposureSegmenter, Segmenter


def merge(
    frames: Frames = (),
    /,
    *,
    output: Output,
    exposures: Times = None,
    ev: Stops = None,
    fit_exposures: Fit = False,
    reference: Reference = None,
    response: ResponseName = "auto",
    scale: Annotated[
        Scale,
        Parameter(
            help="What 1.0 means: the reference's clipping, light at EV100 0, or the maximum."
        ),
    ] = "reference",
    method: Annotated[
        Method | None,
        Parameter(help="How frames become one: averages, or a network. [default: deghostnet]"),
    ] = None,
    fast: Annotated[
        bool, Parameter(negative=(), help="Average, in a third of the time: --method weighted.")
    ] = False,
    weights: Annotated[
        str | None,
        Parameter(help="Weights of a network: their name, or a file. [default: as shipped]"),
    ] = None,
    device: Compute = "auto",
    deghost: Annotated[
        str, Parameter(help="How readily things count as moved: off, low, medium, high or 0..1.")
    ] = "medium",
    motion: Annotated[
        Segmenter, Parameter(help="Who finds what moved: rules, or a trained network.")
    ] = "learned",
    exposure_mask: Annotated[
        ExposureSegmenter,
        Parameter(help="Who finds what is well exposed: rules, or a trained network."),
    ] = "classical",
    import_masks: ImportMasks = None,
    align: Annotated[
        AlignMode, Parameter(help="Line frames up; flow also follows things that moved.")
    ] = "rigid",
    crop: Annotated[
        bool, Parameter(negative="--no-crop", help="Cut off borders that not all frames show.")
    ] = True,
    exr_type: Annotated[PixelType, Parameter(help="Numbers in an EXR file.")] = "half",
    masks: Annotated[
        Path | None, Parameter(help="Folder for the masks of every frame, as PNG.")
    ] = None,
    plan: Annotated[Path | None, Parameter(help="File for the plan of the merge, as JSON.")] = None,
    preview: Annotated[Path | None, Parameter(help="File for a tone-mapped JPEG or PNG.")] = None,
    save_response: Annotated[
        Path | None, Parameter(help="File for the recovered camera curve, as JSON.")
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Merge a bracket into one ghost-free HDR picture.

    The ending of the output tells the format: .exr, .hdr, .tif, or .jpg for Ultra HDR.
    """
    from deghost.cli.report import print_merge
    from deghost.merge.merged import merge_files
    from deghost.merge.outputs import Outputs, check_outputs, write_outputs

    chosen = _method(method, fast=fast)
    outputs = Outputs(output, masks, plan, preview, save_response)
    check_outputs(outputs, (*frames, Path(response)), force=force)
    settings = MergeSettings(
        exposures=exposure_settings(exposures, ev, fit=fit_exposures),
        reference=reference,
        response=response,
        scale=scale,
        method=chosen,
        weights=weights,
        device=device,
        deghost=deghost_strength(deghost),
        motion=motion,
        exposure_mask=exposure_mask,
        align=align,
        crop=crop,
        pixel_type=exr_type,
    )
    if chosen in NETWORKS:
        tune_for_networks()
    with progress_bar("reading", visible=not (quiet or json)) as progress:
        merged = merge_files(frames, settings, progress, import_masks)
    written = write_outputs(merged, outputs, force=force)
    if not quiet:
        print_merge(merged, written, as_json=json)


def _method(asked: Method | None, *, fast: bool) -> Method:
    """Choose the method. Raises SettingsError for two at a time."""
    if fast and asked not in (None, "weighted"):
        raise SettingsError(f"--fast is --method weighted; give it, or --method {asked}")
    return "weighted" if fast else asked or MergeSettings.method
