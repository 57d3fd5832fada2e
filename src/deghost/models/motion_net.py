"""The house's motion segmenter: a small U-Net that judges whether a frame shows what is known.

Like the U-Net of Prabhakar et al. (segmentation-guided deghosting) it sees the scene as known and
one frame at the same exposure. Unlike it, it is told what clips and how far noise, photometric
error and misalignment can explain the difference, and it works on blocks of 2 x 2 pixels.
A second one, smaller, sees what the first says of all frames and corrects it (`joint_motion`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


LOGIT = 3.0  # what logits that enter are measured in


@dataclass(frozen=True)
class MotionNetConfig:
    """Sizes of the network; `block` is the side of the blocks that enter as one pixel."""

    inputs: int = 11
    corrects: bool = False  # whether the first input is a logit / LOGIT, which is corrected
    widths: Sequence[int] = (48, 64, 96, 128, 160)
    block: int = 2


class MotionNet(nn.Module):
    """Features of a pair in, logits of motion out; any height and width."""

    def __init__(self, config: MotionNetConfig = MotionNetConfig()) -> None:  # noqa: B008
        super().__init__()
        self.config = config
        widths = list(config.widths)
        entry = config.inputs * config.block**2
        self.down = nn.ModuleList(
            _Pair(before, after)
            for before, after in zip([entry, *widths[:-1]], widths, strict=True)
        )
        self.up = nn.ModuleList(
            _Pair(deep + shallow, shallow)
            for deep, shallow in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], config.block**2, 1)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b h w"]:
        """Return the logit of motion at every pixel."""
        h, w = features.shape[-2:]
        step = self.config.block * 2 ** (len(self.config.widths) - 1)
        padded = functional.pad(features, (0, -w % step, 0, -h % step), mode="replicate")
        x = functional.pixel_unshuffle(padded, self.config.block)
        skips = []
        for level, stage in enumerate(self.down):
            x = stage(x if level == 0 else functional.max_pool2d(x, 2))
            skips.append(x)
        for stage, skip in zip(self.up, skips[-2::-1], strict=True):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = stage(torch.cat([x, skip], dim=1))
        logits = functional.pixel_shuffle(self.head(x), self.config.block)
        logits = rearrange(logits, "b 1 h w -> b h w")[:, :h, :w]
        return logits + LOGIT * features[:, 0] if self.config.corrects else logits


class _Pair(nn.Sequential):
    """Two 3 x 3 convolutions, each normalised over the batch and rectified."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        )
