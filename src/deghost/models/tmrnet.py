"""TMRNet: frames aligned to the reference by flow and deformable convolution, fused in turn."""

from dataclasses import dataclass
from typing import Literal, final

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor, cat, nn

from deghost.layers.deformable import DeformableConvolution
from deghost.layers.flow_network import FlowNetwork
from deghost.layers.fusion import (
    CHANNELS,
    COLOURS,
    GAMMA,
    Upsampler,
    in_single_precision,
    radiance_of,
    reference_first,
    with_roots,
)
from deghost.layers.reconstructor import (
    BatchFrames,
    BracketBatch,
    Layout,
    Reconstruction,
    Reconstructor,
)
from deghost.layers.warp import warp


Maps = Float[Tensor, "b c h w"]


@dataclass(frozen=True)
class TMRNetConfig:
    """The published network takes five RAW frames; with `scale` 4 it is that of BracketIRE+."""

    layout: Layout = "raw4"
    frames: int = 5
    scale: Literal[1, 4] = 1
    width: int = 64
    common: int = 16  # residual blocks that all frames share
    specific: int = 24  # residual blocks that each frame has for itself
    outer: int = 5  # residual blocks of the encoder and of the decoder
    groups: int = 8  # of the deformable convolution
    reach: float = 10.0  # pixels that it may look beyond the flow


