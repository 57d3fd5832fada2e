"""The recipe of the house's reconstruction network."""

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from deghost.evaluate.psnr import psnr
from deghost.radiometry.tonemap import mu_law
from deghost.segment.learned_motion import expanded
from deghost.train.logs import side_by_side
from deghost.train.recipe import Recipe
from deghost.train.recipes_motion import VARIED
from deghost.train.refined_data import RefinedBatch, measured_batch, varied
from deghost.train.settings import TrainSettings


LEAST = 2e-6  # mean squared error below which no more is to be gained: 57 dB
UNSEEN = 0.1  # weight of errors where the darkest frame clips


def refined_loss(network: nn.Module, batch: RefinedBatch) -> Float[Tensor, ""]:
    """Mean logarithm of the scenes' errors after the mu-law: as many decibels for each.

    Errors beyond the darkest frame's clipping, in truth and result alike, count a tenth.
    """
    found, truth = _toned(network, batch)
    weight = torch.where((truth > 1) & (found > 1), UNSEEN, 1.0)
    error = ((found - truth).square() * weight).mean(dim=(1, 2, 3))
    return (error + LEAST).log().mean()


def refined_measures(network: nn.Module, batch: RefinedBatch) -> dict[str, Any]:
    """PSNR after the mu-law, and what of it the network gained over the measured merge."""
    found, truth = (tones.clamp(max=1) for tones in _toned(network, batch))
    merged = _at_darkest(expanded(batch.pictures[:, :3].float()), batch).clamp(max=1)
    after, before = (_decibels(tones, truth) for tones in (found, merged))
    return {"psnr-mu": float(after.mean()), "gain": float((after - before).mean())}


def refined_picture(network: nn.Module, batch: RefinedBatch) -> Float[Tensor, "3 h w"]:
    """Show reference, measured merge, result and truth of a scene."""
    first = RefinedBatch(*(planes[:1] for planes in vars(batch).values()))
    found, truth = _toned(network, first)
    merged, reference, _ = (
        _at_darkest(expanded(part), first) for part in first.pictures.float().split(3, dim=1)
    )
    return side_by_side(*(tones[0].clamp(0, 1) for tones in (reference, merged, found, truth)))


def _toned(network: nn.Module, batch: RefinedBatch) -> tuple[Tensor, Tensor]:
    """Result and truth after the mu-law, in the scale in which the darkest frame clips at 1."""
    layout = torch.channels_last
    found = network(
        batch.pictures.float().contiguous(memory_format=layout),
        batch.maps.float().contiguous(memory_format=layout),
    )
    return _at_darkest(expanded(found.float()), batch), _at_darkest(batch.truth, batch)


def _at_darkest(radiance: Tensor, batch: RefinedBatch) -> Tensor:
    return mu_law(radiance * batch.darkest[:, None, None, None])


def _decibels(found: Tensor, truth: Tensor) -> Float[Tensor, " b"]:
    return psnr(found, truth).clamp(max=120)


DEGHOSTNET = Recipe(
    name="deghostnet@simulated",
    about="the house's network finishes measured merges of simulated scenes; decibels after mu-law",
    network="deghostnet",
    prepare=measured_batch,
    loss=refined_loss,
    measure=refined_measures,
    judge="psnr-mu",
    settings=TrainSettings(
        steps=12000,
        batch=6,
        sights=6,
        pool=200,
        optimiser="adamw",
        learning_rate=1e-3,
        weight_decay=1e-4,
        warm_up=200,
        fall=0.01,
        validate_every=500,
        validation_scenes=60,
    ),
    scenes=replace(VARIED, counts=(2, 3, 3, 3, 3, 5, 7)),
    vary=varied,
    picture=refined_picture,
)
