"""Where a dark or a bright frame is well exposed: the U-Net of the paper.

Supervised image segmentation for high dynamic range imaging (Omrani and Moroni; see
docs/design.md). One set of weights is for the dark frame of a bracket, another for the bright one.
"""

from dataclasses import dataclass

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from deghost.layers.blocks import UNet


@dataclass(frozen=True)
class ExposureUNetConfig:
    """The size of the network. The paper does not tell the rate of dropout."""

    channels: int = 3  # RGB codes in [0, 1]
    widths: tuple[int, ...] = (16, 32, 64, 128, 256)
    dropout: float = 0.1


class ExposureUNet(nn.Module):
    """Find what is well exposed in frames of the exposure that it was trained for."""

    def __init__(self, config: ExposureUNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or ExposureUNetConfig()
        sizes = self.config
        self.body = UNet(sizes.channels, sizes.widths, dropout=sizes.dropout)

    def forward(self, codes: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b h w"]:
        """Return logits: above 0 is rather well exposed."""
        return rearrange(self.body(codes), "b 1 h w -> b h w")

    def probabilities(self, codes: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b h w"]:
        """Return how likely each pixel is well exposed: the network's sigmoid."""
        return self(codes).sigmoid()
