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


FILL_LIMIT = 4.0  # times the reference's clipping level: two stops
HOLE_REACH = 4.0  # px of the proxy over which clipped pixels make a hole


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
        unsure = fusion.trust.amin(0) < 0.5
        still[k] = 1 - moved(disagreement(known(fusion), layer, slack), plan.motion, unsure)
        fusion = extend(fusion, layer, still[k])
    fill = _fill(fusion, aligned, still, first)
    return Guides(small.factor, tuple(still), fill, fusion.radiance)


def _layer(plan: MergePlan, aligned: Sequence[Proxy], factor: int, k: int) -> Layer:
    """A proxy as a layer; averaging lowers its noise, but less than it would white noise."""
    proxy, exposure, noise = aligned[k], plan.relative[k], plan.noise[k]
    noise = NoiseModel(noise.shot / factor, noise.read / factor)
    return Layer(proxy.linear / exposure, proxy.trust, exposure, noise, plan.tolerances[k])


def _fill(
    fusion: Fusion, aligned: Sequence[Proxy], still: Sequence[Mask], reference: int
) -> Radiance | None:
    """What to assume where the reference clips and what other frames show there has moved.

    The truth there is at least the reference's clipping level, so only what surrounds the hole and
    clips in the reference, too, is continued into it: smoothly, and to no more than `FILL_LIMIT`
    times that level. None if there is no such place.
    """
    lost = fusion.trust.amin(0) < 0.5
    shown = torch.zeros_like(lost)
    for proxy, mask in zip(aligned, still, strict=True):
        shown |= (proxy.trust.amin(0) > 0.5) & (mask < 0.5)
    hole = lost & shown
    if not bool(hole.any()):
        return None
    clipped = aligned[reference].trust.amin(0) < 0.5
    stops = continue_smoothly(fusion.radiance.clamp(min=1e-9).log(), (clipped & ~lost).float())
    # single clipped pixels among others are texture: only where most clip is there a hole to fill
    density = torch.from_numpy(cv2.GaussianBlur(clipped.float().numpy(), (0, 0), HOLE_REACH))
    fill = (stops * (2 * density - 1).clamp(0, 1)).exp().clamp(max=FILL_LIMIT)
    return torch.where(hole, fill, 0.0)


def continue_smoothly(
    image: Float[Tensor, "3 h w"], known: Mask, levels: int = 8
) -> Float[Tensor, "3 h w"]:
    """Fill what is unknown from its surroundings, by averages over ever larger neighbourhoods.

    Push-pull interpolation (Gortler, Grzeszczuk, Szeliski and Cohen, The Lumigraph, SIGGRAPH
    1996): every value is a weighted mean of known ones, or 0 where none is within about
    `2 ** levels` pixels.
    """
    weight = known.numpy()
    pyramid = [(image.permute(1, 2, 0).numpy() * weight[..., None], weight)]
    while min(pyramid[-1][1].shape) > 1 and len(pyramid) < levels:
        value, weight = pyramid[-1]
        pyramid.append((cv2.pyrDown(value), cv2.pyrDown(weight)))
    result = np.zeros_like(pyramid[-1][0])
    for value, weight in reversed(pyramid):
        size = (weight.shape[1], weight.shape[0])
        coarse = cv2.resize(result, size, interpolation=cv2.INTER_LINEAR)
        share = np.minimum(4 * weight, 1.0)[..., None]
        result = value / np.maximum(weight, 1e-6)[..., None] * share + coarse * (1 - share)
    return torch.from_numpy(result).permute(2, 0, 1)
