"""Scenes as `DeghostNet` takes them: measured merges, and the truth they are to become."""

from dataclasses import dataclass
from zlib import crc32

import torch
from jaxtyping import Float
from numpy.random import Generator, default_rng
from torch import Tensor

from deghost.errors import TrainError
from deghost.merge.guides import smooth_fill
from deghost.merge.measured import Measured, Part, merge_in
from deghost.merge.motion_guides import joint_masks
from deghost.merge.refined import describe
from deghost.merge.weighted import (
    extend,
    filled,
    grey,
    start_fusion,
)
from deghost.segment.motion import MotionSettings
from deghost.train.motion_data import aligned_layers
from deghost.types import Scene


TRUE_MASKS = 0.15  # share of scenes in which it is known what moved
STRENGTHS = (0.35, 0.65)  # of deghosting, else
TOLD = 0.05  # share of scenes merged as if it had been told what moved
CROP = 192  # pixels along a side of what is learned from at a time; even


@dataclass(frozen=True)
class RefinedBatch:
    """What a `DeghostNet` is given, and the true radiance; 1.0 = clipping of the reference."""

    pictures: Float[Tensor, "b 9 h w"]
    maps: Float[Tensor, "b 5 h w"]
    truth: Float[Tensor, "b 3 h w"]
    darkest: Float[Tensor, " b"]  # exposure of the darkest frame relative to the reference


@torch.no_grad()
def measured_batch(scene: Scene, _: Generator) -> RefinedBatch:
    """Merge a simulated scene as the weighted merge would, with learned masks in most cases.

    Raises TrainError for a scene without truth, motion masks or camera poses.
    """
    if scene.truth is None or scene.motion is None:
        raise TrainError(f"{scene.name} has no truth or motion masks; take simulated scenes")
    generator = default_rng([crc32(scene.name.encode()), 1])
    known = generator.random() < TRUE_MASKS
    strength = float(generator.uniform(*STRENGTHS))
    (first, reference), *others = aligned_layers(scene).items()
    layers = [layer for _, layer in others]
    told = [scene.motion[k] for k, _ in others]
    if not known:
        told = joint_masks(start_fusion(reference), layers, strength)
    rough = whole = start_fusion(reference)
    state = (rough, start_fusion(grey(reference)))
    shown = torch.zeros_like(scene.motion[0], dtype=torch.bool)
    for layer, moved in zip(layers, told, strict=True):
        still = 1 - moved
        shown |= (layer.trust.amin(0) > 0.5) & (still < 0.5)
        rough = extend(rough, layer, still)
        state = merge_in(state, layer, Part(still), MotionSettings(strength=strength))
        whole = extend(whole, layer)
    fill = smooth_fill(rough, reference.trust.amin(0) < 0.5, shown)
    everything = None if generator.random() < TOLD else whole
    pictures, maps = describe(Measured(reference, state[0], everything), filled(state[0], fill))
    gain = scene.exposures[first]
    return RefinedBatch(
        pictures.half()[None],
        maps.half()[None],
        (scene.truth * gain)[None],
        (scene.exposures.amin() / gain)[None],
    )


def varied(batch: RefinedBatch, generator: Generator) -> RefinedBatch:
    """Cut a window of `CROP` out of every scene, turn it, and often swap red and blue."""
    parts = [_varied(batch, k, generator) for k in range(len(batch.truth))]
    pictures, maps, truth = (torch.stack(planes) for planes in zip(*parts, strict=True))
    return RefinedBatch(pictures, maps, truth, batch.darkest)


def _varied(batch: RefinedBatch, k: int, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    colours = torch.tensor([2, 1, 0] if generator.integers(2) else [0, 1, 2])  # as mosaics allow
    order = torch.cat([colours, colours + 3, colours + 6])
    planes = [batch.pictures[k][order], batch.maps[k], batch.truth[k][colours]]
    room = [(side - CROP) // 2 + 1 for side in batch.truth.shape[2:]]
    top, left = (2 * int(generator.integers(places)) for places in room)
    window = (slice(None), slice(top, top + CROP), slice(left, left + CROP))
    mirrored, quarters = bool(generator.integers(2)), int(generator.integers(4))
    cuts = [plane[window].flip(-1) if mirrored else plane[window] for plane in planes]
    pictures, maps, truth = (torch.rot90(cut, quarters, (-2, -1)).contiguous() for cut in cuts)
    return pictures, maps, truth
