"""Guides: the maps, made on the proxies, that lead the full-size merge."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from deghost.merge.plan import MergePlan, Prepared, warped_proxies
from deghost.merge.proxy import Proxy
from deghost.merge.weighted import Fusion, Layer, disagreement, extend, known, start_fusion
from deghost.radiometry.noise import NoiseModel
from deghost.segment.motion import edge_strength, moved
from deghost.types import Mask, Radiance


@dataclass(frozen=True)
class Guides:
    """Proxy-sized maps in the reference's coordinates."""

    factor: int
    still: tuple[Mask, ...]  # 1 where a frame did not move against the reference
    fill: Radiance | None  # radiance to assume where no frame measured any
    preview: Radiance  # the merge of the proxies


def make_guides(plan: MergePlan, small: Prepared) -> Guides:
    """Find what moved in every frame, and what to assume where nothing was measured.

    Frames are taken in the order of merging, each compared with the merge of those before it, so
    that a region the reference does not show is judged by the nearest frame that shows it.
    """
    aligned = warped_proxies(small, plan.warps)
    first = plan.order[0]
    fusion = start_fusion(_layer(plan, aligned, small.factor, first))
    still = [torch.ones_like(aligned[0].linear[0]) for _ in aligned]
    for k in plan.order[1:]:
        layer = _layer(plan, aligned, small.factor, k)
        slack = plan.motion.edge / 2 * edge_strength(fusion.radiance)
        still[k] = 1 - moved(disagreement(known(fusion), layer, slack), plan.motion)
        fusion = extend(fusion, layer, still[k])
    fill = _fill(fusion, aligned, still)
    return Guides(small.factor, tuple(still), fill, fusion.radiance)


def _layer(plan: MergePlan, aligned: Sequence[Proxy], factor: int, k: int) -> Layer:
    """A proxy as a layer; averaging lowers its noise, but less than it would white noise."""
    proxy, exposure, noise = aligned[k], plan.relative[k], plan.noise[k]
    noise = NoiseModel(noise.shot / factor, noise.read / factor)
    return Layer(proxy.linear / exposure, proxy.trust, exposure, noise, plan.tolerances[k])


def _fill(fusion: Fusion, aligned: Sequence[Proxy], still: Sequence[Mask]) -> Radiance | None:
    """What to assume where the reference clips and what other frames show there has moved.

    The surroundings are continued smoothly into the hole; nothing is brighter than they are.
    None if there is no such place.
    """
    lost = fusion.trust.amin(0) < 0.5
    shown = torch.zeros_like(lost)
    for proxy, mask in zip(aligned, still, strict=True):
        shown |= (proxy.trust.amin(0) > 0.5) & (mask < 0.5)
    hole = lost & shown
    if not bool(hole.any()) or bool(lost.all()):
        return None
    smooth = continue_smoothly(fusion.radiance.clamp(min=1e-9).log(), 1 - lost.float()).exp()
    return torch.where(hole, smooth, 0.0)


def continue_smoothly(image: Float[Tensor, "3 h w"], known: Mask) -> Float[Tensor, "3 h w"]:
    """Fill what is unknown from its surroundings, by averages over ever larger neighbourhoods.

    Push-pull interpolation (Gortler, Grzeszczuk, Szeliski and Cohen, The Lumigraph, SIGGRAPH
    1996): every value is a weighted mean of known ones.
    """
    weight = known.numpy()
    levels = [(image.permute(1, 2, 0).numpy() * weight[..., None], weight)]
    while min(levels[-1][1].shape) > 1:
        value, weight = levels[-1]
        levels.append((cv2.pyrDown(value), cv2.pyrDown(weight)))
    value, weight = levels[-1]
    result = value / np.maximum(weight, 1e-6)[..., None]
    for value, weight in reversed(levels[:-1]):
        size = (weight.shape[1], weight.shape[0])
        coarse = cv2.resize(result, size, interpolation=cv2.INTER_LINEAR)
        share = np.minimum(weight, 1.0)[..., None]
        result = value / np.maximum(weight, 1e-6)[..., None] * share + coarse * (1 - share)
    return torch.from_numpy(result).permute(2, 0, 1)
