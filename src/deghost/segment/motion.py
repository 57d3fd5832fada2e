"""Which pixels of a frame moved against what is known of the scene so far: the classical mask.

Two values of the same radiance differ by noise, by a small photometric error, and at edges by a
small error of alignment. What differs by more has moved. A clipped value is a lower bound, so it
can be contradicted from one side only.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from deghost.segment.segmenters import Segmenter
from deghost.types import Mask


Planes = Float[Tensor, "p h w"]  # radiance: RGB, or the mean of the channels alone
Trust = Float[Tensor, "c h w"]  # how surely a pixel, or each channel, is below clipping


@dataclass(frozen=True)
class MotionSettings:
    """How motion masks are made.

    `strength` in [0, 1] is the user's: 0 finds nothing, 1 finds everything that might have moved.
    `edge` is the error of alignment granted, in pixels.
    """

    strength: float = 0.5
    segmenter: Segmenter = "classical"
    edge: float = 0.35
    feather: float = 2.0  # px
    smallest: float = 12.0  # px, side of the smallest moving thing looked for

    @property
    def certain(self) -> float:
        """The normalised difference from which a pixel has surely moved.

        Simulated scenes alone would have half as much again; real faces then keep ghosts.
        """
        return 8.0 * 0.25**self.strength


def contradiction(known: Planes, known_trust: Trust, frame: Planes, frame_trust: Trust) -> Planes:
    """Return by how much a frame's radiance contradicts the known one; 0 where it may be true.

    A value that is not trusted is clipped: the truth is at least as bright. So a frame is
    contradicted by a clipped scene only if it is darker, and, clipped itself, only if brighter.

    Example:
        >>> one, sure, clipped = torch.ones(3, 1, 1), torch.ones(3, 1, 1), torch.zeros(3, 1, 1)
        >>> contradiction(one, clipped, 4 * one, sure).flatten()[0]
        tensor(0.)
        >>> contradiction(one, clipped, one / 4, sure).flatten()[0]
        tensor(-0.7500)
    """
    difference = frame - known
    if float(known_trust.amin()) < 1:
        difference = torch.lerp(difference.clamp(max=0), difference, known_trust)
    if float(frame_trust.amin()) < 1:
        difference = torch.lerp(difference.clamp(min=0), difference, frame_trust)
    return difference


def edge_strength(image: Float[Tensor, "3 h w"]) -> Float[Tensor, "3 h w"]:
    """Return the largest change to a neighbouring pixel: the cost of one pixel of misalignment."""
    pixels = image.permute(1, 2, 0).contiguous().numpy()
    kernel = np.ones((3, 3), np.uint8)
    change = cv2.dilate(pixels, kernel) - cv2.erode(pixels, kernel)
    return torch.from_numpy(change).permute(2, 0, 1)


def moved(
    difference: Mask, settings: MotionSettings, unsure: Bool[Tensor, "h w"] | None = None
) -> Mask:
    """Return a clean, feathered motion mask from normalised differences.

    Differences are pooled over a small window. Regions above half the certain level count if they
    hold a certain core of some size; their holes are filled, their rims widened and feathered.
    Where it is `unsure` whether anything moved, because what is known clips, rims are widened more:
    a thing's blurred rim is brighter than the clipped scene must be, so it contradicts nothing.
    """
    if settings.strength <= 0:
        return torch.zeros_like(difference)
    squared = difference.numpy() ** 2
    pooled = np.sqrt(np.maximum(cv2.blur(np.minimum(squared, 100.0), (5, 5)), 0.0))
    core = (pooled > settings.certain).astype(np.uint8)
    region = (pooled > settings.certain / 2).astype(np.uint8)
    mask = _regions_with_core(region, core, settings.smallest)
    mask = _filled(mask, settings.smallest)
    reach = round(1 + 2 * settings.feather)
    widened = cv2.dilate(mask, _disc(reach))
    if unsure is not None and bool(unsure.any()):
        widened = np.maximum(widened, cv2.dilate(mask, _disc(3 * reach)) * unsure.numpy())
    soft = cv2.GaussianBlur(widened.astype(np.float32), (0, 0), settings.feather)
    return torch.from_numpy(soft)


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _regions_with_core(region: np.ndarray, core: np.ndarray, smallest: float) -> np.ndarray:
    """Keep the connected regions whose certain core is large enough."""
    count, labels = cv2.connectedComponents(region, connectivity=8)
    size = np.bincount(labels[core > 0], minlength=count)
    keep = size >= max(1.0, smallest**2 / 8)
    keep[0] = False
    return keep[labels].astype(np.uint8)


def _filled(mask: np.ndarray, smallest: float) -> np.ndarray:
    """Close gaps of a moving thing, and fill what it encloses."""
    side = int(smallest) | 1
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _disc(side // 2))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - closed, connectivity=4)
    enclosed = stats[:, cv2.CC_STAT_AREA] < 0.01 * mask.size
    enclosed[labels[closed > 0]] = False
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        enclosed[edge] = False
    return np.maximum(closed, enclosed[labels].astype(np.uint8))
