"""AHDRNet: attention over frames, then dilated dense blocks."""

from dataclasses import dataclass
from typing import Literal, final

from jaxtyping import Float
from torch import Tensor, cat, nn

from deghost.layers.fusion import (
    CHANNELS,
    COLOURS,
    FrameAttention,
    Upsampler,
    in_single_precision,
    reference_first,
    with_roots,
)
from deghost.layers.reconstructor import BracketBatch, Layout, Reconstruction, Reconstructor


@dataclass(frozen=True)
class AHDRNetConfig:
    """The published network takes three sRGB frames and keeps the size."""

    layout: Layout = "srgb6"
    frames: int = 3
    scale: Literal[1, 4] = 1
    width: int = 64
    growth: int = 32  # channels that a layer of a dense block adds
    layers: int = 6  # of a dense block


@final
class AHDRNet(Reconstructor):
    """Yan et al., Attention-guided network for ghost-free HDR imaging (CVPR 2019).

    As its authors' program runs it: 1,441,283 parameters. Each frame but the reference has an
    attention of its own. The sigmoid at the end spans what the darkest frame can measure.
    """

    def __init__(self, config: AHDRNetConfig = AHDRNetConfig()) -> None:  # noqa: B008, frozen
        super().__init__()
        self.config = config
        self.layout, self.scale = config.layout, config.scale
        width = config.width
        self.encoder = nn.Sequential(
            nn.Conv2d(CHANNELS[config.layout], width, 3, padding=1), nn.LeakyReLU()
        )
        self.attention = nn.ModuleList(FrameAttention(width) for _ in range(config.frames - 1))
        self.fuse = nn.Conv2d(config.frames * width, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            DenseBlock(width, config.growth, config.layers) for _ in range(3)
        )
        self.gather = nn.Sequential(
            nn.Conv2d(3 * width, width, 1), nn.Conv2d(width, width, 3, padding=1)
        )
        self.refine = nn.Conv2d(width, width, 3, padding=1)
        self.enlarge = Upsampler(width, config.scale)
        self.last = nn.Conv2d(width, COLOURS[config.layout], 3, padding=1)

    @property
    def frames(self) -> int:
        """How many frames the network takes."""
        return self.config.frames

    def forward(self, batch: BracketBatch) -> Reconstruction:
        """Reconstruct radiance in [0, 1]; the features are those of the three dense blocks."""
        frames = with_roots(reference_first(batch, self.frames), self.layout)
        reference, *others = (self.encoder(frame) for frame in frames.unbind(1))
        agreeing = [
            attend(frame, reference) for attend, frame in zip(self.attention, others, strict=True)
        ]
        middle = len(agreeing) // 2  # where the authors keep the reference
        features = self.fuse(cat([*agreeing[:middle], reference, *agreeing[middle:]], dim=1))
        stages = []
        for block in self.blocks:
            features = block(features)
            stages.append(features)
        features = self.refine(self.gather(cat(stages, dim=1)) + reference)
        radiance = in_single_precision(self.last, self.enlarge(features)).sigmoid()
        return Reconstruction(radiance, features=tuple(stages))


class DenseBlock(nn.Module):
    """Layers of dilated convolutions, each of which sees what all before it made."""

    def __init__(self, width: int, growth: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(width + i * growth, growth, 3, padding=2, dilation=2) for i in range(layers)
        )
        self.gather = nn.Conv2d(width + layers * growth, width, 1)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Add to features what the layers find."""
        known = features
        for layer in self.layers:
            known = cat([known, layer(known).relu()], dim=1)
        return self.gather(known) + features
