"""Write what a merge made: the picture, and on request preview, masks, plan and response."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from deghost import __version__
from deghost.errors import SettingsError, WriteError
from deghost.io.atomic import atomic_write, check_target
from deghost.io.exif import exif_for_output
from deghost.io.gainmap_files import SdrBase, write_ultrahdr
from deghost.io.picture import PICTURE_SUFFIXES, write_picture
from deghost.io.radiance import WRITABLE, RadianceMetadata, write_radiance
from deghost.io.response_files import write_response
from deghost.merge.merged import Merged
from deghost.merge.picture import diffuse_white, plan_picture, show
from deghost.merge.plan_files import plan_to_json
from deghost.merge.tiles import read_map


ULTRA_HDR = (".jpg", ".jpeg")


@dataclass(frozen=True)
class Outputs:
    """Where a merge is written to."""

    picture: Path  # .exr, .hdr, .tif, or .jpg for Ultra HDR
    masks: Path | None = None  # a folder
    plan: Path | None = None
    preview: Path | None = None  # .jpg or .png
    response: Path | None = None


def check_outputs(outputs: Outputs, frames: tuple[Path, ...] = (), *, force: bool) -> None:
    """Complain about outputs that cannot be written, before any work is done."""
    _check_suffix(outputs.picture, (*WRITABLE, *ULTRA_HDR))
    if outputs.preview is not None:
        _check_suffix(outputs.preview, PICTURE_SUFFIXES)
    files = [outputs.picture, outputs.plan, outputs.preview, outputs.response]
    named = [file for file in files if file is not None]
    inputs = {frame.resolve() for frame in frames}
    for number, file in enumerate(named):
        if file.resolve() in inputs:
            raise WriteError(f"{file.name} is one of the frames; give another name")
        if file.resolve() in {other.resolve() for other in named[:number]}:
            raise WriteError(f"{file.name} is named for two outputs; give them different names")
        check_target(file, force=force)
    if outputs.masks is not None and outputs.masks.exists() and not outputs.masks.is_dir():
        raise WriteError(f"{outputs.masks.name} is not a folder; name one for the masks")


def _check_suffix(path: Path, known: tuple[str, ...]) -> None:
    if path.suffix.lower() not in known:
        ending = path.suffix or "no ending"
        raise SettingsError(f"{path.name} has {ending}; known are {', '.join(known)}")


def write_outputs(merged: Merged, outputs: Outputs, *, force: bool) -> list[Path]:
    """Write everything asked for and return the files, the picture first."""
    written = [outputs.picture]
    wants_sdr = outputs.preview is not None or outputs.picture.suffix.lower() in ULTRA_HDR
    shown = show(merged.pixels, plan_picture(merged.pixels)) if wants_sdr else None
    if outputs.picture.suffix.lower() in ULTRA_HDR and shown is not None:
        white = diffuse_white(merged.pixels, shown)
        base = SdrBase(shown, white, _exif(merged))
        write_ultrahdr(outputs.picture, merged.pixels, base, force=force)
    else:
        kind = "half" if merged.pixels.dtype == np.float16 else "float"
        write_radiance(
            outputs.picture, merged.pixels, metadata_of(merged), exr_type=kind, force=force
        )
    if outputs.preview is not None and shown is not None:
        write_picture(outputs.preview, shown, _exif(merged), force=force)
        written.append(outputs.preview)
    if outputs.plan is not None:
        atomic_write(outputs.plan, plan_to_json(merged.plan).encode(), force=force)
        written.append(outputs.plan)
    if outputs.response is not None:
        response = merged.plan.response or merged.bracket.frames[0].response
        write_response(outputs.response, response, force=force)
        written.append(outputs.response)
    if outputs.masks is not None:
        outputs.masks.mkdir(parents=True, exist_ok=True)
        for name, mask in masks_of(merged):
            write_picture(outputs.masks / name, mask, b"", force=force)
            written.append(outputs.masks / name)
    return written


def _exif(merged: Merged) -> bytes:
    capture = merged.bracket.frames[merged.plan.reference].capture
    return exif_for_output(capture, merged.pixels.shape[:2])


def metadata_of(merged: Merged) -> RadianceMetadata:
    """Gather what the header of a merged picture says."""
    plan = merged.plan
    y, x, _, _ = plan.crop
    return RadianceMetadata(
        capture=merged.bracket.frames[plan.reference].capture,
        absolute_scale=merged.absolute,
        sources=[
            {"file": path.name, "exposure": exposure.value, "from": exposure.source}
            for path, exposure in zip(plan.frames, plan.exposures, strict=True)
        ],
        version=__version__,
        parameters=plan_to_json(plan),
        original_window=(-x, -y, plan.size[1] - x, plan.size[0] - y),
    )


def masks_of(merged: Merged) -> Iterator[tuple[str, UInt8[np.ndarray, "h w"]]]:
    """Yield file name and mask of every frame but the reference: white is what moved."""
    plan, guides = merged.plan, merged.guides
    for k, path in enumerate(plan.frames):
        if k != plan.reference:
            still = read_map(guides.still[k][None], plan.crop, guides.factor)[0]
            mask = ((1 - still) * 255).round().to(torch.uint8).numpy()
            yield f"{path.stem}_motion.png", mask
