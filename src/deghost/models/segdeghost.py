"""SegDeghost: what moved and what stood still is fused by two networks, then joined.

Prabhakar, Agrawal and Babu, Segmentation Guided Deep HDR Deghosting (2022).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal, final

import torch
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor, cat, nn
from torch.nn import functional

from deghost.errors import BracketError
from deghost.layers.reconstructor import BracketBatch, Reconstruction, Reconstructor
from deghost.models.motion_unet import MotionUNet, MotionUNetConfig, motion_pair
from deghost.models.segdeghost_decoders import DecoderName, build_decoder, convolution


Maps = Float[Tensor, "b _channels h w"]
FrameMaps = Float[
    Tensor, "bn _channels h w"
]  # of all frames: those of the first bracket come first
Motion = Float[Tensor, "b n h w"]  # 1 = shows something else than the reference


@dataclass(frozen=True)
class SegDeghostConfig:
    """The network of the paper; see `ABLATIONS` for the others it compares.

    `frames` is 3, or None for any number from two on: features of the frames are then joined by
    mean and maximum, and one motion network serves all. What the paper leaves open is chosen:
    widths and depth of the motion networks, `fusion_depth`, `stack_depth`, `write_size` and
    `output`.
    """

    frames: int | None = 3
    masks: Literal["learned", "difference", "none"] = "learned"
    fusion: Literal["separate", "shared", "triangle"] = "separate"
    memory: Literal["separate", "shared", "none"] = "separate"  # weights of reads and of writes
    decoder: DecoderName = "sdc-dense"
    output: Literal["relu", "softplus", "sigmoid"] = "relu"
    width: int = 32
    encoder_depth: int = 4
    fusion_depth: int = 4
    write_size: int = 3
    stack_depth: int = 3
    dilations: tuple[int, ...] = (1, 2, 4)
    motion_widths: tuple[int, ...] = (16, 32, 64, 128)
    difference: float = 0.1  # at the reference's exposure, from which a pixel has moved (A4, A5)


# Table II and table III. A1 (no loss on the masks) and A2 (not pre-trained, not staged) are the
# same network, trained otherwise: see `deghost.train.losses_segdeghost`.
ABLATIONS: dict[str, Mapping[str, Any]] = {
    "A1": {},
    "A2": {},
    "A3": {"masks": "none"},
    "A4": {"masks": "difference"},
    "A5": {"masks": "difference", "fusion": "triangle"},
    "A6": {"fusion": "triangle"},
    "A7": {"frames": None},
    "A8": {"memory": "shared"},
    "A9": {"decoder": "plain"},
    "A10": {"decoder": "resnet"},
    "A11": {"decoder": "sdc"},
    "A12": {},
    "shared": {"fusion": "shared"},
    "no-memory": {"memory": "none"},
    "no-memory-shared": {"memory": "none", "fusion": "shared"},
}


@final
class SegDeghost(Reconstructor):
    """Reconstruct, with `maps["motion"]`: the reference's map is the union of the others."""

    def __init__(self, config: SegDeghostConfig | None = None) -> None:
        super().__init__()
        self.config = config or SegDeghostConfig()
        self.motion = _motion_networks(self.config)
        self.merging = _Merging(self.config) if self.config.fusion != "triangle" else None

    @property
    def frames(self) -> int | None:
        """Three, or any number."""
        return self.config.frames

    def forward(self, batch: BracketBatch) -> Reconstruction:
        """Segment what moved, then merge. Raises BracketError for a wrong number of frames."""
        given = batch.frames.shape[1]
        if self.frames not in (None, given):
            raise BracketError(
                f"segdeghost takes {self.frames} frames, not {given}; choose among them"
            )
        motion = self._segmented(batch)
        if self.merging is None:
            assert motion is not None
            return Reconstruction(_triangle(batch, motion), {"motion": motion})
        values, stages = self.merging(batch, motion)
        radiance = _OUTPUTS[self.config.output](values)
        return Reconstruction(radiance, {} if motion is None else {"motion": motion}, stages)

    def load_motion(self, state: Mapping[str, Tensor]) -> None:
        """Start every motion network inside from the weights of a trained `MotionUNet`."""
        for network in self.motion:
            network.load_state_dict(state)

    def _segmented(self, batch: BracketBatch) -> Motion | None:
        """Find what moved in each frame."""
        if self.config.masks == "none":
            return None
        pairs = _pairs(batch)
        if self.config.masks == "difference":
            found = [_differs(pair, self.config.difference) for pair in pairs]
        elif len(self.motion) == 1:
            found = list(self.motion[0](cat(pairs)).float().sigmoid().chunk(len(pairs)))
        else:
            networks = zip(self.motion, pairs, strict=True)
            found = [network(pair).float().sigmoid() for network, pair in networks]
        union = torch.stack(found).amax(0)
        return torch.stack([*found[: batch.reference], union, *found[batch.reference :]], dim=1)


