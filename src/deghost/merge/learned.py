"""The learned merge: a network sees the aligned frames, tile by tile, and gives radiance."""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.layers.blocks import pad_to_multiple
from deghost.layers.devices import short_numbers
from deghost.layers.reconstructor import BracketBatch, Reconstructor
from deghost.layers.windows import largest_around
from deghost.merge.guides import Guides
from deghost.merge.measured import merge_tile
from deghost.merge.networks import choose_device, open_network
from deghost.merge.packing import (
    NetworkFrames,
    network_frames,
    otsu_masks,
    otsu_thresholds,
    read_batch,
)
from deghost.merge.reading import Source
from deghost.merge.settings import HIGHLIGHT_LIMIT
from deghost.merge.tile_methods import Mending, TileMethod
from deghost.merge.tiles import Window, read_map
from deghost.models.vam import VAM
from deghost.types import Radiance


AROUND = 5  # pixels along a side of what is taken for the surroundings of a pixel
GRID = 32  # pixels that windows keep to, so that pooling and attention fall as in the whole


@dataclass(frozen=True)
class Tiling:
    """How a picture is cut for a network."""

    side: int  # pixels of the square windows that the network sees
    rim: int  # pixels of them at each side that lie in other tiles ...
    overlap: int = 16  # ... of which those next to the tile are blended

    @property
    def tile(self) -> int:
        """The side of a tile."""
        return self.side - 2 * self.rim


# rims: benchmarks/tiling.py
RIMS = {"ahdrnet": 64, "hdr-transformer": 64, "segdeghost": 64, "tmrnet": 96, "vam": 64}
SIDES = {"cpu": 512, "mps": 512, "cuda": 1536}  # one large window fills a card as a batch would
WORKERS = {"cpu": 1, "mps": 2, "cuda": 4}  # the others read frames while a network runs


def learned_method(source: Source, tiling: Tiling | None = None) -> TileMethod:
    """Prepare the merge by the network of a plan. Raises WeightsError, PlanError, SettingsError."""
    plan = source.plan
    assert plan.network is not None  # as for every method that is a network
    device = choose_device(plan.network.device)
    tiling = tiling or Tiling(SIDES[device.type], RIMS[plan.method])
    network = open_network(plan.network, plan.method)
    assert isinstance(network, Reconstructor)  # deghostnet has a tile method of its own
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    frames = network_frames(source, plan.network.frames)
    thresholds = otsu_thresholds(source, frames) if isinstance(network, VAM) else None
    merge = NetworkMerge(network, device, frames, tiling, thresholds)
    size = (tiling.tile, tiling.tile)
    return TileMethod(merge, size, tiling.overlap, WORKERS[device.type], merge.mending.notes)


@dataclass(frozen=True)
class NetworkMerge:
    """Computes windows of a merge by a network; called by several threads at the same time."""

    network: Reconstructor
    device: torch.device
    frames: NetworkFrames
    tiling: Tiling
    thresholds: tuple[float, ...] | None = None  # of a network that takes masks
    mending: Mending = field(default_factory=Mending)

    def __call__(self, source: Source, guides: Guides, window: Window) -> Radiance:
        """Reconstruct a window; 1.0 = the reference clips.

        Nothing is made brighter than `HIGHLIGHT_LIMIT` times what the brightest frame shows there
        and close by. Where the network gives no finite number the measured merge stands.
        """
        part = surroundings(window, source.plan.crop, self.tiling)
        batch = self.read(source, guides, part)
        y, x, height, width = window
        rows = slice(y - part[0], y - part[0] + height)
        columns = slice(x - part[1], x - part[1] + width)
        shown = batch.frames[0, :, 3:].amax((0, 1))
        limit = brightest_allowed(shown)[:, rows, columns]
        found = self._reconstruct(batch)[:, rows, columns] * self.frames.unit
        radiance = self.mending(found, lambda: merge_tile(source, guides, window))
        return torch.minimum(radiance, limit * self.frames.unit)

    def read(self, source: Source, guides: Guides, part: Window) -> BracketBatch:
        """Read what the network sees: to VAM also masks of what is well exposed.

        They are those that lead the merge, or else found by Otsu's thresholds.
        """
        batch = read_batch(source, self.frames, part)
        if self.thresholds is None:
            return batch
        masks = otsu_masks(batch, self.thresholds)
        for place, frame in enumerate(self.frames.frames):
            guide = guides.exposed[frame.number]
            if guide is not None and place != batch.reference:
                masks[0, place] = read_map(guide.mask[None], part, guides.factor)[0]
        return replace(batch, masks=masks)

    def _reconstruct(self, batch: BracketBatch) -> Radiance:
        """Run the network on a batch of any size."""
        height, width = batch.frames.shape[-2:]
        frames = pad_to_multiple(batch.frames[0], self.network.multiple_of)
        masks = batch.masks
        if masks is not None:
            masks = pad_to_multiple(masks, self.network.multiple_of)
        if self.device.type == "cuda":  # pinned memory is copied while other threads work
            frames = frames.pin_memory()
        there = replace(
            batch,
            frames=frames.to(self.device, non_blocking=True)[None],
            exposures=batch.exposures.to(self.device),
            masks=None if masks is None else masks.to(self.device),
        )
        with short_numbers(self.device):
            radiance = self.network(there).radiance
        return radiance[0, :, :height, :width].float().cpu()


def brightest_allowed(shown: Float[Tensor, "h w"]) -> Float[Tensor, "1 h w"]:
    """Limit what a network may give to `HIGHLIGHT_LIMIT` times what is shown close by."""
    return HIGHLIGHT_LIMIT * largest_around(shown[None], AROUND)


def surroundings(window: Window, area: Window, tiling: Tiling) -> Window:
    """Find what a network must see to compute a window of an area.

    Example:
        >>> surroundings((112, 0, 96, 80), (0, 0, 400, 400), Tiling(192, 64, 16))
        (64, 0, 192, 192)
    """
    margin = tiling.rim - tiling.overlap
    spans = []
    for start, length, origin, whole in zip(
        window[:2], window[2:], area[:2], area[2:], strict=True
    ):
        first = max(0, start - origin - margin) // GRID * GRID
        latest = max(0, -(-(whole - tiling.side) // GRID) * GRID)
        begin = min(first, latest)
        end = min(whole, max(begin + tiling.side, start - origin + length + margin))
        spans.append((origin + begin, end - begin))
    (y, height), (x, width) = spans
    return y, x, height, width
