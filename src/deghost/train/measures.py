"""What validation tells of networks: means over the scenes of a batch, more is better."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from deghost.evaluate.masks import compare_masks
from deghost.evaluate.psnr import psnr, psnr_mu
from deghost.train.brackets import TruthBatch


def radiance_measures(network: nn.Module, batch: TruthBatch) -> dict[str, float]:
    """Measure PSNR-μ and PSNR-L of radiance, in the scale in which the darkest frame clips at 1.

    Both pictures are cut to [0, 1] before: what is brighter, no frame shows. A mosaic's two greens
    are averaged.
    """
    pictures = (network(batch.bracket).radiance.float(), batch.truth)
    found, truth = (_colours(picture.clamp(0, 1)) for picture in pictures)
    values = {"psnr-mu": psnr_mu(found, truth), "psnr-l": psnr(found, truth)}
    return {name: float(value.mean()) for name, value in values.items()}


def _colours(radiance: Float[Tensor, "b _ h w"]) -> Float[Tensor, "b 3 h w"]:
    if radiance.shape[1] == 3:
        return radiance
    green = radiance[:, 1:3].mean(1, keepdim=True)
    return torch.cat([radiance[:, :1], green, radiance[:, 3:]], dim=1)


def mask_measures(logits: Float[Tensor, "b h w"], truth: Float[Tensor, "b h w"]) -> dict[str, Any]:
    """Measure how masks agree: IoU over all pixels of the batch, and its mean over the masks.

    A mask in which nothing is true is left out of the mean, as anything found makes its IoU 0.
    """
    agreement = compare_masks((logits.float() > 0).float(), truth)
    hits, wrong = agreement.hits.sum(), (agreement.false_alarms + agreement.misses).sum()
    some = agreement.hits + agreement.misses > 0
    mean = agreement.jaccard[some].mean() if some.any() else agreement.jaccard.mean()
    return {
        "iou": float(hits / (hits + wrong).clamp(min=1)),
        "mean-iou": float(mean),
        "sensitivity": float(agreement.sensitivity[some].mean()) if some.any() else 1.0,
        "specificity": float(agreement.specificity.mean()),
    }