@final
class TMRNet(Reconstructor):
    """Zhang et al., Exposure bracketing is all you need for a high-quality image (ICLR 2025).

    As its authors' program runs it: 13,285,704 parameters, 1,440,300 of them of the flow
    network. Inside, radiance is in units of the middle frame's clipping level, as theirs is; the
    reference is fused first, then the others from dark to bright.
    """

    def __init__(self, config: TMRNetConfig = TMRNetConfig()) -> None:  # noqa: B008, frozen
        super().__init__()
        self.config = config
        self.layout, self.scale = config.layout, config.scale
        width, colours = config.width, COLOURS[config.layout]
        self.flow = FlowNetwork()
        self.encoder = ResidualBlocks(CHANNELS[config.layout], width, config.outer)
        self.align = DeformableAlignment(width, config.groups, config.reach)
        self.common = ResidualBlocks(3 * width, width, config.common)
        self.specific = nn.ModuleList(
            ResidualBlocks(3 * width, width, config.specific) for _ in range(config.frames)
        )
        self.share = nn.Parameter(torch.zeros(config.frames, width, 1, 1))  # of `specific`
        self.decoder = ResidualBlocks(2 * width, width, config.outer)
        self.skip = nn.Conv2d(colours, width, 3, padding=1)
        if config.scale > 1:
            self.enlarge = Upsampler(width, config.scale)
            self.detail = nn.Parameter(torch.zeros(width, 1, 1))  # share of `enlarge`
        self.before = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.1))
        self.last = nn.Conv2d(width, colours, 3, padding=1)

    @property
    def frames(self) -> int:
        """How many frames the network takes."""
        return self.config.frames

    def forward(self, batch: BracketBatch) -> Reconstruction:
        """Reconstruct radiance of any size.

        The features are those of the reference, of all frames fused, and of the decoder.
        """
        frames = reference_first(batch, self.frames)
        unit = rearrange(batch.exposures[:, self.frames // 2], "b -> b 1 1 1")
        radiance = radiance_of(frames, self.layout) * unit[:, None]
        base, *others = self._aligned(self._encoded(frames, radiance), radiance)
        state = torch.zeros_like(base)
        for i, (frame, specific) in enumerate(zip([base, *others], self.specific, strict=True)):
            state = state + self.common(cat([base, frame, state], dim=1))
            state = state + specific(cat([base, frame, state], dim=1)) * self.share[i]
        decoded = self.decoder(cat([base, state], dim=1))
        enlarged = self.before(self._enlarged(decoded, self.skip(radiance[:, 0])))
        result = in_single_precision(self.last, enlarged) / unit
        return Reconstruction(result, features=(base, state, decoded))

    def _encoded(
        self, frames: BatchFrames, radiance: Float[Tensor, "b n colours h w"]
    ) -> Float[Tensor, "b n width h w"]:
        """Give the features of each frame; sRGB frames show their codes beside the radiance."""
        if self.layout == "raw4":
            seen = with_roots(radiance, self.layout)
        else:
            seen = cat([frames[:, :, : -COLOURS[self.layout]], radiance], dim=2)
        features = self.encoder(rearrange(seen, "b n c h w -> (b n) c h w"))
        return rearrange(features, "(b n) c h w -> b n c h w", n=self.frames)

    def _aligned(
        self,
        features: Float[Tensor, "b n width h w"],
        radiance: Float[Tensor, "b n colours h w"],
    ) -> list[Maps]:
        """Bring the features of all frames to where the first one has them."""
        count = self.frames - 1
        base = features[:, 0]
        others = rearrange(features[:, 1:], "b n c h w -> (b n) c h w")
        views = visible(radiance)
        flow = self.flow(
            repeat(views[:, 0], "b c h w -> (b n) c h w", n=count),
            rearrange(views[:, 1:], "b n c h w -> (b n) c h w"),
        )
        aligned = self.align(others, repeat(base, "b c h w -> (b n) c h w", n=count), flow)
        return [base, *rearrange(aligned, "(b n) c h w -> n b c h w", n=count)]

    def _enlarged(self, decoded: Maps, skip: Maps) -> Float[Tensor, "b c out_h out_w"]:
        """Bring the decoder's features to the size of the result."""
        if self.scale == 1:
            return decoded + skip
        smooth = F.interpolate(
            decoded + skip, scale_factor=self.scale, mode="bilinear", align_corners=True
        )
        return smooth + self.enlarge(decoded) * self.detail


class DeformableAlignment(nn.Module):
    """Fetch features from where the flow and a learned correction of it say they are.

    Chan et al., BasicVSR++ (CVPR 2022).
    """

    def __init__(self, width: int, groups: int, reach: float, size: int = 3) -> None:
        super().__init__()
        self.groups, self.reach = groups, reach
        self.taps = groups * size**2
        self.look = nn.Sequential(
            nn.Conv2d(2 * width + 2, width, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(width, 3 * self.taps, 3, padding=1),
        )
        start = self.look[-1]
        assert isinstance(start, nn.Conv2d)
        assert start.bias is not None
        nn.init.zeros_(start.weight)
        nn.init.zeros_(start.bias)
        self.convolution = DeformableConvolution(width, width, groups, size)

    def forward(self, others: Maps, reference: Maps, flow: Float[Tensor, "b 2 h w"]) -> Maps:
        """Align the features of other frames to those of the reference."""
        seen = cat([warp(others, flow), reference, flow], dim=1)
        correction, trust = self.look(seen).tensor_split([2 * self.taps], dim=1)
        correction = rearrange(
            self.reach * correction.tanh(),
            "b (g tap yx) h w -> b g tap yx h w",
            g=self.groups,
            yx=2,
        )
        offsets = correction.flip(3) + rearrange(flow, "b xy h w -> b 1 1 xy h w")
        trust = rearrange(trust.sigmoid(), "b (g tap) h w -> b g tap h w", g=self.groups)
        return self.convolution(others, offsets, trust)


class ResidualBlocks(nn.Sequential):
    """A convolution, then blocks of two convolutions that each add to their input."""

    def __init__(self, channels: int, width: int, count: int) -> None:
        super().__init__(
            nn.Conv2d(channels, width, 3, padding=1),
            nn.LeakyReLU(0.1),
            *(ResidualBlock(width) for _ in range(count)),
        )


class ResidualBlock(nn.Module):
    """Two convolutions that start as a small change (Lim et al., EDSR, CVPRW 2017)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        )
        for layer in (self.change[0], self.change[2]):
            assert isinstance(layer, nn.Conv2d)
            nn.init.kaiming_normal_(layer.weight)
            layer.weight.data.mul_(0.1)

    def forward(self, features: Maps) -> Maps:
        """Add the change to features."""
        return features + self.change(features)


def visible(radiance: Float[Tensor, "b n colours h w"]) -> Float[Tensor, "b n 3 h w"]:
    """Make pictures for the flow: the two greens of a mosaic averaged, clipped at 1, encoded.

    Example:
        >>> visible(torch.tensor([1.0, 0.0, 1.0, 4.0]).view(1, 1, 4, 1, 1)).flatten()
        tensor([1.0000, 0.7297, 1.0000])
    """
    if radiance.shape[2] == 4:
        red, blue = radiance[:, :, :1], radiance[:, :, 3:]
        radiance = cat([red, radiance[:, :, 1:3].mean(dim=2, keepdim=True), blue], dim=2)
    return radiance.clamp(0, 1).pow(1 / GAMMA)
