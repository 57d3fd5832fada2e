"""`deghost segment`: where frames are well exposed, or what moved in them, as masks."""

from pathlib import Path
from typing import Annotated, Literal, get_args

from cyclopts import Parameter

from deghost.cli.options import (
    Fit,
    Force,
    Frames,
    Json,
    Quiet,
    Reference,
    ResponseName,
    Stops,
    Times,
    deghost_strength,
    exposure_settings,
)
from deghost.cli.terminal import progress_bar
from deghost.merge.settings import AlignMode, MergeSettings
from deghost.segment.segmenters import ExposureSegmenter, Segmenter


Folder = Annotated[
    Path, Parameter(name=["--output", "-o"], help="Folder for the masks; made if there is none.")
]
What = Annotated[
    Literal["exposure", "motion"],
    Parameter(help="Find what is well exposed, or what moved against the reference."),
]
By = Annotated[
    ExposureSegmenter | Segmenter | None,
    Parameter(
        help="Who finds it; motion: classical, motion-unet, learned. [default: as deghost merge]"
    ),
]
MaskFormat = Annotated[
    Literal["png", "exr"], Parameter(name="--format", help="Format of the masks.")
]
Truth = Annotated[
    Path | None,
    Parameter(help="Folder of true masks, named alike or as by deghost simulate, to compare with."),
]


def segment(
    frames: Frames = (),
    /,
    *,
    what: What,
    method: By = None,
    output: Folder,
    mask_format: MaskFormat = "png",
    overlays: Annotated[
        bool, Parameter(negative="--no-overlays", help="Write pictures that show the masks, too.")
    ] = True,
    truth: Truth = None,
    exposures: Times = None,
    ev: Stops = None,
    fit_exposures: Fit = False,
    reference: Reference = None,
    response: ResponseName = "auto",
    deghost: Annotated[
        str, Parameter(help="How readily things count as moved: low, medium, high or 0..1.")
    ] = "medium",
    align: Annotated[AlignMode, Parameter(help="Line frames up before.")] = "rigid",
    crop: Annotated[
        bool, Parameter(negative="--no-crop", help="Cut off borders that not all frames show.")
    ] = True,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write the masks that `deghost merge` uses with the same options.

    They lie on the grid of the merged picture. Edited, `deghost merge --import-masks` takes them.
    """
    from deghost.cli.segment_report import Job, print_masks, run
    from deghost.errors import SettingsError

    is_motion = what == "motion"
    able = get_args(Segmenter if is_motion else ExposureSegmenter)
    if method is not None and method not in able:
        raise SettingsError(f"--method {method} finds no {what}; give {' or '.join(able)}")
    default = MergeSettings.motion if is_motion else MergeSettings.exposure_mask
    chosen = method or default
    settings = MergeSettings(
        method="weighted",  # masks need no network that merges
        exposures=exposure_settings(exposures, ev, fit=fit_exposures),
        reference=reference,
        response=response,
        deghost=deghost_strength(deghost),
        motion=chosen if is_motion else "classical",  # type: ignore[arg-type]  # told above
        exposure_mask="classical" if is_motion else chosen,  # type: ignore[arg-type]
        align=align,
        crop=crop,
    )
    job = Job("moved" if is_motion else "exposed", output, f".{mask_format}", overlays, truth)
    with progress_bar("reading", visible=not (quiet or json), then="segmenting") as progress:
        found = run(frames, settings, job, progress, force=force)
    if not quiet:
        print_masks(found, chosen, as_json=json)
