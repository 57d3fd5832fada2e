"""Decoders of SegDeghost: from fused features to a picture, for the network and its ablations."""

from collections.abc import Callable
from typing import Literal

from jaxtyping import Float
from torch import Tensor, cat, nn
from torch.nn import functional

from deghost.layers.fusion import in_single_precision


Maps = Float[Tensor, "b _channels h w"]
DecoderName = Literal["sdc-dense", "sdc", "plain", "resnet"]


def convolution(channels: int, width: int, size: int = 3) -> nn.Conv2d:
    """A convolution that keeps the size of the maps."""
    return nn.Conv2d(channels, width, size, padding=size // 2)


class StackedDilated(nn.Module):
    """Stacks of convolutions that differ in dilation alone, side by side (figure 3).

    After Schuster et al., SDC - Stacked Dilated Convolution (CVPR 2019); here the stacks share
    their weights.
    """

    def __init__(self, channels: int, width: int, depth: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.dilations = dilations
        inputs = (channels, *[width] * (depth - 1))
        self.stack = nn.ModuleList(convolution(before, width) for before in inputs)
        self.joined = convolution(len(dilations) * width, width, 1)

    def forward(self, maps: Maps) -> Maps:
        """See the same structure at several scales."""
        return self.joined(cat([self._stacked(maps, d) for d in self.dilations], dim=1)).relu()

    def _stacked(self, maps: Maps, dilation: int) -> Maps:
        for layer in self.stack:
            weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
            maps = functional.conv2d(maps, weight, bias, padding=dilation, dilation=dilation).relu()
        return maps


class StackedDecoder(nn.Module):
    """Three blocks of stacked dilated convolutions, on request each fed by all before it."""

    def __init__(
        self, channels: int, width: int, depth: int, dilations: tuple[int, ...], dense: bool
    ) -> None:
        super().__init__()
        self.dense = dense
        inputs = [channels + k * width if dense else (width if k else channels) for k in range(3)]
        self.blocks = nn.ModuleList(
            StackedDilated(before, width, depth, dilations) for before in inputs
        )
        self.last = convolution(3 * width, 3, 1)

    def forward(self, fused: Maps) -> tuple[Maps, tuple[Maps, ...]]:
        """Return three channels of any sign, and the features of the three blocks."""
        maps = fused
        stages: list[Maps] = []
        for block in self.blocks:
            stages.append(block(maps))
            maps = cat([fused, *stages], dim=1) if self.dense else stages[-1]
        return in_single_precision(self.last, cat(stages, dim=1)), tuple(stages)


class ChainDecoder(nn.Module):
    """Three groups of three layers in a row, plain ones or residual ones (ablations A9 and A10).

    The paper tells nine plain layers; as many are chosen for the residual network: the first
    layer, then four blocks of two (He et al., CVPR 2016).
    """

    def __init__(self, channels: int, width: int, residual: bool) -> None:
        super().__init__()
        self.first = convolution(channels, width)
        count = 4 if residual else 8
        make: Callable[[int], nn.Module] = _Residual if residual else _Plain
        self.rest = nn.ModuleList(make(width) for _ in range(count))
        self.taps = (1, 2, 3) if residual else (1, 4, 7)
        self.last = convolution(width, 3, 1)

    def forward(self, fused: Maps) -> tuple[Maps, tuple[Maps, ...]]:
        """Return three channels of any sign, and features after a third, two thirds and all."""
        maps = self.first(fused).relu()
        stages: list[Maps] = []
        for layer in self.rest:
            maps = layer(maps)
            stages.append(maps)
        return in_single_precision(self.last, maps), tuple(stages[k] for k in self.taps)


class _Plain(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.only = convolution(width, width)

    def forward(self, maps: Maps) -> Maps:
        return self.only(maps).relu()


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.one, self.two = convolution(width, width), convolution(width, width)

    def forward(self, maps: Maps) -> Maps:
        return (maps + self.two(self.one(maps).relu())).relu()


def build_decoder(
    name: DecoderName, channels: int, width: int, depth: int, dilations: tuple[int, ...]
) -> nn.Module:
    """Build a decoder of maps that are `channels` deep."""
    if name in ("plain", "resnet"):
        return ChainDecoder(channels, width, residual=name == "resnet")
    return StackedDecoder(channels, width, depth, dilations, dense=name == "sdc-dense")