class _Merging(nn.Module):
    """Encode, remember, fuse and decode: everything but the masks."""

    def __init__(self, config: SegDeghostConfig) -> None:
        super().__init__()
        self.pooled = config.frames is None
        self.masked = config.masks != "none"
        width = config.width
        inputs = (6, *[width] * (config.encoder_depth - 1))
        self.encoder = nn.ModuleList(convolution(before, width) for before in inputs)
        joined = width * (config.frames or 2)
        branches = 2 if self.masked and config.fusion == "separate" else 1
        remembered = 0 if config.memory == "none" else width
        self.fusions = nn.ModuleList(
            _Fusion(joined, width, remembered, config.fusion_depth) for _ in range(branches)
        )
        writes, readers, reads = {
            "separate": (config.encoder_depth, branches, config.fusion_depth),
            "shared": (1, 1, 1),
            "none": (0, 0, 0),
        }[config.memory]
        self.writes = nn.ModuleList(
            convolution(width, width, config.write_size) for _ in range(writes)
        )
        size = config.encoder_depth * joined
        self.reads = nn.ModuleList(_Read(size, width, reads) for _ in range(readers))
        self.decoder = build_decoder(
            config.decoder, width + remembered, width, config.stack_depth, config.dilations
        )
        self._start()

    def forward(
        self, batch: BracketBatch, motion: Motion | None
    ) -> tuple[Float[Tensor, "b 3 h w"], tuple[Maps, ...]]:
        """Return three channels of any sign, and stages for distillation."""
        count = batch.frames.shape[1]
        features = rearrange(batch.frames, "b n c h w -> (b n) c h w")
        written: list[Maps] = []
        for layer, encode in enumerate(self.encoder):
            features = encode(features).relu()
            if self.writes:
                write = self.writes[layer % len(self.writes)]
                written.append(self._joined(write(features), count))
        memory = cat(written, dim=1) if written else None
        if motion is None:
            return self.decoder(self._fused(0, self._joined(features, count), memory))
        motion = motion.to(features.dtype)
        dynamic = features * rearrange(motion, "b n h w -> (b n) 1 h w")
        static = self._fused(0, self._joined(features - dynamic, count), memory)
        moving = self._fused(1, self._joined(dynamic, count), memory)
        return self.decoder(torch.lerp(static, moving, motion[:, batch.reference, None]))

    def _joined(self, features: FrameMaps, count: int) -> Maps:
        """Put the features of a bracket's frames side by side, or their mean and maximum.

        Frame by frame, so that memory stays channels last if it is: several times faster.
        """
        own = rearrange(features, "(b n) c h w -> b n c h w", n=count).unbind(1)
        if self.pooled:
            return cat([reduce(torch.add, own) / count, reduce(torch.maximum, own)], dim=1)
        return cat(own, dim=1)

    def _fused(self, branch: int, maps: Maps, memory: Maps | None) -> Maps:
        """Fuse static (0) or moving (1) features; each layer reads the memory."""
        fusion = self.fusions[branch % len(self.fusions)]
        if memory is None:
            return fusion(maps, ())
        return fusion(maps, self.reads[branch % len(self.reads)](memory))

    def _start(self) -> None:
        """Glorot and Bengio's uniform weights, and a last layer that starts alive and dark.

        Behind a ReLU a channel that starts below 0 everywhere would never learn.
        """
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.get_parameter("decoder.last.weight").mul_(0.1)
        nn.init.constant_(self.get_parameter("decoder.last.bias"), 0.1)


