"""Where any frame is well exposed: the house's network, told the frame's light and its noise.

Whether a pixel counts is a question of two limits, of noise below and of clipping above, that
depend on the camera and on what surrounds the pixel. A small network judges blocks of pixels and
gives, for every place, the coefficients by which features of single pixels make the answer. These
are interpolated, so the edges of the mask are those of the frame (as in Gharbi et al., Deep
bilateral learning for real-time image enhancement, SIGGRAPH 2017).
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from deghost.layers.blocks import UNet, pad_to_multiple


BLACK = 2.0**-14  # linear light that still matters
BARE, WHITE = 2.0**-10, 2.0**-8  # codes, and distances to the last code, that still matter


@dataclass(frozen=True)
class ExposureNetConfig:
    """The size of the network: about 3,000 multiplications a pixel as it is."""

    block: int = 4  # pixels along the side of the blocks that are judged
    widths: tuple[int, ...] = (24, 32, 48)
    features: int = 8  # of single pixels


class ExposureNet(nn.Module):
    """Find what is neither clipped nor lost in noise, in a frame of any exposure."""

    def __init__(self, config: ExposureNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or ExposureNetConfig()
        cues, told = 7, 2
        self.pixels = nn.Conv2d(cues, self.config.features, 1)
        self.blocks = UNet(
            3 * cues + told, self.config.widths, outputs=1 + cues + self.config.features
        )
        nn.init.normal_(self.blocks.last.weight, std=0.02)

    def forward(
        self,
        codes: Float[Tensor, "b 3 h w"],
        linear: Float[Tensor, "b 3 h w"],
        noise: Float[Tensor, "b 2"],
    ) -> Float[Tensor, "b h w"]:
        """Return logits: above 0 is rather well exposed.

        `codes` and `linear` light end at 1.0; `noise` is the shot and read of a `NoiseModel`.
        """
        height, width = codes.shape[-2:]
        cues = pad_to_multiple(exposure_cues(codes, linear, noise), self.config.block)
        features = torch.cat([cues, functional.relu(self.pixels(cues))], dim=1)
        coefficients = self.blocks(_summaries(cues, noise, self.config.block))
        everywhere = functional.interpolate(
            coefficients, scale_factor=self.config.block, mode="bilinear", align_corners=False
        )
        logits = everywhere[:, 0] + (everywhere[:, 1:] * features).sum(dim=1)
        return logits[:, :height, :width]

    def probabilities(
        self,
        codes: Float[Tensor, "b 3 h w"],
        linear: Float[Tensor, "b 3 h w"],
        noise: Float[Tensor, "b 2"],
    ) -> Float[Tensor, "b h w"]:
        """Return how likely each pixel is well exposed."""
        return self(codes, linear, noise).sigmoid()


def exposure_cues(
    codes: Float[Tensor, "b 3 h w"], linear: Float[Tensor, "b 3 h w"], noise: Float[Tensor, "b 2"]
) -> Float[Tensor, "b 7 h w"]:
    """Describe every pixel: its codes, and eighths of stops of the brightest colour.

    These are its code, how far that is from the end, its light, and its signal-to-noise ratio.

    Example:
        >>> grey, noise = torch.full((1, 3, 1, 1), 0.25), torch.tensor([[0.0, 1e-4]])
        >>> exposure_cues(grey, grey, noise)[0, 3:, 0, 0]
        tensor([-0.2493, -0.0509, -0.2500,  0.5805])
    """
    brightest = linear.amax(dim=1, keepdim=True).clamp(min=BLACK)
    shot, read = rearrange(noise, "b two -> two b 1 1 1")
    deviation = (brightest * shot + read).sqrt()
    code = codes.amax(dim=1, keepdim=True)
    cues = [code + BARE, 1 - code + WHITE, brightest, brightest / deviation]
    stops = torch.cat(cues, dim=1).clamp(min=BLACK).log2()
    return torch.cat([codes, stops / 8], dim=1)


def _summaries(
    cues: Float[Tensor, "b c h w"], noise: Float[Tensor, "b 2"], block: int
) -> Float[Tensor, "b channels rows columns"]:
    """Mean, greatest and least of the cues in every block, and what is told of the noise."""
    mean = functional.avg_pool2d(cues, block)
    greatest = functional.max_pool2d(cues, block)
    least = -functional.max_pool2d(-cues, block)
    told = rearrange(noise.clamp(min=1e-9).log10() / 4 + 1, "b two -> b two 1 1")
    told = told.expand(-1, -1, *mean.shape[-2:])
    return torch.cat([mean, greatest, least, told], dim=1)
