"""Recipes of the motion segmenters: the paper's U-Net and the house's network."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from numpy.random import Generator
from torch import Tensor, nn

from deghost.data.scene_settings import SceneSettings
from deghost.models.motion_net import LOGIT
from deghost.models.motion_unet import motion_pair
from deghost.models.zoo import shared_network
from deghost.radiometry.scene_light import linear_frames
from deghost.segment.joint_motion import joint_features, judge
from deghost.train.brackets import cropped, turned
from deghost.train.logs import side_by_side
from deghost.train.losses import batch_dice_cross_entropy, dice_of_logits
from deghost.train.measures import mask_measures
from deghost.train.motion_data import MotionPairs, motion_pairs
from deghost.train.recipe import Recipe
from deghost.train.settings import TrainSettings
from deghost.types import Scene


SIDE = 128  # pixels of the paper's crops


@dataclass(frozen=True)
class PairBatch:
    """Pairs of the reference and another frame at its exposure, and where that one differs."""

    pairs: Float[Tensor, "b 6 h w"]
    motion: Float[Tensor, "b h w"]


def as_pairs(scene: Scene, generator: Generator) -> PairBatch:
    """Pair the reference of a scene with every other frame, in a crop turned at random."""
    cut = turned(cropped(scene, (SIDE, SIDE), generator), generator)
    assert cut.motion is not None
    others = [k for k in range(len(cut.frames)) if k != cut.reference]
    linear = linear_frames(cut)
    gain = cut.exposures[cut.reference] / cut.exposures[others]
    reference = linear[cut.reference].expand(len(others), -1, -1, -1)
    return PairBatch(motion_pair(reference, linear[others], gain), cut.motion[others])


def varied_unet_pairs(batch: PairBatch, generator: Generator) -> PairBatch:
    """Mirror some pairs and permute the colours of each, where scenes are seen again."""
    return PairBatch(*_varied(batch.pairs, batch.motion, generator))


def pair_loss(network: nn.Module, batch: PairBatch) -> Float[Tensor, ""]:
    """The paper's loss: Dice."""
    return dice_of_logits(network(batch.pairs), batch.motion)


def pair_measures(network: nn.Module, batch: PairBatch) -> dict[str, Any]:
    """How well the masks agree."""
    return mask_measures(network(batch.pairs), batch.motion)


def pair_picture(network: nn.Module, batch: PairBatch) -> Float[Tensor, "3 h w"]:
    """Show the reference, the other frame, the true mask and the one found, of four pairs."""
    found = network(batch.pairs[:4]).sigmoid()
    shown = batch.pairs[:4].clamp(0, 1) ** (1 / 2.2)
    rows = [
        side_by_side(pair[:3], pair[3:], true[None], mask[None])
        for pair, true, mask in zip(shown, batch.motion[:4], found, strict=True)
    ]
    return torch.cat(rows, dim=-2)


def described_pairs(scene: Scene, _: Generator) -> MotionPairs:
    """Describe the frames of a scene as the merge would, in half floats, since they are kept."""
    pairs = motion_pairs(scene)
    return replace(pairs, features=pairs.features.half())


def varied_pairs(pairs: MotionPairs, generator: Generator) -> MotionPairs:
    """Mirror some pairs and permute the colours of each, its own way."""
    return MotionPairs(*_varied(pairs.features, pairs.motion, generator))


def _varied(
    planes: Float[Tensor, "n c h w"], masks: Float[Tensor, "n h w"], generator: Generator
) -> tuple[Float[Tensor, "n c h w"], Float[Tensor, "n h w"]]:
    """Do so with planes whose first six are the colours of both halves of a pair."""
    count, kinds = planes.shape[:2]
    mirrored = torch.from_numpy(generator.random(count) < 0.5)
    colours = torch.from_numpy(generator.permuted(np.tile(range(3), (count, 1)), axis=1))
    order = torch.cat([colours, colours + 3, torch.arange(6, kinds).expand(count, -1)], dim=1)
    chosen = planes[torch.arange(count)[:, None], order]
    return (
        torch.where(rearrange(mirrored, "n -> n 1 1 1"), chosen.flip(-1), chosen),
        torch.where(rearrange(mirrored, "n -> n 1 1"), masks.flip(-1), masks),
    )


@torch.no_grad()
def joint_pairs(scene: Scene, _: Generator) -> MotionPairs:
    """Describe the frames of a scene by what the shipped `motion-net` says of all of them."""
    pairs, first = motion_pairs(scene), shared_network("motion-net")
    height = scene.frames.shape[-2]
    judgements = [judge(first, partial(_rows, item), height) for item in pairs.features]
    whole = [item.rows(0, height) for item in judgements]
    described = [joint_features(whole, k) for k in range(len(whole))]
    return MotionPairs(torch.stack(described).half(), pairs.motion)


def _rows(planes: Tensor, first: int, last: int) -> Tensor:
    return planes[:, first:last]


