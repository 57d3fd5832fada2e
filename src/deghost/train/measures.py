"""What validation tells of networks: means over the scenes of a batch, more is better."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from deghost.evaluate.masks import compare_masks
from deghost.evaluate.psnr import psnr, psnr_mu
from deghost.train.brackets import TruthBatch


def radiance_measures(network: nn.Module, batch: TruthBatch) -> dict[str, float]:
    """Measure PSNR-μ and PSNR-L of radiance, in the scale in which the darkest frame clips at 1."""
    found = network(batch.bracket).radiance.float()
    values = {"psnr-mu": psnr_mu(found, batch.truth), "psnr-l": psnr(found, batch.truth)}
    return {name: float(value.mean()) for name, value in values.items()}


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
