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
from deghost.train.recipes_motion import MORE_VARIED
from deghost.train.refined_data import RefinedBatch, measured_batch, varied
from deghost.train.settings import TrainSettings


LEAST = 2e-6  # mean squared error below which no more is to be gained: 57 dB
LINEAR = 0.2  # weight of the error of linear light, in which a percent of a lamp is much ...
LEAST_LINEAR = 2e-7  # ... down to 67 dB
UNSEEN = 0.1  # weight of errors where the darkest frame clips


def refined_loss(network: nn.Module, batch: RefinedBatch) -> Float[Tensor, ""]:
    """Mean logarithm of the scenes' errors after the mu-law: as many decibels for each.

    Errors beyond the darkest frame's clipping, in truth and result alike, count a tenth. The errors
    of linear light up to there are added, weighed less.
    """
    found, truth = _at_darkest(_finished(network, batch), batch), _at_darkest(batch.truth, batch)
    tones, true_tones = mu_law(found), mu_law(truth)
    weight = torch.where((true_tones > 1) & (tones > 1), UNSEEN, 1.0)
    error = ((tones - true_tones).square() * weight).mean(dim=(1, 2, 3))
    linear = (found.clamp(max=1) - truth.clamp(max=1)).square().mean(dim=(1, 2, 3))
    return (error + LEAST).log().mean() + LINEAR * (linear + LEAST_LINEAR).log().mean()


def refined_measures(network: nn.Module, batch: RefinedBatch) -> dict[str, Any]:
    """PSNR after the mu-law, and what of it the network gained over the measured merge."""
    found, truth = (tones.clamp(max=1) for tones in _toned(network, batch))
    merged = mu_law(_at_darkest(expanded(batch.pictures[:, :3].float()), batch)).clamp(max=1)
    after, before = (_decibels(tones, truth) for tones in (found, merged))
    return {"psnr-mu": float(after.mean()), "gain": float((after - before).mean())}


def refined_picture(network: nn.Module, batch: RefinedBatch) -> Float[Tensor, "3 h w"]:
    """Show reference, measured merge, result and truth of a scene."""
    first = RefinedBatch(*(planes[:1] for planes in vars(batch).values()))
    found, truth = _toned(network, first)
    parts = [expanded(part) for part in first.pictures.float().split(3, dim=1)]
    merged, reference, _ = (mu_law(_at_darkest(part, first)) for part in parts)
    return side_by_side(*(tones[0].clamp(0, 1) for tones in (reference, merged, found, truth)))


def _toned(network: nn.Module, batch: RefinedBatch) -> tuple[Tensor, Tensor]:
    """Result and truth after the mu-law, in the scale in which the darkest frame clips at 1."""
    found = _finished(network, batch)
    return mu_law(_at_darkest(found, batch)), mu_law(_at_darkest(batch.truth, batch))


def _finished(network: nn.Module, batch: RefinedBatch) -> Tensor:
    return expanded(network(batch.pictures.float(), batch.maps.float()).float())


def _at_darkest(radiance: Tensor, batch: RefinedBatch) -> Tensor:
    return radiance * batch.darkest[:, None, None, None]


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
    scenes=replace(MORE_VARIED, motley=0.1),
    vary=varied,
    picture=refined_picture,
)
