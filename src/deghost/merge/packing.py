"""Aligned frames of a window as networks are trained to see them."""

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
    threshold: float  # of the luma of its codes, by Otsu


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
        exposure = plan.relative[k] / gain
        frames.append(NetworkFrame(k, gain, exposure, _threshold(source, k, gain)))
    return NetworkFrames(tuple(frames), numbers.index(plan.reference))


def read_batch(
    source: Source, chosen: NetworkFrames, window: Window, *, masks: bool
) -> BracketBatch:
    """Read a window of the frames as a batch of one bracket, in channels-last memory.

    Exposures and radiance are relative to the darkest frame, as in training. Beyond a frame's edge
    stands what the reference shows, at the frame's exposure. With `masks`, those of Otsu.
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
    made = _masks(packed, chosen) if masks else None
    return BracketBatch(packed, exposures, chosen.reference, made)


def _read(
    source: Source, frame: NetworkFrame, window: Window
) -> tuple[Image, Float[Tensor, "h w"]]:
    """Read linear values, 1.0 = clipping, and where the frame covers the window."""
    planes, covered = read_planes(source, frame.number, window)
    return (planes[:3] / frame.gain).clamp_(0, 1), covered


def _masks(packed: Float[Tensor, "1 n 6 h w"], chosen: NetworkFrames) -> Float[Tensor, "1 n h w"]:
    """Where frames darker than the reference are bright, and brighter ones dark (VAM)."""
    masks = []
    for place, (frame, seen) in enumerate(zip(chosen.frames, packed[0], strict=True)):
        level = (luma(seen[:3]) * 255).round() / 255
        bright = level >= frame.threshold
        well_exposed = bright if place < chosen.reference else ~bright
        if place == chosen.reference:
            well_exposed = torch.ones_like(bright)
        masks.append(well_exposed.float())
    return torch.stack(masks)[None]


def _gain(match: Match | None) -> float:
    """How much brighter matching makes a frame where it clips, on the mean of the channels.

    Example:
        >>> _gain(Match(((0.0,) * 9 + (1.0,),) * 3, remaining=0.0, before=0.0)), _gain(None)
        (2.0, 1.0)
    """
    if match is None:
        return 1.0
    return float(2.0 ** (sum(channel[-1] for channel in match.stops) / len(match.stops)))


def _threshold(source: Source, k: int, gain: float) -> float:
    """Find Otsu's threshold of a whole frame on a regular sample of it."""
    frame = source.bracket.frames[k]
    step = max(1, int((frame.size[0] * frame.size[1] / SAMPLES) ** 0.5))
    planes = read_light(frame.pixels[::step, ::step].copy(), source.curves[k], frame)
    linear = torch.from_numpy(planes[..., :3]).permute(2, 0, 1)
    codes = (linear / gain).clamp(0, 1).pow(1 / 2.2)
    return otsu_threshold(luma(codes))
