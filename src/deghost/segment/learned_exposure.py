"""Which pixels of a frame are well exposed, as networks find it."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.layers.devices import short_numbers
from deghost.models.exposure_net import ExposureNet
from deghost.models.exposure_unet import ExposureUNet
from deghost.radiometry.noise import NoiseModel
from deghost.types import Image, Mask


STRIP, CONTEXT = 256, 96  # rows worked on at a time, and rows above and below that are seen, too


@torch.inference_mode()
def learned_mask(
    network: ExposureNet, encoded: Float[Tensor, "3 h w"], linear: Image, noise: NoiseModel
) -> Mask:
    """Return how likely each pixel is neither clipped nor lost in noise, strip by strip."""
    found = torch.empty_like(encoded[0])
    told = torch.tensor([[noise.shot, noise.read]])
    for seen, inner, rows in _strips(encoded.shape[1]):
        part = network.probabilities(encoded[None, :, seen], linear[None, :, seen], told)
        found[rows] = part[0, inner]
    return found


@torch.inference_mode()
def unet_mask(network: ExposureUNet, encoded: Float[Tensor, "3 h w"]) -> Mask:
    """Return how likely each pixel of a dark or bright frame is well exposed by the paper's rule.

    The whole frame is seen at once, since Otsu's rule is one of whole frames.
    """
    with short_numbers(encoded.device):
        return network.probabilities(encoded[None])[0].float()


def _strips(height: int) -> Iterator[tuple[slice, slice, slice]]:
    """Rows that are seen, those of them that are kept, and where these belong."""
    for top in range(0, height, STRIP):
        bottom = min(top + STRIP, height)
        first = max(0, top - CONTEXT)
        yield (
            slice(first, min(bottom + CONTEXT, height)),
            slice(top - first, bottom - first),
            slice(top, bottom),
        )
