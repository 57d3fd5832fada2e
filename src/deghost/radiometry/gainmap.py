"""Gain maps: how much brighter than its SDR rendition each part of an HDR picture is.

ISO 21496-1 (2025) and Android's Ultra HDR Image Format v1.1, which agree. Light is linear and 1.0
is the white of the SDR rendition; gains, boosts and headrooms are in stops (log2).
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.types import Image, Radiance


Gain = Float[Tensor, "c h w"]  # stops; one channel for all colours, or three
GainMap = Float[Tensor, "c h w"]  # as encoded, in [0, 1]
PerChannel = tuple[float, float, float]

OFFSET = 1 / 64  # added to both renditions, so that black has a gain
LUMINANCE = (0.2126, 0.7152, 0.0722)  # Rec. 709
HIGHEST_HEADROOM = 5.62  # stops from SDR white at 203 cd/m² to PQ's 10000 cd/m² (BT.2408)
NARROWEST = 2.0**-6  # stops; a map of a picture without highlights still needs a range


@dataclass(frozen=True)
class GainMapMetadata:
    """What a gain map's codes mean, per colour, and for which displays its two pictures are."""

    lowest: PerChannel  # the gain of code 0, stops
    highest: PerChannel  # the gain of the largest code, stops
    gamma: PerChannel = (1.0, 1.0, 1.0)
    base_offset: PerChannel = (OFFSET, OFFSET, OFFSET)
    alternate_offset: PerChannel = (OFFSET, OFFSET, OFFSET)
    base_headroom: float = 0.0  # stops above SDR white that the base picture is made for
    alternate_headroom: float = 1.0  # and the one that the whole gain leads to


def metadata_for(lowest: float, highest: float, brightest: float) -> GainMapMetadata:
    """Choose the metadata of a map whose gains lie between `lowest` and `highest`.

    The whole gain is meant for a display that can show `brightest` (SDR white = 1), or else for
    the brightest that there can be.

    Example:
        >>> metadata_for(-0.25, 3.0, 8.0).alternate_headroom
        3.0
    """
    highest = max(highest, lowest + NARROWEST)
    headroom = math.log2(max(brightest, 1.0))
    headroom = min(max(headroom, NARROWEST), HIGHEST_HEADROOM)
    return GainMapMetadata((lowest,) * 3, (highest,) * 3, alternate_headroom=headroom)


def gain_between(
    base: Float[Tensor, "c h w"], alternate: Float[Tensor, "c h w"], offset: float = OFFSET
) -> Gain:
    """Measure the gain from the SDR to the HDR rendition of each colour, in stops.

    Example:
        >>> base, alternate = torch.full((3, 1, 1), 0.5), torch.full((3, 1, 1), 2.0)
        >>> gain_between(base, alternate, offset=0.0).flatten()
        tensor([2., 2., 2.])
    """
    return torch.log2((alternate + offset) / (base + offset))


def luminance(image: Image) -> Float[Tensor, "1 h w"]:
    """Weigh linear Rec. 709 colours as the eye does, for a map of one channel.

    Example:
        >>> luminance(torch.ones(3, 1, 1)).item()
        1.0
    """
    weights = image.new_tensor(LUMINANCE)
    return (image * weights[:, None, None]).sum(0, keepdim=True)


def encode_gain(gain: Gain, metadata: GainMapMetadata) -> GainMap:
    """Place gains in the range of the metadata, 0 to 1, and bend them by gamma.

    Example:
        >>> metadata = GainMapMetadata((-1.0,) * 3, (3.0,) * 3)
        >>> encode_gain(torch.tensor([-2.0, 0.0, 3.0]).view(1, 1, 3), metadata).flatten()
        tensor([0.0000, 0.2500, 1.0000])
    """
    lowest, highest = _channels(metadata.lowest, gain), _channels(metadata.highest, gain)
    return ((gain - lowest) / (highest - lowest)).clamp(0, 1) ** _channels(metadata.gamma, gain)


def decode_gain(gain_map: GainMap, metadata: GainMapMetadata) -> Gain:
    """Turn an encoded map back into stops: the inverse of `encode_gain`.

    Example:
        >>> metadata = GainMapMetadata((-1.0,) * 3, (3.0,) * 3)
        >>> decode_gain(torch.tensor([0.0, 0.25, 1.0]).view(1, 1, 3), metadata).flatten()
        tensor([-1.,  0.,  3.])
    """
    lowest, highest = _channels(metadata.lowest, gain_map), _channels(metadata.highest, gain_map)
    return lowest + (highest - lowest) * gain_map ** (1 / _channels(metadata.gamma, gain_map))


def weight_for(headroom: float, metadata: GainMapMetadata) -> float:
    """Give the part of the gain to apply on a display of this headroom, negative to go down.

    ISO 21496-1, 6.3: between the two headrooms linearly in stops.

    Example:
        >>> weight_for(1.5, GainMapMetadata((0.0,) * 3, (3.0,) * 3, alternate_headroom=3.0))
        0.5
    """
    span = metadata.alternate_headroom - metadata.base_headroom
    if span == 0:
        return 1.0
    part = min(max((headroom - metadata.base_headroom) / span, 0.0), 1.0)
    return part if span > 0 else -part


def apply_gain_map(
    base: Image, gain_map: GainMap, metadata: GainMapMetadata, headroom: float | None = None
) -> Radiance:
    """Rebuild the picture for a display of `headroom` stops; without it, with the whole gain.

    Example:
        >>> base, codes = torch.full((3, 1, 1), 0.5), torch.ones(1, 1, 1)
        >>> metadata = GainMapMetadata((0.0,) * 3, (2.0,) * 3, base_offset=(0.0,) * 3,
        ...                            alternate_offset=(0.0,) * 3, alternate_headroom=2.0)
        >>> apply_gain_map(base, codes, metadata).flatten()
        tensor([2., 2., 2.])
        >>> apply_gain_map(base, codes, metadata, headroom=1.0).flatten()
        tensor([1., 1., 1.])
    """
    target = metadata.alternate_headroom if headroom is None else headroom
    boost = torch.exp2(decode_gain(gain_map, metadata) * weight_for(target, metadata))
    before, after = (
        _channels(offset, base) for offset in (metadata.base_offset, metadata.alternate_offset)
    )
    return (base + before) * boost - after


def _channels(values: PerChannel, like: Float[Tensor, "c h w"]) -> Float[Tensor, "c 1 1"]:
    """Shape three values for a picture of three channels, or the first for one of one."""
    return like.new_tensor(values[: like.shape[0]])[:, None, None]
