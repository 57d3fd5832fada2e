"""Recipes of the exposure segmenters: the paper's U-Nets, and the house's network."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from numpy.random import Generator
from torch import Tensor, nn

from deghost.data.scene_settings import SceneSettings
from deghost.segment.exposure import MASKS, Side
from deghost.train.brackets import cropped, turned
from deghost.train.exposure_data import ExposedFrames, RuledFrames, TruthRule, exposed_frames
from deghost.train.logs import side_by_side
from deghost.train.losses import MASK_LOSSES, dice_cross_entropy
from deghost.train.measures import mask_measures
from deghost.train.recipe import Recipe
from deghost.train.settings import TrainSettings
from deghost.types import Scene


LossName = Literal["bce", "focal", "dice-bce"]
LOSSES: dict[LossName, str] = {  # as the house calls them
    "bce": "cross-entropy",
    "focal": "focal",
    "dice-bce": "dice-cross-entropy",
}
SIDE = 512  # pixels of the paper's frames
VARIED_SIDE = 160

# Omrani and Moroni: Adam at 1e-3 for 50 epochs of 1300 frames of 512 x 512, 32 in a batch
PAPER = TrainSettings(
    steps=50 * 1300 // 32,
    batch=32,
    learning_rate=1e-3,
    schedule="constant",
    warm_up=0,
    average=0.0,
    precision="bfloat16",
)
HOUSE = TrainSettings(steps=4000, batch=4, learning_rate=2e-3, fall=0.01, warm_up=100, average=0.0)
VARIED = SceneSettings(size=(VARIED_SIDE, VARIED_SIDE), iso=(100.0, 12800.0), key=(0.03, 0.3))


@dataclass(frozen=True)
class UNetTraining:
    """One of the paper's twelve trainings."""

    side: Side  # the dark frame of a bracket ("low exposure") or the bright one ("high")
    loss: LossName
    rule: TruthRule
    settings: TrainSettings = PAPER

    @property
    def name(self) -> str:
        """How it is called.

        Example:
            >>> UNetTraining("dark", "focal", "manual").name
            'exposure-unet-low-focal-manual'
        """
        exposure = {"dark": "low", "bright": "high"}[self.side]
        return f"exposure-unet-{exposure}-{self.loss}-{self.rule}"


def unet_trainings(settings: TrainSettings = PAPER) -> tuple[UNetTraining, ...]:
    """List both exposures, three losses and two truths."""
    choices = product(get_args(Side), get_args(LossName), get_args(TruthRule))
    return tuple(UNetTraining(*choice, settings) for choice in choices)


def ruled_frame(scene: Scene, generator: Generator, side: Side, rule: TruthRule) -> RuledFrames:
    """Take the dark or the bright frame, in a crop turned at random, and apply a rule to it."""
    size = min(SIDE, *scene.frames.shape[-2:])
    cut = turned(cropped(scene, (size, size), generator), generator)
    codes = cut.frames[0 if side == "dark" else -1]
    return RuledFrames(codes[None].contiguous(), MASKS[rule](codes, side)[None])


def unet_loss(network: nn.Module, batch: RuledFrames, loss: LossName) -> Float[Tensor, ""]:
    """Compare what a U-Net finds with what a rule says, by one of the paper's losses."""
    return MASK_LOSSES[LOSSES[loss]](network(batch.codes).float(), batch.well_exposed)


def unet_measures(network: nn.Module, batch: RuledFrames) -> dict[str, Any]:
    """How well the masks agree."""
    return mask_measures(network(batch.codes), batch.well_exposed)


def varied_frames(scene: Scene, generator: Generator) -> ExposedFrames:
    """Take all frames of a simulated scene, turned at random."""
    return exposed_frames(turned(scene, generator))


def exposure_net_loss(network: nn.Module, batch: ExposedFrames) -> Float[Tensor, ""]:
    """Compare what the house's network finds with the simulator's truth."""
    logits = network(batch.codes, batch.linear, batch.noise)
    return dice_cross_entropy(logits.float(), batch.well_exposed)


def exposure_net_measures(network: nn.Module, batch: ExposedFrames) -> dict[str, Any]:
    """How well the masks agree."""
    return mask_measures(network(batch.codes, batch.linear, batch.noise), batch.well_exposed)


def exposure_net_picture(network: nn.Module, batch: ExposedFrames) -> Float[Tensor, "3 h w"]:
    """Show three frames, the true masks and those found."""
    first = [values[:3] for values in (batch.codes, batch.linear, batch.noise)]
    found = network(*first).sigmoid()
    rows = [
        side_by_side(codes, true[None], mask[None])
        for codes, true, mask in zip(first[0], batch.well_exposed, found, strict=False)
    ]
    return torch.cat(rows, dim=-2)


def _recipe(training: UNetTraining) -> Recipe:
    exposure = {"dark": "darkest", "bright": "brightest"}[training.side]
    return Recipe(
        name=training.name,
        about=f"the paper's U-Net on the {exposure} frame, {training.loss}, {training.rule} truth",
        network="exposure-unet",
        prepare=partial(ruled_frame, side=training.side, rule=training.rule),
        loss=partial(unet_loss, loss=training.loss),
        measure=unet_measures,
        judge="iou",
        settings=training.settings,
        scenes=SceneSettings(size=(SIDE, SIDE), counts=(3,)),
    )


EXPOSURE_NET = Recipe(
    name="exposure-net",
    about="the house's network on frames of all kinds of light and noise, physical truth",
    network="exposure-net",
    prepare=varied_frames,
    loss=exposure_net_loss,
    measure=exposure_net_measures,
    judge="mean-iou",
    settings=HOUSE,
    scenes=VARIED,
    picture=exposure_net_picture,
)
EXPOSURE_RECIPES = (EXPOSURE_NET, *map(_recipe, unet_trainings()))


def with_budget(training: UNetTraining, steps: int, batch: int) -> UNetTraining:
    """Give a training other numbers of steps and of frames in a batch."""
    return replace(training, settings=replace(training.settings, steps=steps, batch=batch))
