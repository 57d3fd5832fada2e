"""Exposure masks that lead the merge: which values of a frame count, made on the proxies."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from deghost.merge.curves import codes_of
from deghost.merge.plan import MergePlan, Prepared, warped_proxy
from deghost.merge.proxy import Proxy
from deghost.merge.tiles import Window, read_unless
from deghost.merge.weighted import Layer
from deghost.radiometry.response import encode
from deghost.segment.exposure import Side
from deghost.segment.exposure_masks import EXPOSURE_SEGMENTERS, ExposedFrame
from deghost.types import Mask


SHADOW, LIGHT = (
    0.1,
    0.3,
)  # linear values: up to one, masks tell of noise, from the other of clipping
FLOOR = 1e-3  # of the weight of a masked value: it counts where no other frame has a better one


@dataclass(frozen=True)
class ExposureGuide:
    """Where a frame is well exposed, on the grid of the reference's proxy.

    What a mask leaves out of the lights is taken for clipped: trust is multiplied by `unclipped`.
    What it leaves out of the shadows weighs less: weights are multiplied by `share`, unless that is
    None, since they follow the noise already.
    """

    mask: Mask  # as it was found
    unclipped: Mask
    share: Mask | None


def exposure_guides(
    plan: MergePlan, small: Prepared, known: Sequence[Mask] | None = None
) -> tuple[ExposureGuide | None, ...]:
    """Segment all frames as planned; None for each where the classical rule is in charge.

    That rule is part of every merge: trust falls where codes end, and weights follow the noise.
    `known` are masks to use instead, on the grid of the reference's proxy.
    """
    count = len(plan.frames)
    if known is None and plan.exposure_mask == "classical":
        return (None,) * count
    if known is not None:
        light = [warped_proxy(small, plan.warps, k).linear for k in range(count)]
        return tuple(_guide(mask, linear) for mask, linear in zip(known, light, strict=True))
    guides = (_guide(*masked_proxy(plan, small, k)) for k in range(count))
    if plan.exposure_mask == "learned":
        return tuple(ExposureGuide(g.mask, g.unclipped.square(), None) for g in guides)
    return tuple(guides)


def masked_proxy(plan: MergePlan, small: Prepared, k: int) -> tuple[Mask, Float[Tensor, "3 h w"]]:
    """Segment a frame, and warp mask and light to the reference; 0 beyond the frame's edge."""
    found = Proxy(small.proxies[k].linear, segment_proxy(plan, small, k)[None])
    masked = (*small.proxies[:k], found, *small.proxies[k + 1 :])
    warped = warped_proxy(replace(small, proxies=masked), plan.warps, k)
    return warped.trust[0], warped.linear


def segment_proxy(plan: MergePlan, small: Prepared, k: int) -> Mask:
    """Segment a frame as planned, on the grid of its own proxy.

    What has no codes of a finished picture is given those of sRGB.
    """
    proxy, curve = small.proxies[k].full(), small.curves[k]
    finished = curve.kind == "encoded"
    codes = codes_of(proxy.linear, curve) if finished else encode(proxy.linear.clamp(0, 1), "srgb")
    side: Side | None = None
    if k != plan.reference:
        side = "dark" if plan.relative[k] < 1 else "bright"
    frame = ExposedFrame(codes, proxy.linear, proxy.trust, plan.noise[k], side)
    return EXPOSURE_SEGMENTERS[plan.exposure_mask](frame)


def _guide(mask: Mask, linear: Float[Tensor, "3 h w"]) -> ExposureGuide:
    """Split a mask into what it says of clipping and what it says of noise."""
    light = ((linear.amax(0) - SHADOW) / (LIGHT - SHADOW)).clamp(0, 1)
    share = (1 - (1 - light) * (1 - mask)).clamp(min=FLOOR)
    return ExposureGuide(mask, 1 - light * (1 - mask), share)


def well_exposed(
    layer: Layer, guide: ExposureGuide | None, window: Window, factor: int
) -> tuple[Layer, Mask | None]:
    """Take from the trust of a layer what its guide says, and read the share of its weights."""
    if guide is None:
        return layer, None
    unclipped = read_unless(guide.unclipped[None], 1.0, window, factor)
    if unclipped is not None:
        layer = replace(layer, trust=layer.trust * unclipped)
    share = None if guide.share is None else read_unless(guide.share[None], 1.0, window, factor)
    return layer, None if share is None else share[0]
