"""Guides: the maps, made on the proxies, that lead the full-size merge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from deghost.align.flow import reliable_flow, warp_by_flow
from deghost.layers.memory import return_freed_memory
from deghost.layers.pyramid import continue_smoothly
from deghost.merge.exposure_guides import ExposureGuide, exposure_guides
from deghost.merge.motion_guides import joint_masks, stillness
from deghost.merge.plan import MergePlan, Prepared, warped_proxy
from deghost.merge.proxy import Proxy
from deghost.merge.weighted import Fusion, Layer, extend, start_fusion
from deghost.radiometry.noise import NoiseModel
from deghost.types import Mask, Radiance


FILL_LIMIT = 4.0  # times the reference's clipping level: two stops
FILL_LEVELS = 7  # how far surroundings reach: 2 ** 7 px of the proxy
LEAST_MOTION = 5e-4  # share of a frame that must have moved for flow to be worth while
HOLE_REACH = 4.0  # px of the proxy over which clipped pixels make a hole


@dataclass(frozen=True)
class FlowGuide:
    """Where things that moved in a frame went to."""

    flow: Float[Tensor, "2 h w"]  # proxy pixels, from the reference to the rigidly warped frame
    usable: Mask  # 1 where the frame moved and the flow can be followed


@dataclass(frozen=True)
class Guides:
    """Proxy-sized maps in the reference's coordinates."""

    factor: int
    still: tuple[Mask, ...]  # 1 where a frame did not move against the reference
    fill: Radiance  # radiance to assume where no frame measured any; 0 elsewhere
    flows: tuple[FlowGuide | None, ...]
    exposed: tuple[ExposureGuide | None, ...]  # None: by codes and noise alone
    certain: bool = False  # whether `still` was told, and pixels are not judged again


@torch.inference_mode()
def make_guides(
    plan: MergePlan,
    small: Prepared,
    motion: Sequence[Mask] | None = None,
    exposed: Sequence[Mask] | None = None,
) -> Guides:
    """Find what moved in every frame, and what to assume where nothing was measured.

    Frames are taken in the order of merging, each compared with the merge of those before it, so
    that a region the reference does not show is judged by the nearest frame that shows it; networks
    then judge each in view of all. With flow, what moved is followed to where it went, and merged
    after all frames. `motion` are masks that are known already, one a frame, on the grid of the
    proxies: 1 = moved, and `exposed` those of what is well exposed.
    """
    masks = exposure_guides(plan, small, exposed)  # first, while little else is in memory
    return_freed_memory()
    first, *others = plan.order
    reference = warped_proxy(small, plan.warps, first)
    fusion = start_fusion(_layer(plan, reference, small.factor, first))
    told: Sequence[Mask] | Mapping[int, Mask] | None = motion
    if told is None and plan.motion.segmenter == "learned" and plan.motion.strength > 0:
        layers = (_layer(plan, warped_proxy(small, plan.warps, k), small.factor, k) for k in others)
        told = dict(zip(others, joint_masks(fusion, layers, plan.motion.strength), strict=True))
    still = [torch.ones_like(reference.linear[0]) for _ in plan.order]
    shown = torch.zeros_like(reference.linear[0], dtype=torch.bool)
    for k in others:
        proxy = warped_proxy(small, plan.warps, k)
        layer = _layer(plan, proxy, small.factor, k)
        still[k] = stillness(fusion, layer, plan.motion) if told is None else 1 - told[k]
        shown |= (proxy.trust.amin(0) > 0.5) & (still[k] < 0.5)
        fusion = extend(fusion, layer, still[k])
    flows: list[FlowGuide | None] = [None] * len(still)
    for k in others if plan.flow else []:
        flows[k] = _follow(fusion, reference, plan, small, k, still[k])
        if (guide := flows[k]) is not None:
            proxy = _flowed(warped_proxy(small, plan.warps, k), guide)
            fusion = extend(fusion, _layer(plan, proxy, small.factor, k), guide.usable)
    fill = smooth_fill(fusion, reference.trust.amin(0) < 0.5, shown)
    paths = tuple(_exposed_only(flow, mask) for flow, mask in zip(flows, masks, strict=True))
    return Guides(small.factor, tuple(still), fill, paths, masks, motion is not None)


def _exposed_only(flow: FlowGuide | None, exposed: ExposureGuide | None) -> FlowGuide | None:
    """Follow only to what is well exposed there."""
    if flow is None or exposed is None:
        return flow
    return replace(flow, usable=flow.usable * warp_by_flow(exposed.mask[None], flow.flow)[0][0])


def _layer(plan: MergePlan, proxy: Proxy, factor: int, k: int) -> Layer:
    """A proxy as a layer; averaging lowers its noise, but less than it would white noise."""
    noise = NoiseModel(plan.noise[k].shot / factor, plan.noise[k].read / factor)
    exposure = plan.relative[k]
    return Layer(proxy.linear / exposure, proxy.trust, exposure, noise, plan.tolerances[k])


def _follow(
    fusion: Fusion, reference: Proxy, plan: MergePlan, small: Prepared, k: int, still: Mask
) -> FlowGuide | None:
    """Find where what moved in frame `k` went; None if little moved or nothing can be followed.

    Followed are the places where forward and backward flow agree, and those where the reference
    clips, where its surroundings lead; both only as far as what is found there fits.
    """
    if float((still < 0.5).float().mean()) < LEAST_MOTION:
        return None
    proxy = warped_proxy(small, plan.warps, k)
    flow, sure = reliable_flow(reference.linear, proxy.linear, (1.0, plan.relative[k]))
    clipped = (reference.trust.amin(0) < 0.5).float()
    guide = FlowGuide(flow, (1 - still) * torch.maximum(sure, clipped))
    layer = _layer(plan, _flowed(proxy, guide), small.factor, k)
    fits = stillness(fusion, layer, plan.motion) * layer.trust.amin(0)
    usable = guide.usable * fits
    return FlowGuide(flow, usable) if bool((usable > 0.5).any()) else None


def _flowed(proxy: Proxy, guide: FlowGuide) -> Proxy:
    linear, inside = warp_by_flow(proxy.linear, guide.flow)
    trust, _ = warp_by_flow(proxy.trust, guide.flow)
    return Proxy(linear, trust.clamp(0, 1) * inside)


def smooth_fill(
    fusion: Fusion, clipped: Bool[Tensor, "h w"], shown: Bool[Tensor, "h w"]
) -> Radiance:
    """What to assume where the reference is `clipped` and what other frames have `shown` moved.

    The truth there is at least the reference's clipping level, so only what surrounds the hole and
    clips in the reference, too, is continued into it: smoothly, and to no more than `FILL_LIMIT`
    times that level. 0 elsewhere.
    """
    lost = fusion.trust.amin(0) < 0.5
    hole = lost & shown
    if not bool(hole.any()):
        return torch.zeros_like(fusion.radiance)
    stops = fusion.radiance.clamp(min=1e-9).log().permute(1, 2, 0).contiguous().numpy()
    known = (clipped & ~lost).float().numpy()
    smooth = torch.from_numpy(continue_smoothly(stops, known, FILL_LEVELS)).permute(2, 0, 1)
    # single clipped pixels among others are texture: only where most clip is there a hole to fill
    density = torch.from_numpy(cv2.GaussianBlur(clipped.float().numpy(), (0, 0), HOLE_REACH))
    fill = (smooth * (2 * density - 1).clamp(0, 1)).exp().clamp(max=FILL_LIMIT)
    return torch.where(hole, fill, 0.0)
