"""Scenes as training of networks that reconstruct takes them: crops, turns, masks; and pictures."""

from typing import Literal

import torch
from jaxtyping import Float
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional

from deghost.layers.reconstructor import BracketBatch, pack_srgb6
from deghost.segment.bracket_masks import MakeMask, ones_mask, with_masks
from deghost.segment.exposure import MASKS
from deghost.segment.exposure_masks import shipped_unet_mask
from deghost.train.brackets import TruthBatch, as_batch, cropped, turned, turned_batch
from deghost.train.logs import side_by_side
from deghost.train.losses import toned
from deghost.types import Scene


MaskName = Literal["otsu", "manual", "exposure-unet", "ones"]
SHOWN = 4  # brackets in a picture


def crop(  # noqa: PLR0913, each recipe chooses
    scene: Scene,
    generator: Generator,
    side: int,
    masks: MaskName | None = None,
    moved: bool = False,
    clipped: bool = False,
) -> TruthBatch:
    """Cut a square out of a scene at random, and turn it.

    `masks` are added of where the frames are well exposed, and with `moved` the truth of what
    moved is kept. With `clipped` the truth ends at the clipping level of the darkest frame: what
    is brighter no frame shows.
    """
    return _finished(
        as_batch(turned(cropped(scene, (side, side), generator), generator)), masks, moved, clipped
    )


def whole(
    scene: Scene, generator: Generator, side: int, masks: MaskName | None = None
) -> TruthBatch:
    """Reduce a whole scene to a square and mirror it, both ways, at random (VAM, section 4.2)."""
    batch = resized(as_batch(scene), side)
    axes = [axis for axis in (-2, -1) if generator.integers(2)]
    return _finished(turned_batch(batch, axes, 0), masks, moved=False, clipped=False)


def resized(batch: TruthBatch, side: int) -> TruthBatch:
    """Change brackets and truth to squares by averaging light, so that they still fit each other.

    Averages of encoded values would make edges of frames darker than the truth's.
    """
    radiance = functional.adaptive_avg_pool2d(batch.bracket.frames[:, :, 3:].flatten(0, 1), side)
    radiance = radiance.unflatten(0, batch.bracket.frames.shape[:2])
    exposures = batch.bracket.exposures
    linear = radiance * exposures[:, :, None, None, None]
    bracket = BracketBatch(pack_srgb6(linear, exposures), exposures, batch.bracket.reference)
    return TruthBatch(bracket, functional.adaptive_avg_pool2d(batch.truth, side))


def varied(batch: TruthBatch, generator: Generator) -> TruthBatch:
    """Mirror and turn brackets anew, masks and all, for another sight of them."""
    axes = [-1] if generator.integers(2) else []
    return turned_batch(batch, axes, int(generator.integers(4)))


def picture(network: nn.Module, batch: TruthBatch) -> Float[Tensor, "3 h w"]:
    """Show the reference's codes, what the network makes and what it should, tone-mapped."""
    codes = batch.bracket.frames[:SHOWN, batch.bracket.reference, :3]
    first = BracketBatch(
        batch.bracket.frames[:SHOWN],
        batch.bracket.exposures[:SHOWN],
        batch.bracket.reference,
        None if batch.bracket.masks is None else batch.bracket.masks[:SHOWN],
    )
    found = toned(network(first).radiance.clamp(0, 1))
    rows = [
        side_by_side(seen, made, true)
        for seen, made, true in zip(codes, found, toned(batch.truth.clamp(0, 1)), strict=False)
    ]
    return torch.cat(rows, dim=-2)


def mosaic_picture(network: nn.Module, batch: TruthBatch) -> Float[Tensor, "3 h w"]:
    """Show of mosaics red, one green and blue: what the network makes and what it should."""
    first = BracketBatch(
        batch.bracket.frames[:SHOWN], batch.bracket.exposures[:SHOWN], batch.bracket.reference
    )
    colours = [0, 1, 3]
    found = toned(network(first).radiance.clamp(0, 1))[:, colours]
    true = toned(batch.truth.clamp(0, 1))[:SHOWN, colours]
    return torch.cat([side_by_side(a, b) for a, b in zip(found, true, strict=True)], dim=-2)


def mask_maker(name: MaskName) -> MakeMask:
    """Give what makes masks of well-exposed pixels of a frame's codes."""
    return {"ones": ones_mask, "exposure-unet": shipped_unet_mask, **MASKS}[name]


def _finished(batch: TruthBatch, masks: MaskName | None, moved: bool, clipped: bool) -> TruthBatch:
    """Keep of a batch what a network learns from."""
    bracket = batch.bracket if masks is None else with_masks(batch.bracket, mask_maker(masks))
    truth = batch.truth.clamp(0, 1) if clipped else batch.truth
    return TruthBatch(bracket, truth, batch.motion if moved else None)
