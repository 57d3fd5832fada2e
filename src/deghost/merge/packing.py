"""Aligned frames of a window as networks are trained to see them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.layers.reconstructor import BracketBatch, pack_srgb6
from deghost.merge.curves import read_light
from deghost.merge.reading import Source, read_planes
from deghost.merge.tiles import Window
from deghost.radiometry.matching import Match
from deghost.segment.exposure import luma, otsu_threshold
from deghost.types import Image


SAMPLES = 500_000  # pixels of a frame that are enough for a threshold


@dataclass(frozen=True)
class NetworkFrame:
    """How a frame of the bracket is shown to a network."""

    number: int  # in the bracket
    gain: float  # by which matching has brightened it where it clips
    exposure: float  # relative to the reference, once the gain is taken off


@dataclass(frozen=True)
class NetworkFrames:
    """The frames that a network is given, darkest first."""

    frames: tuple[NetworkFrame, ...]
    reference: int  # place in `frames`

    @property
    def unit(self) -> float:
        """Radiance of 1.0 in the network's scale, where 1.0 in the merge's clips the reference."""
        return 1 / self.frames[0].exposure


def network_frames(source: Source, numbers: tuple[int, ...]) -> NetworkFrames:
    """Describe chosen frames of a bracket, darkest first.

    A frame that was matched to the reference clips above or below 1.0; its exposure is corrected
    so that it clips at 1.0 again, and its radiance stays.
    """
    plan = source.plan
    frames = []
    for k in numbers:
        gain = _gain(plan.matches[k])
        frames.append(NetworkFrame(k, gain, plan.relative[k] / gain))
    return NetworkFrames(tuple(frames), numbers.index(plan.reference))


def read_batch(source: Source, chosen: NetworkFrames, window: Window) -> BracketBatch:
    """Read a window of the frames as a batch of one bracket, in channels-last memory.

    Exposures and radiance are relative to the darkest frame, as in training. Beyond a frame's edge
    stands what the reference shows, at the frame's exposure.
    """
    frames = chosen.frames
    base = frames[chosen.reference]
    light, _ = _read(source, base, window)
    linear = []
    for frame in frames:
        own, covered = (light, None) if frame is base else _read(source, frame, window)
        if covered is not None and float(covered.amin()) < 1:
            assumed = (light * (frame.exposure / base.exposure)).clamp_(max=1)
            own = torch.lerp(assumed, own, covered)
        linear.append(own)
    exposures = torch.tensor([[frame.exposure * chosen.unit for frame in frames]])
    packed = pack_srgb6(torch.stack(linear)[None], exposures)
    packed = packed[0].contiguous(memory_format=torch.channels_last)[None]
    return BracketBatch(packed, exposures, chosen.reference)


def _read(
    source: Source, frame: NetworkFrame, window: Window
) -> tuple[Image, Float[Tensor, "h w"]]:
    """Read linear values, 1.0 = clipping, and where the frame covers the window."""
    planes, covered = read_planes(source, frame.number, window)
    return (planes[:3] / frame.gain).clamp_(0, 1), covered


def otsu_thresholds(source: Source, chosen: NetworkFrames) -> tuple[float, ...]:
    """Find the threshold of the luma of each frame's codes, on a regular sample of the whole."""
    thresholds = []
    for frame in chosen.frames:
        stored = source.bracket.frames[frame.number]
        step = max(1, int((stored.size[0] * stored.size[1] / SAMPLES) ** 0.5))
        sample = stored.pixels[::step, ::step].copy()
        planes = read_light(sample, source.curves[frame.number], stored)
        linear = torch.from_numpy(planes[..., :3]).permute(2, 0, 1) / frame.gain
        thresholds.append(otsu_threshold(luma(linear.clamp(0, 1).pow(1 / 2.2))))
    return tuple(thresholds)


def otsu_masks(batch: BracketBatch, thresholds: Sequence[float]) -> Float[Tensor, "1 n h w"]:
    """Where frames darker than the reference are bright, and brighter ones dark: VAM's masks.

    Thresholds are those of whole frames, so that tiles agree.
    """
    masks = []
    for place, (seen, threshold) in enumerate(zip(batch.frames[0], thresholds, strict=True)):
        level = (luma(seen[:3]) * 255).round() / 255
        dark = level < threshold
        if place == batch.reference:
            dark = torch.ones_like(dark)
        masks.append(~dark if place < batch.reference else dark)
    return torch.stack(masks)[None].float()


def _gain(match: Match | None) -> float:
    """How much brighter matching makes a frame where it clips, on the mean of the channels.

    Example:
        >>> _gain(Match(((0.0,) * 9 + (1.0,),) * 3, remaining=0.0, before=0.0)), _gain(None)
        (2.0, 1.0)
    """
    if match is None:
        return 1.0
    return float(2.0 ** (sum(channel[-1] for channel in match.stops) / len(match.stops)))
