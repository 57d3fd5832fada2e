"""The classical merges, for comparison: nothing that moved is removed.

Debevec and Malik's and Robertson's averages are radiance and are computed tile by tile; exposure
fusion after Mertens is a display picture and needs the whole picture in memory.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8

from deghost.merge.curves import codes_of, frame_curve
from deghost.merge.reading import Source, read_planes
from deghost.merge.tiles import Window, tile_windows
from deghost.radiometry.response import decode, encode
from deghost.types import Image, Mask, Radiance


STRIP = (256, 4096)
FAINTEST = 1e-9  # radiance below which logarithms are not taken


def hat(codes: Image) -> Image:
    """Weight codes by their distance from both ends (Debevec and Malik 1997, equation 4).

    Example:
        >>> hat(torch.tensor([0.0, 0.25, 0.5, 1.0]).expand(3, 1, 4))[0, 0]
        tensor([0.0000, 0.5000, 1.0000, 0.0000])
    """
    return 2 * torch.minimum(codes, 1 - codes)


def bell(codes: Image) -> Image:
    """Weight codes by a Gaussian around the middle that is 0 at both ends (Robertson 2003).

    Example:
        >>> bell(torch.tensor([0.0, 0.25, 0.5, 1.0]).expand(3, 1, 4))[0, 0]
        tensor([0.0000, 0.3561, 1.0000, 0.0000])
    """
    least = math.exp(-4)
    return ((-4 * (2 * codes - 1).square()).exp() - least) / (1 - least)


@dataclass(frozen=True)
class View:
    """What one frame shows in a window of the reference."""

    radiance: Radiance
    codes: Image  # in [0, 1]
    covered: Mask  # 0 beyond the frame's edge
    exposure: float


def merge_debevec(source: Source, window: Window) -> Radiance:
    """Average the logarithms of the frames' radiance, weighted by a hat over the codes.

    Debevec and Malik, Recovering High Dynamic Range Radiance Maps from Photographs, SIGGRAPH 1997,
    equation 6. Where all weights are 0 the greatest lower bound stands.
    """
    views = list(_views(source, window))
    weights = torch.stack([hat(view.codes) * view.covered for view in views])
    logs = torch.stack([view.radiance.clamp(min=FAINTEST).log() for view in views])
    average = ((weights * logs).sum(0) / weights.sum(0)).exp()
    return torch.where(weights.sum(0) > 0, average, _bound(views))


def merge_robertson(source: Source, window: Window) -> Radiance:
    """Average the frames' radiance, weighted by a Gaussian over the codes and by exposure squared.

    Robertson, Borman and Stevenson, Estimation-Theoretic Approach to Dynamic Range Enhancement
    using Multiple Exposures, J. Electronic Imaging 12(2), 2003, equation 12. Where all weights are
    0 the greatest lower bound stands.
    """
    views = list(_views(source, window))
    weights = torch.stack([bell(view.codes) * view.covered * view.exposure**2 for view in views])
    radiances = torch.stack([view.radiance for view in views])
    average = (weights * radiances).sum(0) / weights.sum(0)
    return torch.where(weights.sum(0) > 0, average, _bound(views))


AVERAGES: dict[str, Callable[[Source, Window], Radiance]] = {
    "debevec": merge_debevec,
    "robertson": merge_robertson,
}


def _bound(views: Sequence[View]) -> Radiance:
    return torch.stack([view.radiance * view.covered for view in views]).amax(0)


def _views(source: Source, window: Window) -> Iterator[View]:
    for k, exposure in enumerate(source.plan.relative):
        planes, covered = read_planes(source, k, window)
        linear = planes[:3].clamp(min=0)
        yield View(linear / exposure, codes_of(linear, source.curves[k]), covered, exposure)


def fuse_exposures(source: Source) -> Float32[np.ndarray, "h w 3"]:
    """Blend the frames as displayed, and linearise the blend: 1.0 is display white, not radiance.

    Mertens, Kautz and Van Reeth, Exposure Fusion, Pacific Graphics 2007, by OpenCV, whose result
    may leave [0, 1] and is clipped.
    """
    own = tuple(frame_curve(frame, None, None) for frame in source.bracket.frames)
    shown = replace(source, curves=own)
    pictures = [_displayed(shown, k) for k in range(len(own))]
    fused = torch.from_numpy(cv2.createMergeMertens().process(pictures))
    return decode(fused.clamp_(0, 1), "srgb").numpy()


def _displayed(source: Source, k: int) -> UInt8[np.ndarray, "h w 3"]:
    """Return a frame, aligned and cropped, as 8-bit sRGB; black beyond its edge."""
    top, left, height, width = source.plan.crop
    matrix = torch.from_numpy(source.bracket.frames[k].to_rec709).float()
    picture = np.empty((height, width, 3), np.uint8)
    for window in tile_windows(source.plan.crop, STRIP):
        planes, covered = read_planes(source, k, window)
        light = torch.einsum("oc,chw->ohw", matrix, planes[:3] * covered).clamp(0, 1)
        codes = (encode(light, "srgb") * 255).round().to(torch.uint8)
        y, x, h, w = window
        picture[y - top : y - top + h, x - left : x - left + w] = codes.permute(1, 2, 0).numpy()
    return picture
