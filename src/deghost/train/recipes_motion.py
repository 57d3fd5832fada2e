"""Recipes of the motion U-Net on simulated pairs of frames."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from numpy.random import Generator
from torch import Tensor, nn

from deghost.data.scene_settings import SceneSettings
from deghost.models.motion_unet import motion_pair
from deghost.radiometry.scene_light import linear_frames
from deghost.train.brackets import cropped, turned
from deghost.train.logs import side_by_side
from deghost.train.losses import dice_of_logits
from deghost.train.measures import mask_measures
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
    picture=pair_picture,
)
MOTION_RECIPES = (
    SIMULATED,
    replace(
        SIMULATED,
        name="motion-unet@meds",
        about="the same on annotated brackets in a folder, as the paper trains it",
        scenes=None,
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
