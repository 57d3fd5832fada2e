"""HDR-Transformer: windows of attention with a local branch beside them."""

from dataclasses import dataclass
from typing import Literal, final

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, cat, nn

from deghost.layers.blocks import pad_to_multiple
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


Tokens = Float[Tensor, "b h w c"]


@dataclass(frozen=True)
class HDRTransformerConfig:
    """The published network takes three sRGB frames and keeps the size."""

    layout: Layout = "srgb6"
    frames: int = 3
    scale: Literal[1, 4] = 1
    width: int = 60
    heads: int = 6
    layers: int = 6  # of each of the three groups; every second one is shifted
    window: int = 8  # pixels along a side
    expansion: int = 2  # of the multi-layer perceptrons
    reduction: int = 8  # of the local branches
    depth_drop: float = 0.1  # stochastic depth of the last layer, growing from 0


@final
class HDRTransformer(Reconstructor):
    """Liu et al., Ghost-free HDR imaging with context-aware transformer (ECCV 2022).

    As its authors' program runs it: 1,222,113 parameters, all in use, a layer norm at the
    entrance of the body among them. Any size: frames are padded to whole windows inside.
    """

    def __init__(
        self,
        config: HDRTransformerConfig = HDRTransformerConfig(),  # noqa: B008, frozen
    ) -> None:
        super().__init__()
        self.config = config
        self.layout, self.scale = config.layout, config.scale
        width, count = config.width, config.frames
        self.encoders = nn.ModuleList(
            nn.Conv2d(CHANNELS[config.layout], width, 3, padding=1) for _ in range(count)
        )
        self.attention = nn.ModuleList(FrameAttention(width) for _ in range(count - 1))
        self.fuse = nn.Conv2d(count * width, width, 3, padding=1)
        self.enter = nn.LayerNorm(width)
        drops = torch.linspace(0, config.depth_drop, 3 * config.layers, device="cpu").tolist()
        self.groups = nn.ModuleList(
            Group(config, drops[i * config.layers : (i + 1) * config.layers]) for i in range(3)
        )
        self.leave = nn.LayerNorm(width)
        self.refine = nn.Conv2d(width, width, 3, padding=1)
        self.enlarge = Upsampler(width, config.scale)
        self.last = nn.Conv2d(width, COLOURS[config.layout], 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    @property
    def frames(self) -> int:
        """How many frames the network takes."""
        return self.config.frames

    def forward(self, batch: BracketBatch) -> Reconstruction:
        """Reconstruct radiance in [0, 1]; the features are those of the three groups."""
        height, width = batch.frames.shape[-2:]
        frames = with_roots(reference_first(batch, self.frames), self.layout)
        reference, *others = (
            encode(pad_to_multiple(frame, self.config.window))
            for encode, frame in zip(self.encoders, frames.unbind(1), strict=True)
        )
        agreeing = [
            attend(frame, reference) for attend, frame in zip(self.attention, others, strict=True)
        ]
        middle = len(agreeing) // 2  # where the authors keep the reference
        fused = self.fuse(cat([*agreeing[:middle], reference, *agreeing[middle:]], dim=1))
        tokens = self.enter(rearrange(fused, "b c h w -> b h w c"))
        stages = []
        for group in self.groups:
            tokens = group(tokens)
            stages.append(rearrange(tokens, "b h w c -> b c h w")[..., :height, :width])
        body = rearrange(self.leave(tokens), "b h w c -> b c h w")
        features = reference + self.refine(body + fused)
        features = self.enlarge(features[..., :height, :width])
        radiance = in_single_precision(self.last, features).sigmoid()
        return Reconstruction(radiance, features=tuple(stages))


class Group(nn.Module):
    """Context-aware layers, a dilated convolution and a way around them."""

    def __init__(self, config: HDRTransformerConfig, drops: list[float]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(
                ContextAwareLayer(config, shift=i % 2 * (config.window // 2), drop=drop)
                for i, drop in enumerate(drops)
            )
        )
        self.mix = nn.Conv2d(config.width, config.width, 3, padding=2, dilation=2)

    def forward(self, tokens: Tokens) -> Tokens:
        """Add to features what the layers find."""
        deep = self.mix(rearrange(self.layers(tokens), "b h w c -> b c h w"))
        return tokens + rearrange(deep, "b c h w -> b h w c")


class ContextAwareLayer(nn.Module):
    """Attention within windows and a perceptron, with local context from a branch beside them."""

    def __init__(self, config: HDRTransformerConfig, shift: int, drop: float) -> None:
        super().__init__()
        width, hidden = config.width, config.expansion * config.width
        self.norm = nn.LayerNorm(width)
        self.attention = WindowAttention(width, config.heads, config.window, shift)
        self.local = LocalContext(width, config.reduction)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)
        )
        self.drop = StochasticDepth(drop)

    def forward(self, tokens: Tokens) -> Tokens:
        """Add to features what their surroundings say of them."""
        normed = self.norm(tokens)
        context = rearrange(
            self.local(rearrange(normed, "b h w c -> b c h w")), "b c h w -> b h w c"
        )
        tokens = tokens + self.drop(self.attention(normed))
        tokens = tokens + self.drop(self.perceptron(tokens))
        return tokens + context


class WindowAttention(nn.Module):
    """Self-attention of the pixels of a window, biased by where they lie to each other.

    Liu et al., Swin transformer (ICCV 2021). Shifted windows are the plain ones of the picture
    rolled by half a window; in those that hold its two ends, only pixels of one end meet. Here
    nothing is rolled: the inner windows are attended where they lie, and the ends apart from them.
    """

    offsets: Tensor

    def __init__(self, width: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.enter = nn.Linear(width, 3 * width)
        self.leave = nn.Linear(width, width)
        self.bias = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.bias, std=0.02)
        self.register_buffer("offsets", relative_offsets(window), persistent=False)

    def forward(self, tokens: Tokens) -> Tokens:
        """Attend; height and width are whole windows."""
        bias = rearrange(self.bias[self.offsets], "query key head -> head query key")
        if not self.shift:
            return self._attended(tokens, bias)
        place = torch.arange(self.window**2, device=bias.device)
        inner, ends = self._opened(tokens, axis=1)
        upper = self._across(inner, bias, place)
        lower = self._across(ends, self._apart(bias, place // self.window), place)
        return self._closed(upper, lower, axis=1)

    def _across(
        self, tokens: Tokens, bias: Float[Tensor, "head query key"], place: Int[Tensor, " token"]
    ) -> Tokens:
        """Attend in the shifted windows of rows of windows."""
        inner, ends = self._opened(tokens, axis=2)
        apart = self._apart(bias, place % self.window)
        return self._closed(self._attended(inner, bias), self._attended(ends, apart), axis=2)

    def _opened(
        self, tokens: Tokens, axis: int
    ) -> tuple[Float[Tensor, "b inner_h inner_w c"], Float[Tensor, "b end_h end_w c"]]:
        """Take the inner windows out; what is left of both ends makes one, the far end first."""
        length, rest = tokens.shape[axis], self.window - self.shift
        inner = tokens.narrow(axis, self.shift, length - self.window)
        near, far = tokens.narrow(axis, 0, self.shift), tokens.narrow(axis, length - rest, rest)
        return inner, cat([far, near], dim=axis)

    def _closed(
        self,
        inner: Float[Tensor, "b inner_h inner_w c"],
        ends: Float[Tensor, "b end_h end_w c"],
        axis: int,
    ) -> Tokens:
        """Put inner windows back between the ends."""
        far, near = ends.tensor_split([self.window - self.shift], dim=axis)
        return cat([near, inner, far], dim=axis)

    def _apart(
        self, bias: Float[Tensor, "head query key"], place: Int[Tensor, " token"]
    ) -> Float[Tensor, "head query key"]:
        """Keep pixels apart that come from different ends, by their place along an axis."""
        far = place < self.window - self.shift
        return bias.masked_fill(far[:, None] != far, -torch.inf)

    def _attended(self, tokens: Tokens, bias: Float[Tensor, "head query key"]) -> Tokens:
        """Attend in plain windows."""
        sides = {"i": self.window, "j": self.window}
        windows = rearrange(tokens, "b (y i) (x j) c -> b y x (i j) c", **sides)
        b, y, x = windows.shape[:3]
        query, key, value = rearrange(
            self.enter(windows),
            "b y x token (three head c) -> three (b y x) head token c",
            three=3,
            head=self.heads,
        )
        attended = F.scaled_dot_product_attention(
            query, key, value, attn_mask=bias.to(query.dtype)[None]
        )
        joined = rearrange(attended, "(b y x) head token c -> b y x token (head c)", b=b, y=y, x=x)
        return rearrange(self.leave(joined), "b y x (i j) c -> b (y i) (x j) c", **sides)


def relative_offsets(window: int) -> Int[Tensor, "token token"]:
    """Number how far each pixel of a window lies from each other one.

    Example:
        >>> relative_offsets(2)[0]
        tensor([4, 3, 1, 0])
    """
    y, x = (
        torch.arange(window**2).div(window, rounding_mode="floor"),
        torch.arange(window**2) % window,
    )
    rows, columns = (place[:, None] - place + window - 1 for place in (y, x))
    return rows * (2 * window - 1) + columns


class LocalContext(nn.Module):
    """What the pixels around say, by a narrow convolution, gated per channel of the picture.

    The gate: Hu, Shen and Sun, Squeeze-and-excitation networks (CVPR 2018).
    """

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        narrow = width // reduction
        self.convolutions = nn.Sequential(
            nn.Conv2d(width, narrow, 1),
            nn.Conv2d(narrow, narrow, 3, padding=1),
            nn.Conv2d(narrow, width, 1),
            nn.LeakyReLU(0.2),
        )
        self.gate = nn.Sequential(
            nn.Linear(width, narrow, bias=False),
            nn.ReLU(),
            nn.Linear(narrow, width, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return the context of every pixel."""
        found = self.convolutions(features)
        return found * self.gate(found.mean(dim=(2, 3)))[:, :, None, None]


class StochasticDepth(nn.Module):
    """While training, leave out a branch for some samples (Huang et al., ECCV 2016)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tokens) -> Tokens:
        """Drop or strengthen each sample, so that the mean stays."""
        if not self.training or self.rate == 0:
            return branch
        kept = branch.new_empty(branch.shape[0], 1, 1, 1).bernoulli_(1 - self.rate)
        return branch * kept / (1 - self.rate)
