"""From frames to a merged picture: the main job, on one screen."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from deghost.errors import SettingsError
from deghost.io.bracket import read_bracket
from deghost.io.radiance_file import RadiancePixels
from deghost.io.response_files import find_response
from deghost.layers.memory import return_freed_memory
from deghost.merge.classic import fuse_exposures
from deghost.merge.curves import trusting_longer
from deghost.merge.guides import Guides, make_guides
from deghost.merge.mask_files import find_masks, read_masks
from deghost.merge.plan import MergePlan, plan_merge, prepare
from deghost.merge.reading import Source
from deghost.merge.render import RenderedTile, choose_tile_method, render
from deghost.merge.settings import RECOVERED, UNMASKED, MergeSettings
from deghost.types import Bracket, Mask


Progress = Callable[[float], None]  # told the share that is done, from 0 to 1


@dataclass(frozen=True)
class Merged:
    """A merged picture and everything that was decided on the way."""

    pixels: RadiancePixels  # linear Rec. 709
    absolute: float | None  # pixels * absolute = v * 2 ** EV100; None: no radiance
    bracket: Bracket
    plan: MergePlan
    guides: Guides
    notes: tuple[str, ...]  # the plan's, and what rendering decided, in words for the user


def merge_files(
    paths: Sequence[Path | str],
    settings: MergeSettings | None = None,
    progress: Progress | None = None,
    masks: Path | str | None = None,
) -> Merged:
    """Merge the frames of one scene, in any order, into one linear picture.

    `masks` is a folder of masks to use instead of finding them, see `merge.mask_files`.
    Raises a DeghostError if the files do not form a bracket.
    """
    settings = settings or MergeSettings()
    bracket = open_bracket(paths, settings)
    folder = None if masks is None else Path(masks)
    plan = replace(plan_merge(bracket, settings), masks=folder)
    return render_plan(bracket, plan, progress)


def _render_masked(
    bracket: Bracket, plan: MergePlan, masks: Path, progress: Progress | None
) -> Merged:
    if plan.method in UNMASKED:
        raise SettingsError(f"method {plan.method} takes no masks; leave --method out")
    files = find_masks(masks, plan)
    told = {"what is well exposed": files.exposed, "what moved": files.moved}
    kinds = " and of ".join(kind for kind, paths in told.items() if paths)
    moved, exposed = (
        None if paths is None else read_masks(paths, plan) for paths in (files.moved, files.exposed)
    )
    merged = render_plan(bracket, plan, progress, moved, exposed)
    note = f"masks of {kinds}: as in {masks.name or masks}"
    return replace(merged, notes=(*merged.notes, note))


def open_bracket(paths: Sequence[Path | str], settings: MergeSettings) -> Bracket:
    """Read the frames with the exposures and the response that the settings name."""
    response = None
    if settings.response not in RECOVERED:
        response = find_response(settings.response)
    files = [paths] if isinstance(paths, str) else paths  # else every letter would be a file
    return read_bracket([Path(path) for path in files], settings.exposures, response)


def render_plan(
    bracket: Bracket,
    plan: MergePlan,
    progress: Progress | None = None,
    motion: Iterable[Mask] | None = None,
    exposed: Iterable[Mask] | None = None,
) -> Merged:
    """Render a planned bracket at full size.

    `motion` are masks that are known already, one a frame, on the reference's grid: 1 = moved; so
    are `exposed`: 1 = well exposed. They are taken one after the other. If there are none, those
    in the plan's folder of masks are taken, if it names one. Raises ReadError or SettingsError for
    these.
    """
    if plan.masks is not None and motion is None and exposed is None:
        return _render_masked(bracket, plan, plan.masks, progress)
    small = plan.prepared or prepare(bracket, plan.response, plan.matches)
    return_freed_memory()
    told = [
        None if masks is None else [_of_blocks(mask, small.factor) for mask in masks]
        for masks in (motion, exposed)
    ]
    guides = make_guides(plan, small, *told)
    return_freed_memory()
    base = plan.exposures[plan.reference].value
    scale = 1 / base if plan.scale == "absolute" else 1.0
    curves = small.curves
    if plan.exposure_mask == "learned" and exposed is None:
        curves = tuple(trusting_longer(curve) for curve in curves)
    source = Source(bracket, plan, curves)
    rendered: tuple[str, ...] = ()
    if plan.method == "mertens":
        pixels = fuse_exposures(source).astype(pixel_type(plan))
    else:
        method = choose_tile_method(source)
        tiles = render(source, guides, scale, method)
        pixels = assemble(tiles, plan, progress or (lambda share: None))
        rendered = method.notes()
    if plan.scale == "max":
        brightest = float(pixels.max())
        scale = 1 / brightest if brightest > 0 else 1.0
        pixels *= pixels.dtype.type(scale)
    known = plan.exposures[plan.reference].absolute and plan.method != "mertens"
    absolute = 1 / (base * scale) if known else None
    return Merged(pixels, absolute, bracket, plan, guides, (*plan.notes, *rendered))


def _of_blocks(mask: Mask, factor: int) -> Float[Tensor, "y x"]:
    """Average a mask over the blocks of pixels that proxies show; what is left over is cut off."""
    return functional.avg_pool2d(mask[None], factor)[0] if factor > 1 else mask


def pixel_type(plan: MergePlan) -> np.dtype:
    """The planned type of the pixels."""
    return np.dtype(np.float16 if plan.pixel_type == "half" else np.float32)


def assemble(tiles: Iterable[RenderedTile], plan: MergePlan, progress: Progress) -> RadiancePixels:
    """Put rendered tiles together."""
    top, left, height, width = plan.crop
    pixels = np.empty((height, width, 3), pixel_type(plan))
    done = 0
    for tile in tiles:
        y, x, h, w = tile.window
        pixels[y - top : y - top + h, x - left : x - left + w] = tile.pixels
        done += h * w
        progress(done / (height * width))
    return pixels
