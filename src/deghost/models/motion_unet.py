"""Where another frame shows something else than the reference: a U-Net on the pair.

The segmentation network S of Segmentation guided deep HDR deghosting (see docs/design.md).
"""

from dataclasses import dataclass

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, cat, nn

from deghost.layers.blocks import UNet


@dataclass(frozen=True)
class MotionUNetConfig:
    """The size of the network. The paper tells four blocks, not how wide they are."""

    channels: int = 6  # linear RGB of the reference, then of the other at its exposure
    widths: tuple[int, ...] = (16, 32, 64, 128)
    dropout: float = 0.0


class MotionUNet(nn.Module):
    """Find what moved between two frames. One network serves brighter and darker frames."""

    def __init__(self, config: MotionUNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or MotionUNetConfig()
        sizes = self.config
        self.body = UNet(sizes.channels, sizes.widths, dropout=sizes.dropout)

    def forward(self, pair: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b h w"]:
        """Return logits of a pair as `motion_pair` packs it: above 0 has rather moved."""
        return rearrange(self.body(pair), "b 1 h w -> b h w")

    def probabilities(self, pair: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b h w"]:
        """Return how likely each pixel shows something else than the reference does."""
        return self(pair).sigmoid()


def motion_pair(
    reference: Float[Tensor, "b 3 h w"],
    other: Float[Tensor, "b 3 h w"],
    gain: Float[Tensor, " b"],
) -> Float[Tensor, "b 6 h w"]:
    """Pack linear frames (1.0 = clipping), the other one at the reference's exposure.

    `gain` is the reference's exposure divided by the other's. The other frame clips at `gain`.

    Example:
        >>> light = torch.full((1, 3, 1, 1), 0.5)
        >>> motion_pair(light, light / 4, torch.tensor([4.0])).flatten()
        tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000])
    """
    return cat([reference, other * rearrange(gain, "b -> b 1 1 1")], dim=1)
