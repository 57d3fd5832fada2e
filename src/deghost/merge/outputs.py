"""Write what a merge made: the picture, and on request preview, masks, plan and response."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from deghost import __version__
from deghost.errors import SettingsError, WriteError
from deghost.io.atomic import atomic_write, check_target, made_folder, together
from deghost.io.exif import exif_for_output
from deghost.io.gainmap_files import SdrBase, write_ultrahdr
from deghost.io.picture import PICTURE_SUFFIXES, write_picture
from deghost.io.radiance import WRITABLE, RadianceMetadata, write_radiance
from deghost.io.response_files import write_response
from deghost.merge.exposure_guides import masked_proxy
from deghost.merge.mask_files import mask_name
from deghost.merge.merged import Merged
from deghost.merge.picture import diffuse_white, plan_picture, show
from deghost.merge.plan import prepare
from deghost.merge.plan_files import plan_to_json, relative_to
from deghost.merge.segmentation import mask_codes
from deghost.merge.tiles import read_map
from deghost.types import Mask


ULTRA_HDR = (".jpg", ".jpeg")
MASKS = ("exposed", "moved")


@dataclass(frozen=True)
class Outputs:
    """Where a merge is written to."""

    picture: Path  # .exr, .hdr, .tif, or .jpg for Ultra HDR
    masks: Path | None = None  # a folder, made if there is none
    plan: Path | None = None
    preview: Path | None = None  # .jpg or .png
    response: Path | None = None


def check_outputs(outputs: Outputs, inputs: tuple[Path, ...] = (), *, force: bool) -> None:
    """Complain about outputs that cannot be written, before any work is done.

    Raises WriteError, or SettingsError for an ending of no known format.
    """
    files = [outputs.picture, outputs.plan, outputs.preview, outputs.response]
    named = [file for file in files if file is not None]
    taken = {path.resolve() for path in inputs}
    for file in named:
        if file.resolve() in taken:
            is_input = file.resolve() in {path.resolve() for path in inputs}
            reason = "is one of the files to read" if is_input else "is named for two outputs"
            raise WriteError(f"{file.name} {reason}; give another name")
        taken.add(file.resolve())
        check_target(file, force=force)
    check_suffix(outputs.picture, (*WRITABLE, *ULTRA_HDR))
    if outputs.preview is not None:
        check_suffix(outputs.preview, PICTURE_SUFFIXES)
    if outputs.masks is not None:
        _check_masks(outputs.masks, inputs, taken, force=force)


def check_suffix(path: Path, known: tuple[str, ...]) -> None:
    """Raise SettingsError for a file whose ending is not among those known."""
    if path.suffix.lower() not in known:
        ending = f"ends in {path.suffix}" if path.suffix else "has no ending"
        raise SettingsError(f"{path.name} {ending}; give one of {', '.join(known)}")


def _check_masks(folder: Path, inputs: tuple[Path, ...], taken: set[Path], *, force: bool) -> None:
    """Complain about a folder for masks that would lose something or cannot be written."""
    existing = next(above for above in (folder, *folder.resolve().parents) if above.exists())
    if not existing.is_dir():
        raise WriteError(f"{existing.name} is not a folder; name one for the masks")
    check_target(existing / "mask.png", force=True)
    for k, frame in product(range(len(inputs)), inputs):
        for kind in MASKS:
            mask = folder / mask_name(k, frame, kind)
            if mask.resolve() in taken:
                raise WriteError(f"{mask.name} is another file of this merge; name another folder")
            if mask.exists():
                check_target(mask, force=force)


def write_outputs(merged: Merged, outputs: Outputs, *, force: bool = False) -> list[Path]:
    """Write everything asked for, or nothing, and return the files, the picture first.

    Raises WriteError.
    """
    folder = nullcontext() if outputs.masks is None else made_folder(outputs.masks)
    with folder, together():
        written = _write_pictures(merged, outputs, force=force)
        if outputs.plan is not None:
            plan = relative_to(merged.plan, outputs.plan.parent)
            atomic_write(outputs.plan, plan_to_json(plan).encode(), force=force)
            written.append(outputs.plan)
        if outputs.response is not None:
            response = merged.plan.response or merged.bracket.frames[0].response
            write_response(outputs.response, response, force=force)
            written.append(outputs.response)
        if outputs.masks is not None:
            for name, mask in masks_of(merged):
                write_picture(outputs.masks / name, mask, force=force)
                written.append(outputs.masks / name)
    return written


def _write_pictures(merged: Merged, outputs: Outputs, *, force: bool) -> list[Path]:
    """Write the picture and its preview."""
    is_ultra_hdr = outputs.picture.suffix.lower() in ULTRA_HDR
    if is_ultra_hdr or outputs.preview is not None:
        shown = show(merged.pixels, plan_picture(merged.pixels))
    if is_ultra_hdr:
        base = SdrBase(shown, diffuse_white(merged.pixels, shown), _exif(merged))
        write_ultrahdr(outputs.picture, merged.pixels, base, force=force)
    else:
        kind = merged.plan.pixel_type
        metadata = metadata_of(merged)
        write_radiance(outputs.picture, merged.pixels, metadata, exr_type=kind, force=force)
    if outputs.preview is None:
        return [outputs.picture]
    write_picture(outputs.preview, shown, _exif(merged), force=force)
    return [outputs.picture, outputs.preview]


def _exif(merged: Merged) -> bytes:
    capture = merged.bracket.frames[merged.plan.reference].capture
    return exif_for_output(capture, merged.pixels.shape[:2])


def metadata_of(merged: Merged) -> RadianceMetadata:
    """Gather what the header of a merged picture says."""
    plan = merged.plan
    names = replace(
        plan,
        frames=tuple(Path(path.name) for path in plan.frames),
        masks=plan.masks and Path(plan.masks.name),
    )
    y, x, _, _ = plan.crop
    return RadianceMetadata(
        capture=merged.bracket.frames[plan.reference].capture,
        absolute_scale=merged.absolute,
        sources=[
            {"file": path.name, "exposure": exposure.value, "from": exposure.source}
            for path, exposure in zip(plan.frames, plan.exposures, strict=True)
        ],
        version=__version__,
        parameters=plan_to_json(names),
        original_window=(-x, -y, plan.size[1] - x, plan.size[0] - y),
    )


def masks_of(merged: Merged) -> Iterator[tuple[str, UInt8[np.ndarray, "h w"]]]:
    """Yield file name and mask of what is well exposed in every frame, and of what moved in it.

    All are in the coordinates of the merged picture; nothing moves in the reference.
    """
    plan, guides = merged.plan, merged.guides
    small = plan.prepared or prepare(merged.bracket, plan.response, plan.matches)
    for k, path in enumerate(plan.frames):
        guide = guides.exposed[k]
        clear = masked_proxy(plan, small, k)[0] if guide is None else guide.mask
        yield mask_name(k, path, "exposed"), _mask_codes(clear, merged)
        if k != plan.reference:
            yield mask_name(k, path, "moved"), _mask_codes(1 - guides.still[k], merged)


def _mask_codes(mask: Mask, merged: Merged) -> UInt8[np.ndarray, "y x"]:
    """Enlarge a mask of the proxy to the picture's size, as 8-bit codes."""
    return mask_codes(read_map(mask[None], merged.plan.crop, merged.guides.factor)[0])
