"""Scenes as networks that reconstruct take them, with the truth beside them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from numpy.random import Generator
from torch import Tensor

from deghost.errors import TrainError
from deghost.layers.reconstructor import BatchRadiance, BracketBatch, pack_srgb6
from deghost.radiometry.scene_light import linear_frames
from deghost.types import Scene


ON_GRID = ("frames", "motion", "well_exposed", "recoverable")  # fields as large as the frames


@dataclass(frozen=True)
class TruthBatch:
    """Brackets and what is known of their truth."""

    bracket: BracketBatch
    truth: BatchRadiance  # in the scale of the bracket
    motion: Float[Tensor, "b n h w"] | None = None  # 1 = shows something else than the reference
    well_exposed: Float[Tensor, "b n h w"] | None = None


def as_batch(scene: Scene) -> TruthBatch:
    """Turn a scene with truth into a batch of one; RGB becomes `srgb6`, a mosaic `raw4`.

    Exposures and truth are brought to the scale in which the darkest frame clips at 1.
    Raises TrainError for a scene without truth.
    """
    if scene.truth is None:
        raise TrainError(f"{scene.name} has no truth to learn from; choose another data set")
    darkest = scene.exposures[0]
    exposures = (scene.exposures / darkest)[None]
    linear = linear_frames(scene)[None]
    if linear.shape[2] == 4:
        frames = linear / exposures[:, :, None, None, None]
    else:
        frames = pack_srgb6(linear, exposures)
    return TruthBatch(
        BracketBatch(frames, exposures, scene.reference),
        (scene.truth * darkest)[None],
        None if scene.motion is None else scene.motion[None],
        None if scene.well_exposed is None else scene.well_exposed[None],
    )


def cropped(scene: Scene, size: tuple[int, int], generator: Generator) -> Scene:
    """Cut out a window of a height and a width at a random place; poses and flow are dropped."""
    height, width = scene.frames.shape[-2:]
    if height < size[0] or width < size[1]:
        raise TrainError(
            f"{scene.name} is {width} x {height}, smaller than the crops of {size[1]} x {size[0]}"
        )
    top = int(generator.integers(height - size[0] + 1))
    left = int(generator.integers(width - size[1] + 1))
    window = (slice(top, top + size[0]), slice(left, left + size[1]))
    changes: dict[str, Any] = {"camera": None, "flow": None}
    for name in ON_GRID:
        value = getattr(scene, name)
        changes[name] = None if value is None else value[..., *window]
    if scene.truth is not None:
        scale = scene.truth.shape[-1] // width
        rows, columns = (slice(part.start * scale, part.stop * scale) for part in window)
        changes["truth"] = scene.truth[..., rows, columns]
    return replace(scene, **changes)


def turned(scene: Scene, generator: Generator) -> Scene:
    """Mirror an RGB scene and turn it by right angles at random; poses and flow are dropped.

    A mosaic cannot be turned, since its colours lie in a fixed order; it comes back as it is.
    """
    mirrored, quarters = bool(generator.integers(2)), int(generator.integers(4))
    if scene.frames.shape[1] != 3:
        return scene
    changes: dict[str, Any] = {"camera": None, "flow": None}
    for name in (*ON_GRID, "truth"):
        value = getattr(scene, name)
        if value is not None:
            flipped = value.flip(-1) if mirrored else value
            changes[name] = torch.rot90(flipped, quarters, (-2, -1)).contiguous()
    return replace(scene, **changes)


def turned_batch(batch: TruthBatch, mirrored: Sequence[int], quarters: int) -> TruthBatch:
    """Mirror brackets with all that is known of them along axes, then turn them by right angles.

    Mosaics come back as they are, since their colours lie in a fixed order.
    """
    if batch.bracket.frames.shape[2] == 4:
        return batch

    def turn(maps: Tensor | None) -> Tensor | None:
        if maps is None:
            return None
        return torch.rot90(maps.flip(*mirrored) if mirrored else maps, quarters, (-2, -1))

    bracket = batch.bracket
    frames, truth = turn(bracket.frames), turn(batch.truth)
    assert frames is not None
    assert truth is not None
    packed = replace(bracket, frames=frames, masks=turn(bracket.masks))
    return TruthBatch(packed, truth, turn(batch.motion), turn(batch.well_exposed))
