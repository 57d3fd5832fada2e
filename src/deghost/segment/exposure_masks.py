"""Which pixels of any frame of a bracket are well exposed, by whichever method is named."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.models.exposure_net import ExposureNet
from deghost.models.exposure_unet import ExposureUNet
from deghost.models.zoo import shared_network
from deghost.radiometry.noise import NoiseModel
from deghost.segment.exposure import MASKS, Side, above_noise
from deghost.segment.learned_exposure import learned_mask, unet_mask
from deghost.segment.segmenters import ExposureSegmenter
from deghost.types import Image, Mask


@dataclass(frozen=True)
class ExposedFrame:
    """One frame as exposure segmenters see it, on its own grid."""

    codes: Float[Tensor, "3 h w"]  # in [0, 1]
    linear: Image  # 1.0 = clipping
    trust: Float[Tensor, "c h w"]  # how surely the pixels are below clipping
    noise: NoiseModel
    side: Side | None  # darker or brighter than the reference; None: the reference itself


def classical_mask(frame: ExposedFrame) -> Mask:
    """Return what is below clipping and stands clear of the noise, with soft edges."""
    return frame.trust.amin(0) * above_noise(frame.linear, frame.noise)


def network_mask(frame: ExposedFrame) -> Mask:
    """Return what the house's network, told the frame's noise, takes for well exposed."""
    network = shared_network("exposure-net")
    assert isinstance(network, ExposureNet)
    return learned_mask(network, frame.codes, frame.linear, frame.noise)


def ruled_mask(frame: ExposedFrame, rule: str) -> Mask:
    """Return what a rule of the papers takes; they have none for the reference, which counts."""
    if frame.side is None:
        return torch.ones_like(frame.linear[0])
    return MASKS[rule](frame.codes, frame.side)


def shipped_unet_mask(codes: Float[Tensor, "3 h w"], side: Side) -> Mask:
    """Return what the paper's U-Net of a side, as shipped, takes for well exposed."""
    network = shared_network({"dark": "exposure-unet-low", "bright": "exposure-unet-high"}[side])
    assert isinstance(network, ExposureUNet)
    return unet_mask(network, codes)


def paper_network_mask(frame: ExposedFrame) -> Mask:
    """Return what the paper's two U-Nets take; they know no reference, which counts."""
    if frame.side is None:
        return torch.ones_like(frame.linear[0])
    return shipped_unet_mask(frame.codes, frame.side)


EXPOSURE_SEGMENTERS: dict[ExposureSegmenter, Callable[[ExposedFrame], Mask]] = {
    "classical": classical_mask,
    "manual": partial(ruled_mask, rule="manual"),
    "otsu": partial(ruled_mask, rule="otsu"),
    "exposure-unet": paper_network_mask,
    "learned": network_mask,
}
