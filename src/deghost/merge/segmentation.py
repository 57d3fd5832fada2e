"""Masks of a planned bracket, as its merge uses them, and pictures that show them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from deghost.io.picture import write_picture
from deghost.io.radiance import write_radiance
from deghost.merge.exposure_guides import masked_proxy
from deghost.merge.guides import make_guides
from deghost.merge.mask_files import MaskKind
from deghost.merge.plan import MergePlan, Prepared, prepare, warped_proxy
from deghost.merge.tiles import read_map
from deghost.radiometry.response import encode
from deghost.types import Bracket, Image, Mask


RED, BLUE = (255.0, 50.0, 30.0), (50.0, 90.0, 255.0)
TINT = 0.6  # share of the colour laid over
MIDDLE = 0.1  # linear value above which what is left out is too bright, and not too dark

Overlay = UInt8[np.ndarray, "y x 3"]


@dataclass(frozen=True)
class FrameMask:
    """One mask of a bracket, and its frame with what is not to be used tinted."""

    frame: int
    mask: Mask  # on the grid of the merged picture
    overlay: Overlay  # the same, about as large as the proxy


@torch.inference_mode()
def segment_bracket(bracket: Bracket, plan: MergePlan, kind: MaskKind) -> Iterator[FrameMask]:
    """Yield the masks of all frames, those of motion of all but the reference."""
    small = plan.prepared or prepare(bracket, plan.response, plan.matches)
    top, left, height, width = (length // small.factor for length in plan.crop)
    for k, mask in _proxy_masks(plan, small, kind):
        linear = warped_proxy(small, plan.warps, k).linear
        matrix = torch.from_numpy(bracket.frames[k].to_rec709).float()
        tinted = overlay(torch.einsum("oc,chw->ohw", matrix, linear), mask, kind)
        part = tinted[top : top + max(1, height), left : left + max(1, width)]
        yield FrameMask(k, read_map(mask[None], plan.crop, small.factor)[0], part)


def _proxy_masks(plan: MergePlan, small: Prepared, kind: MaskKind) -> Iterator[tuple[int, Mask]]:
    if kind == "exposed":
        for k in range(len(plan.frames)):
            yield k, masked_proxy(plan, small, k)[0]
        return
    for k, still in enumerate(make_guides(plan, small).still):
        if k != plan.reference:
            yield k, 1 - still


def overlay(linear: Image, mask: Mask, kind: MaskKind) -> Overlay:
    """Show a frame with what moved in red, or what is clipped in red and what is buried in blue."""
    shown = encode(linear.clamp(0, 1), "srgb") * 255
    red, blue = (torch.tensor(colour).view(3, 1, 1) for colour in (RED, BLUE))
    if kind == "moved":
        amount, colour = mask, red.expand_as(shown)
    else:
        amount, colour = 1 - mask, torch.where(linear.amax(0) > MIDDLE, red, blue)
    tinted = torch.lerp(shown, colour, TINT * amount).round().to(torch.uint8)
    return tinted.permute(1, 2, 0).contiguous().numpy()


def write_mask(path: Path, mask: Mask, *, force: bool) -> None:
    """Write a mask as PNG of 8 bits or, grey, as EXR of halves, by the ending.

    Raises WriteError.
    """
    if path.suffix.lower() == ".exr":
        grey: Float32[np.ndarray, "h w 3"] = mask[..., None].expand(-1, -1, 3).contiguous().numpy()
        write_radiance(path, grey, force=force)
    else:
        write_picture(path, mask_codes(mask), force=force)


def mask_codes(mask: Mask) -> UInt8[np.ndarray, "h w"]:
    """Turn values from 0 to 1 into codes of 8 bits.

    Example:
        >>> mask_codes(torch.tensor([[0.0, 0.5, 1.0]])).tolist()
        [[0, 128, 255]]
    """
    return (mask * 255).round().to(torch.uint8).numpy()
