"""Small linear copies of the frames, on which everything global is decided."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from deghost.io.exr import LARGEST_HALF
from deghost.merge.curves import FrameCurve, read_light
from deghost.types import Frame


PROXY_PIXELS = 2.2e6
LONGEST_SIDE = 32_000
STRIP_ROWS = 128  # rows of the frame read at once, rounded to whole blocks


@dataclass(frozen=True)
class Proxy:
    """A frame averaged over blocks of `factor` x `factor` pixels; what is left over is left out."""

    linear: Float[Tensor, "3 h w"]  # 1.0 = clipping
    trust: Float[Tensor, "c h w"]  # how surely the pixels of the block are below clipping

    def compact(self) -> "Proxy":
        """Return it in half floats, for keeping: one is held for every frame."""
        return Proxy(self.linear.clamp(max=LARGEST_HALF).half(), self.trust.half())

    def full(self) -> "Proxy":
        """Return it in single precision, for computing."""
        return Proxy(self.linear.float(), self.trust.float())


def proxy_factor(size: tuple[int, int]) -> int:
    """Return the whole number by which a frame is reduced.

    At most 2.2 megapixels remain, and no side longer than OpenCV can warp.

    Example:
        >>> proxy_factor((1080, 1920)), proxy_factor((4000, 6000)), proxy_factor((8, 100_000))
        (1, 4, 4)
    """
    factor = math.ceil(math.sqrt(size[0] * size[1] / PROXY_PIXELS))
    return max(1, min(max(factor, math.ceil(max(size) / LONGEST_SIDE)), *size))


def make_proxy(frame: Frame, curve: FrameCurve, factor: int) -> Proxy:
    """Average a frame's light and trust over blocks, a strip at a time."""
    h, w = frame.size[0] // factor, frame.size[1] // factor
    planes = np.empty((h, w, 4 if frame.kind == "encoded" else 6), np.float32)
    rows = max(1, STRIP_ROWS // factor)

    def fill(top: int) -> None:
        bottom = min(top + rows, h)
        strip = frame.pixels[top * factor : bottom * factor, : w * factor]
        fine = read_light(np.ascontiguousarray(strip), curve, frame)
        planes[top:bottom] = cv2.resize(fine, (w, bottom - top), interpolation=cv2.INTER_AREA)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fill, range(0, h, rows)))
    stacked = torch.from_numpy(planes).permute(2, 0, 1).contiguous()
    return Proxy(stacked[:3], stacked[3:])
