"""Parts of which two networks or more are made."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


def pad_to_multiple(
    maps: Float[Tensor, "b c h w"], multiple: int
) -> Float[Tensor, "b c padded_h padded_w"]:
    """Repeat the last rows and columns until both sizes are divisible.

    Example:
        >>> pad_to_multiple(torch.rand(1, 3, 5, 16), 8).shape
        torch.Size([1, 3, 8, 16])
    """
    below, right = (-size % multiple for size in maps.shape[-2:])
    if torch.compiler.is_exporting() or below or right:  # an exported graph pads any size
        return functional.pad(maps, (0, right, 0, below), mode="replicate")
    return maps


class ConvBlock(nn.Sequential):
    """Two 3 x 3 convolutions with ReLU, then dropout."""

    def __init__(self, channels: int, width: int, dropout: float) -> None:
        super().__init__(
            nn.Conv2d(channels, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
        )


class UpBlock(nn.Module):
    """Double the size by a transpose convolution, join a skip, convolve twice."""

    def __init__(self, channels: int, width: int, dropout: float) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels, width, 3, stride=2, padding=1, output_padding=1)
        self.joined = nn.Sequential(
            nn.Conv2d(2 * width, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(inplace=True),
        )

    def forward(
        self, coarse: Float[Tensor, "b deep h w"], skip: Float[Tensor, "b wide h2 w2"]
    ) -> Float[Tensor, "b wide h2 w2"]:
        """Bring coarse features to the size of the skip and join both."""
        return self.joined(torch.cat([self.up(coarse), skip], dim=1))


class UNet(nn.Module):
    """A U-Net with one convolution block a width; pooling between them halves the size.

    Ronneberger, Fischer and Brox, U-Net (MICCAI 2015). Weights start as Glorot and Bengio's
    uniform ones (AISTATS 2010), biases as 0. Any height and width: frames are padded and cropped.
    """

    def __init__(
        self, channels: int, widths: Sequence[int], outputs: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.multiple = 2 ** (len(widths) - 1)
        inputs = (channels, *widths[:-1])
        self.down = nn.ModuleList(
            ConvBlock(before, width, dropout) for before, width in zip(inputs, widths, strict=True)
        )
        steps = zip(widths[:0:-1], widths[-2::-1], strict=True)
        self.up = nn.ModuleList(UpBlock(deep, width, dropout) for deep, width in steps)
        self.last = nn.Conv2d(widths[0], outputs, 1)
        for layer in _convolutions(self):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, maps: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b outputs h w"]:
        """Return values of any sign at every pixel."""
        height, width = maps.shape[-2:]
        features = pad_to_multiple(maps, self.multiple)
        skips = []
        for block in self.down[:-1]:
            skips.append(block(features))
            features = functional.max_pool2d(skips[-1], 2)
        features = self.down[-1](features)
        for block in self.up:
            features = block(features, skips.pop())
        return self.last(features)[..., :height, :width]


def _convolutions(network: nn.Module) -> Iterator[nn.Conv2d | nn.ConvTranspose2d]:
    return (m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d))
