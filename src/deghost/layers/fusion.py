"""Parts of networks that fuse a bracket around its reference frame."""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, cat, nn, stack

from deghost.errors import BracketError
from deghost.layers.reconstructor import BatchFrames, BracketBatch, Layout


CHANNELS = {"srgb6": 6, "raw4": 8}  # of a frame as a network sees it
COLOURS = {"srgb6": 3, "raw4": 4}  # of the radiance
GAMMA = 2.2


def reference_first(batch: BracketBatch, count: int) -> BatchFrames:
    """Bring the reference to the front; the others stay darkest first.

    Raises:
        BracketError: the bracket has not as many frames as the network takes.
    """
    given = batch.frames.shape[1]
    if given != count:
        raise BracketError(f"the network takes {count} frames, not {given}; choose {count} frames")
    before, reference, after = batch.frames.tensor_split([batch.reference, batch.reference + 1], 1)
    return cat([reference, before, after], dim=1)


def with_roots(frames: BatchFrames, layout: Layout) -> Float[Tensor, "b n seen h w"]:
    """Add to a mosaic's channels their roots, each beside its own, as BracketIRE does.

    A network needs a linear and an encoded view of a frame; `srgb6` has both already.

    Example:
        >>> mosaic = torch.tensor([0.0, 1.0, 1.0, 0.5]).view(1, 1, 4, 1, 1)
        >>> with_roots(mosaic, "raw4").flatten()
        tensor([0.0000, 0.0000, 1.0000, 1.0000, 1.0000, 1.0000, 0.5000, 0.7297])
    """
    if layout == "srgb6":
        return frames
    pairs = stack([frames, frames.clamp(min=0).pow(1 / GAMMA)], dim=3)
    return rearrange(pairs, "b n c pair h w -> b n (c pair) h w")


class FrameAttention(nn.Module):
    """Judge per feature how far a frame agrees with the reference (AHDRNet, section 3.2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.judge = nn.Sequential(
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.LeakyReLU(),
            nn.Conv2d(2 * width, width, 3, padding=1),
            nn.Sigmoid(),
        )

    def forward(
        self, frame: Float[Tensor, "b c h w"], reference: Float[Tensor, "b c h w"]
    ) -> Float[Tensor, "b c h w"]:
        """Return the frame's features, each weighted by its agreement."""
        return frame * self.judge(cat([frame, reference], dim=1))


class Upsampler(nn.Sequential):
    """Double the size a number of times, by a convolution whose channels become pixels.

    Sub-pixel convolution: Shi et al., Real-time single image super-resolution (CVPR 2016).
    """

    def __init__(self, width: int, scale: int) -> None:
        parts: list[nn.Module] = []
        for _ in range(scale.bit_length() - 1):
            parts += [nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2)]
            parts += [nn.LeakyReLU(0.1)]
        super().__init__(*parts)


def radiance_of(frames: BatchFrames, layout: Layout) -> Float[Tensor, "b n colours h w"]:
    """Give the channels of frames that are radiance: the last ones in every layout."""
    return frames[:, :, -COLOURS[layout] :]


def in_single_precision(
    layer: nn.Module, features: Float[Tensor, "b c h w"]
) -> Float[Tensor, "b out h w"]:
    """Apply a last layer, even under autocast: the steps of half precision band a picture."""
    device = features.device.type
    if device == "meta" or not torch.is_autocast_enabled(device):
        return layer(features)
    with torch.autocast(device, enabled=False):
        return layer(features.float())
