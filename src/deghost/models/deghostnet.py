"""The house's reconstruction network: it finishes a measured merge, within stated bounds.

Like the networks of segmentation-guided deghosting (Prabhakar et al.) it knows what moved; unlike
them it does not paint the picture anew. It sees the noise-optimal merge without what moved, the
same merge with everything in it, and the reference, each as measured radiance, and says at every
pixel how much of the three to take and what to add. What may be added is bounded by the noise
that is expected there, by the contrast close by and by how far the three disagree, and is free only
where all that was measured moved; there it adds no colour. Where three clean pictures are one, it
cannot change flat areas by more than half a percent, and where every frame clips it adds nothing.
Any number of frames costs the same, since it has been merged before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from deghost.layers.blocks import pad_to_multiple
from deghost.layers.convolution import add_convolved, rectified
from deghost.layers.windows import largest_around, mean_around


PICTURES = 3  # the merge of what is still, the reference, the merge of everything
MAPS = 5  # deviation of the merge and of the reference; trust in each of the three
DEVIATIONS = 4.0  # of noise that may be added ...
APART = 0.5  # of how far the pictures are apart ...
FLOOR = 0.0007  # ... this, for coding errors, in compressed radiance ...
DETAIL = 0.25  # ... and of the contrast close by, for what a mosaic's interpolation got wrong
HOLE = 0.6  # what may be added where what was measured moved
UNIT = 0.012  # what differences are measured in, besides deviations
REACH = 5  # px, side of the square that is close by, and whose mean shows a pixel's grain
SHY = -4.0  # logit with which the other pictures start
LATE = 1  # blocks to every side that the last convolution sees ...
EACH = 2  # ... and a residual block

Part = tuple[slice, slice]  # rows and columns, both with a start and a stop


@dataclass(frozen=True)
class DeghostNetConfig:
    """Sizes of the network; `block` is the side of the blocks that enter as one pixel."""

    widths: Sequence[int] = (48, 96, 96, 128)
    block: int = 2
    depth: int = 2  # residual blocks of each width on the way down, and on the way up ...
    finishing: int = 4  # ... but for so many of the first width behind the last skip

    def __post_init__(self) -> None:
        if len(self.widths) < 2:
            raise ValueError(f"deghostnet has two widths or more, not {len(self.widths)}")


class DeghostNet(nn.Module):
    """Three compressed pictures and five maps in, one finished picture out."""

    frames: ClassVar[None] = None  # any number, since they are merged before

    def __init__(self, config: DeghostNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or DeghostNetConfig()
        widths, self.cells = list(self.config.widths), self.config.block**2
        entry = (3 * PICTURES + 3 + MAPS) * self.cells
        self.enter = nn.Conv2d(entry, widths[0], 3, padding=1)
        depth, finishing = self.config.depth, self.config.finishing
        self.down = nn.ModuleList(_residuals(width, depth) for width in widths)
        self.shrink = nn.ModuleList(
            nn.Conv2d(before, after, 2, stride=2)
            for before, after in zip(widths[:-1], widths[1:], strict=True)
        )
        self.grow = nn.ModuleList(
            nn.Conv2d(before, after, 1)
            for before, after in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.up = nn.ModuleList(_residuals(width, depth) for width in widths[-2:0:-1])
        self.up.append(_residuals(widths[0], finishing))
        self.leave = nn.Conv2d(widths[0], 5 * self.cells, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    @property
    def multiple_of(self) -> int:
        """What height and width are padded to."""
        return int(self.config.block * 2 ** (len(self.config.widths) - 1))

    def forward(
        self,
        pictures: Float[Tensor, "b 9 h w"],
        maps: Float[Tensor, "b 5 h w"],
        part: Part | None = None,
    ) -> Float[Tensor, "b 3 rows columns"]:
        """Finish a merge. All pictures are radiance as `compressed` by `segment.learned_motion`.

        `pictures`: the merge of what is still, the reference, the merge of everything. `maps`:
        deviation of the noise of the first two, compressed alike; trust in each. With a `part`
        only that is finished and returned; what surrounds it is seen.
        """
        answer = self._answer(_as_seen(pictures, maps), part)
        contrast = contrast_around(pictures[:, :3].mean(1, keepdim=True))
        if part is not None:
            pictures, maps, contrast = (_cut(each, part) for each in (pictures, maps, contrast))
        return _finished(pictures, maps, contrast, answer)

    def _answer(
        self, seen: Float[Tensor, "b c h w"], part: Part | None
    ) -> Float[Tensor, "b 5 rows columns"]:
        """What to add, in (-1, 1), and what share of the other two pictures to take."""
        height, width = seen.shape[-2:]
        x = self._entered(pad_to_multiple(seen, self.multiple_of))
        kept = []
        for level, stage in enumerate(self.down):
            x = stage(x if level == 0 else self.shrink[level - 1](x))
            kept.append(x)
        for stage, grow, skip in zip(self.up, self.grow, kept[-2::-1], strict=True):
            both = functional.interpolate(grow(x), scale_factor=2.0, mode="nearest"), skip
            if part is not None and skip is kept[0]:
                late, part = self._late(part)
                both = _cut(both[0], late), _cut(skip, late)
            x = stage(both[0] + both[1])
        answer = functional.pixel_shuffle(self.leave(x), self.config.block)
        answer = _cut(answer, part or (slice(0, height), slice(0, width))).float()
        return torch.cat([answer[:, :3].tanh(), (answer[:, 3:] + SHY).sigmoid()], dim=1)

    def _entered(self, seen: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d rows columns"]:
        """Features of blocks of pixels: a larger kernel that steps from block to block."""
        side = self.config.block
        blocks = "d (c y x) rows columns -> d c (rows y) (columns x)"
        kernel = rearrange(self.enter.weight, blocks, y=side, x=side)
        seen = seen.contiguous(memory_format=torch.channels_last)
        return functional.conv2d(seen, kernel, self.enter.bias, stride=side, padding=side)

    def _late(self, part: Part) -> tuple[Part, Part]:
        """Which blocks the last stages need, and where the part lies among their pixels."""
        block, late = self.config.block, LATE + EACH * self.config.finishing
        rows, columns = (
            slice(max(0, span.start // block - late), -(-span.stop // block) + late)
            for span in part
        )
        y, x = rows.start * block, columns.start * block
        return (rows, columns), (_back(part[0], y), _back(part[1], x))


def _as_seen(
    pictures: Float[Tensor, "b 9 h w"], maps: Float[Tensor, "b 5 h w"]
) -> Float[Tensor, "b 17 h w"]:
    """The merge, its grain and the other pictures in units of what is expected, and the maps.

    In these units half precision sees faint noise, and all noise is alike; logarithms spread
    deviations about evenly over [-1, 1].
    """
    merged, reference, everything = pictures.split(3, dim=1)
    per_unit = (DEVIATIONS * maps[:, :1] + UNIT).reciprocal()
    differences = merged - mean_around(merged, REACH), reference - merged, everything - merged
    deviations = (maps[:, :2].clamp(1e-5, 1.0).log() + 5) / 3
    in_units = ((each * per_unit).clamp_(-4, 4) for each in differences)
    seen = merged, *in_units, deviations, maps[:, 2:]
    return torch.cat([_as_multiplied(each) for each in seen], dim=1)


def most_added(
    from_reference: Float[Tensor, "b 3 h w"],
    from_everything: Float[Tensor, "b 3 h w"],
    maps: Float[Tensor, "b 5 h w"],
    contrast: Float[Tensor, "b 1 h w"],
) -> Float[Tensor, "b 1 h w"]:
    """The most that may be added to every colour of a pixel of the merge.

    It is told how the other two pictures differ from the merge; `contrast` as of `contrast_around`.
    """
    deviation, _, _, reference_trust, seen = maps.split(1, dim=1)
    apart = from_reference.abs().amax(1, keepdim=True) * reference_trust
    apart = apart + from_everything.abs().amax(1, keepdim=True)
    measured = DEVIATIONS * deviation + FLOOR + DETAIL * contrast + APART * apart
    return seen * measured + HOLE * _hole(maps)


def contrast_around(brightness: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 h w"]:
    """How far apart the brightest and the darkest pixel of the square around every pixel are."""
    return largest_around(brightness, REACH) + largest_around(-brightness, REACH)


def _finished(
    pictures: Float[Tensor, "b 9 h w"],
    maps: Float[Tensor, "b 5 h w"],
    contrast: Float[Tensor, "b 1 h w"],
    answer: Float[Tensor, "b 5 h w"],
) -> Float[Tensor, "b 3 h w"]:
    """Take from the other pictures, and add, as the network answers and bounds allow."""
    merged, reference, everything = pictures.split(3, dim=1)
    others = reference - merged, everything - merged
    added, take = answer.split([3, 2], dim=1)
    finished = torch.addcmul(merged, take[:, :1] * maps[:, 3:4], others[0])
    finished = finished.addcmul_(take[:, 1:], others[1])
    added = added.lerp(added.mean(1, keepdim=True), _hole(maps))  # in holes no colour is added
    return finished.addcmul_(most_added(*others, maps, contrast), added)


def _hole(maps: Float[Tensor, "b 5 h w"]) -> Float[Tensor, "b 1 h w"]:
    """How far a pixel is seen by frames, but none that is still."""
    _, _, trust, _, seen = maps.split(1, dim=1)
    return (seen - trust).clamp(min=0)


def _cut(planes: Tensor, part: Part) -> Tensor:
    return planes[:, :, part[0], part[1]]


def _back(span: slice, pixels: int) -> slice:
    return slice(span.start - pixels, span.stop - pixels)


def _as_multiplied(seen: Tensor) -> Tensor:
    """Round to the numbers in which autocast will multiply, before they are moved about."""
    kind = seen.device.type
    short = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return seen.to(torch.get_autocast_dtype(kind)) if short else seen


def _residuals(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_Residual(width) for _ in range(count)))


class _Residual(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Add what the convolutions find; `x` is given up, and may change."""
        return add_convolved(x, self.second, rectified(self.first, x))
