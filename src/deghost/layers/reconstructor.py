"""What every network takes and gives, so that training, merging and measuring know only this."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, cat, nn


Layout = Literal["srgb6", "raw4"]
BatchFrames = Float[Tensor, "b n c h w"]
BatchMasks = Float[Tensor, "b n h w"]
BatchRadiance = Float[Tensor, "b channels out_h out_w"]


@dataclass(frozen=True)
class BracketBatch:
    """Aligned brackets of N frames each, darkest first, packed as a network takes them.

    `srgb6`: three channels of codes in [0, 1] (`linear ** (1 / 2.2)`), then three of radiance
    (`linear / exposure`). `raw4`: a packed mosaic R, G, G, B, radiance. Exposures are relative
    to the darkest frame, so radiance 1.0 is where the darkest frame clips.
    """

    frames: BatchFrames
    exposures: Float[Tensor, "b n"]
    reference: int  # the frame whose structure the result keeps
    masks: BatchMasks | None = None  # 1 = well exposed, for networks that take them


@dataclass(frozen=True)
class Reconstruction:
    """What a network gives back for a batch."""

    radiance: BatchRadiance  # in the scale of `BracketBatch`
    maps: Mapping[str, Tensor] = field(default_factory=dict)  # by name, say motion: b n h w
    features: tuple[Tensor, ...] = ()  # b c h w of the stages that distillation may tap


class Reconstructor(nn.Module, ABC):
    """Brackets in, radiance out. Subclasses are final, one architecture a file in `models`."""

    layout: Layout = "srgb6"
    multiple_of: ClassVar[int] = 1  # height and width must be divisible by this; callers pad
    scale: int = 1  # output pixels per input pixel along an axis

    @property
    @abstractmethod
    def frames(self) -> int | None:
        """How many frames the network takes; None for any number from two on."""

    @abstractmethod
    def forward(self, batch: BracketBatch) -> Reconstruction:
        """Reconstruct the radiance of the reference's moment."""


def pack_srgb6(
    linear: Float[Tensor, "b n 3 h w"], exposures: Float[Tensor, "b n"], gamma: float = 2.2
) -> Float[Tensor, "b n 6 h w"]:
    """Put codes and radiance of linear frames (1.0 = clipping) side by side.

    Example:
        >>> frames = torch.full((1, 2, 3, 1, 1), 0.5)
        >>> pack_srgb6(frames, torch.tensor([[1.0, 4.0]]))[0, 1, :, 0, 0]
        tensor([0.7297, 0.7297, 0.7297, 0.1250, 0.1250, 0.1250])
    """
    codes = linear.clamp(min=0).pow(1 / gamma)
    radiance = linear / rearrange(exposures, "b n -> b n 1 1 1")
    return cat([codes, radiance], dim=2)