def mirrored_pairs(pairs: MotionPairs, generator: Generator) -> MotionPairs:
    """Mirror all pairs of a scene, or none: each is described by the others."""
    if generator.random() < 0.5:
        return pairs
    return MotionPairs(pairs.features.flip(-1), pairs.motion.flip(-1))


def joint_picture(network: nn.Module, batch: MotionPairs) -> Float[Tensor, "3 h w"]:
    """Show what is known, what was found before, the true mask and the one found, of four pairs."""
    first = MotionPairs(batch.features[:4].float(), batch.motion[:4])
    rows = [
        side_by_side(item[1:2], (LOGIT * item[:1]).sigmoid(), true[None], mask[None])
        for item, true, mask in zip(
            first.features, first.motion, _logits(network, first).sigmoid(), strict=True
        )
    ]
    return torch.cat(rows, dim=-2)


def described_loss(network: nn.Module, batch: MotionPairs) -> Float[Tensor, ""]:
    """Half of the batch's Dice loss and cross-entropy."""
    return batch_dice_cross_entropy(_logits(network, batch), batch.motion)


def described_measures(network: nn.Module, batch: MotionPairs) -> dict[str, Any]:
    """How well the masks agree."""
    return mask_measures(_logits(network, batch), batch.motion)


def described_picture(network: nn.Module, batch: MotionPairs) -> Float[Tensor, "3 h w"]:
    """Show what is known, the frame, the true mask and the one found, of four pairs."""
    first = MotionPairs(batch.features[:4], batch.motion[:4])
    rows = [
        side_by_side(pair[:3], pair[3:6], true[None], mask[None])
        for pair, true, mask in zip(
            first.features, first.motion, _logits(network, first).sigmoid(), strict=True
        )
    ]
    return torch.cat(rows, dim=-2)


def _logits(network: nn.Module, batch: MotionPairs) -> Float[Tensor, "b h w"]:
    logits: Tensor = network(batch.features.float().contiguous(memory_format=torch.channels_last))
    return logits.float()


SCENES = SceneSettings(
    size=(SIDE, SIDE), hold=("tripod", "aligned", "aligned"), actors=(1, 5), perspective=0.1
)
SIMULATED = Recipe(
    name="motion-unet@simulated",
    about="the motion U-Net of segmentation-guided deghosting on simulated pairs, Dice loss",
    network="motion-unet",
    prepare=as_pairs,
    loss=pair_loss,
    measure=pair_measures,
    judge="iou",
    settings=TrainSettings(steps=20000, batch=16, learning_rate=1e-3),
    scenes=SCENES,
    vary=varied_unet_pairs,
    picture=pair_picture,
)
VARIED = SceneSettings(
    size=(256, 256),
    counts=(2, 3, 3, 3, 3, 5),
    stops=(1.0, 4.0),
    hold=("tripod", "aligned", "hand", "hand"),
    actors=(0, 6),
    parallax=0.2,
    iso=(100.0, 6400.0),
    key=(0.02, 0.35),
)
MORE_VARIED = replace(
    VARIED,
    counts=(2, 3, 3, 3, 3, 5, 7),
    iso=(40.0, 6400.0),
    demosaicings=("edges", "edges", "linear", "gradients"),
)
MOTION_NET = Recipe(
    name="motion-net@simulated",
    about="the house's motion network on pairs as the merge describes them, Dice and cross-entropy",
    network="motion-net",
    prepare=described_pairs,
    loss=described_loss,
    measure=described_measures,
    judge="iou",
    settings=TrainSettings(
        steps=6000,
        batch=6,
        sights=3,
        optimiser="muon",
        learning_rate=1e-3,
        weight_decay=1e-4,
        warm_up=100,
        fall=0.01,
        validate_every=500,
        validation_scenes=60,
    ),
    scenes=replace(MORE_VARIED, actors=(1, 6), motley=0.05),
    vary=varied_pairs,
    picture=described_picture,
)
MOTION_JOINT = replace(
    MOTION_NET,
    name="motion-joint@simulated",
    about="the same network, smaller, that corrects what motion-net says in view of all frames",
    changes={"inputs": 12, "corrects": True, "widths": (32, 48, 64, 96, 128)},
    prepare=joint_pairs,
    settings=replace(MOTION_NET.settings, steps=3500, batch=4, sights=4, learning_rate=1.5e-3),
    vary=mirrored_pairs,
    picture=joint_picture,
)
MOTION_RECIPES = (
    MOTION_NET,
    MOTION_JOINT,
    SIMULATED,
    replace(
        SIMULATED,
        name="motion-unet@meds",
        about="the same on annotated brackets in a folder, as the paper trains it",
        scenes=None,
        vary=None,
        settings=TrainSettings(
            steps=100000,
            batch=4,
            learning_rate=1e-4,
            schedule="exponential",
            fall=0.96,
            fall_every=665,
            warm_up=0,
            average=0.0,
        ),
    ),
)