class _Fusion(nn.Module):
    """Layers that each read the memory and put what they read beside their features."""

    def __init__(self, channels: int, width: int, remembered: int, depth: int) -> None:
        super().__init__()
        inputs = (channels, *[width + remembered] * (depth - 1))
        self.layers = nn.ModuleList(convolution(before, width) for before in inputs)

    def forward(self, maps: Maps, reads: Sequence[Maps]) -> Maps:
        """Fuse; a single read serves every layer."""
        for number, layer in enumerate(self.layers):
            maps = layer(maps).relu()
            if reads:
                maps = cat([maps, reads[number % len(reads)]], dim=1)
        return maps


class _Read(nn.Module):
    """Several reads of the memory at once, each a 1 x 1 convolution in `width` groups.

    They are computed as one dense convolution whose other weights are 0: on channels-last memory
    that was measured nine times faster than eight grouped convolutions.
    """

    def __init__(self, size: int, width: int, reads: int) -> None:
        super().__init__()
        channels = size // width  # of a group
        bound = (6 / (channels + width)) ** 0.5
        self.weight = nn.Parameter(torch.empty(reads, width, channels).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(reads, width))

    def forward(self, memory: Maps) -> tuple[Maps, ...]:
        """Return what each read takes from the memory."""
        own = torch.eye(self.weight.shape[1], dtype=self.weight.dtype, device=self.weight.device)
        dense = einsum(
            self.weight, own, "read group channel, group other -> read group other channel"
        )
        kernel = rearrange(dense, "read group other channel -> (read group) (other channel) 1 1")
        return functional.conv2d(memory, kernel, self.bias.flatten()).chunk(len(self.bias), dim=1)


def _motion_networks(config: SegDeghostConfig) -> nn.ModuleList:
    """One network for each other frame, or one for all if their number is free."""
    if config.masks != "learned":
        return nn.ModuleList()
    count = 1 if config.frames is None else config.frames - 1
    sizes = MotionUNetConfig(widths=config.motion_widths)
    return nn.ModuleList(MotionUNet(sizes) for _ in range(count))


def _pairs(batch: BracketBatch) -> list[Float[Tensor, "b 6 h w"]]:
    """Pair every other frame with the reference, both linear and at the reference's exposure."""
    exposures = batch.exposures.unbind(1)
    linear = [
        frame[:, 3:] * rearrange(exposure, "b -> b 1 1 1")
        for frame, exposure in zip(batch.frames.unbind(1), exposures, strict=True)
    ]
    reference = linear.pop(batch.reference)
    others = [e for k, e in enumerate(exposures) if k != batch.reference]
    return [
        motion_pair(reference, frame, exposures[batch.reference] / exposure)
        for frame, exposure in zip(linear, others, strict=True)
    ]


def _differs(pair: Float[Tensor, "b 6 h w"], threshold: float) -> Float[Tensor, "b h w"]:
    """Where a channel differs by more than a threshold, as far as the reference can show it."""
    reference, other = pair.clamp(0, 1).chunk(2, dim=1)
    return ((reference - other).abs().amax(1) > threshold).to(pair.dtype)


def _triangle(batch: BracketBatch, motion: Motion) -> Float[Tensor, "b 3 h w"]:
    """Merge with triangle weights, moved pixels replaced by the reference's (A5 and A6).

    Debevec and Malik, Recovering High Dynamic Range Radiance Maps (SIGGRAPH 1997). What is clipped
    everywhere is taken from the darkest frame, what is black everywhere from the brightest.
    """
    codes, radiance = batch.frames[:, :, :3], batch.frames[:, :, 3:]
    exposures = rearrange(batch.exposures, "b n -> b n 1 1 1")
    shown = (radiance[:, batch.reference, None] * exposures).clamp(0, 1)
    replaced = rearrange(motion > 0.5, "b n h w -> b n 1 h w").clone()
    replaced[:, batch.reference] = False
    codes = torch.where(replaced, shown.pow(1 / 2.2), codes)
    radiance = torch.where(replaced, shown / exposures, radiance)
    weights = torch.minimum(codes, 1 - codes).clamp(min=1e-9)
    weights[:, 0] += 1e-4 * (codes[:, 0] > 0.5)
    weights[:, -1] += 1e-4 * (codes[:, -1] < 0.5)
    return (weights * radiance).sum(1) / weights.sum(1)


_OUTPUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "softplus": functional.softplus,
    "sigmoid": torch.sigmoid,
}
