"""How frames are cut for a network: as its own test script did, overlapping, or not at all.

The cut changes the numbers. HDR-Transformer and SCTNet are published on separate tiles of 256
pixels whose rest is filled with ones (`official`); AFUNet and SelfHDR on whole frames, mirrored to
a multiple of some pixels (`full`); nobody sees seams when tiles overlap and blend (`overlap`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from deghost.errors import SettingsError


Tiling = Literal["official", "overlap", "full"]
Window = tuple[int, int, int, int]  # top, left, height, width
Codes = Float[Tensor, "n c h w"]  # the frames of one bracket, encoded, in [0, 1]
TILINGS: tuple[Tiling, ...] = get_args(Tiling)
WHITE = 1.0  # what HDR-Transformer puts where a tile is beyond the picture


@dataclass(frozen=True)
class Cut:
    """How frames are cut for a network."""

    tiling: Tiling = "full"
    tile: int = 256  # pixels, of `official` and `overlap`
    overlap: int = 64  # pixels that neighbours of `overlap` share
    multiple: int = 8  # that height and width are filled up to, of `full` and of small pictures

    def __post_init__(self) -> None:
        if self.tiling not in TILINGS:
            raise SettingsError(f"no tiling {self.tiling!r}; there are: {', '.join(TILINGS)}")
        if not 0 <= self.overlap < self.tile or self.multiple < 1:
            raise SettingsError(
                f"tiles of {self.tile} pixels cannot overlap by {self.overlap}; "
                "the overlap must be smaller than a tile"
            )


def tile_windows(size: tuple[int, int], cut: Cut) -> list[Window]:
    """Give the windows of a picture of a height and width that a network sees one by one.

    Windows may reach beyond the picture at the bottom and the right. Official tiles are in
    columns and always one more than fits, even where the picture is a whole number of them.

    Example:
        >>> tile_windows((4, 3), Cut("official", tile=4, overlap=0))
        [(0, 0, 4, 4), (4, 0, 4, 4)]
        >>> tile_windows((4, 7), Cut("overlap", tile=4, overlap=2, multiple=1))
        [(0, 0, 4, 4), (0, 2, 4, 4), (0, 3, 4, 4)]
        >>> tile_windows((4, 7), Cut("full"))
        [(0, 0, 8, 8)]
    """
    h, w = size
    tile = cut.tile
    if cut.tiling == "official":
        columns, rows = range(w // tile + 1), range(h // tile + 1)
        return [(y * tile, x * tile, tile, tile) for x in columns for y in rows]
    if cut.tiling == "full":
        return [(0, 0, _filled(h, cut.multiple), _filled(w, cut.multiple))]
    height, width = (min(tile, _filled(side, cut.multiple)) for side in size)
    tops = _starts(h, height, cut.overlap)
    return [(y, x, height, width) for y in tops for x in _starts(w, width, cut.overlap)]


def cut_tiles(frames: Codes, cut: Cut) -> list[tuple[Window, Float[Tensor, "n c y x"]]]:
    """Cut frames into the tiles of `tile_windows`; what lies beyond them is filled.

    Official tiles are filled with ones (of codes: white in every frame), the others with the
    mirrored picture.
    """
    h, w = frames.shape[-2:]
    windows = tile_windows((h, w), cut)
    bottom = max(y + height for y, _, height, _ in windows) - h
    right = max(x + width for _, x, _, width in windows) - w
    filled = _fill(frames, bottom, right, white=cut.tiling == "official")
    return [((y, x, dy, dx), filled[..., y : y + dy, x : x + dx]) for y, x, dy, dx in windows]


def join_tiles(
    tiles: Iterable[tuple[Window, Float[Tensor, "_ _ _"]]], size: tuple[int, int], cut: Cut
) -> Float[Tensor, "c h w"]:
    """Put the results of tiles together to a height and width; overlapping ones blend.

    Raises SettingsError where there is no tile.
    """
    h, w = size
    total, weights = torch.empty(0), torch.zeros(h, w)
    for (top, left, height, width), tile in tiles:
        if not total.numel():
            total = tile.new_zeros(len(tile), h, w)
            weights = weights.to(tile)
        inside = (slice(top, min(top + height, h)), slice(left, min(left + width, w)))
        ramp = torch.outer(_ramp(height, cut), _ramp(width, cut)).to(tile)
        shown = ramp[: h - top, : w - left]
        total[:, *inside] += shown * tile[:, : h - top, : w - left]
        weights[inside] += shown
    if not total.numel():
        raise SettingsError("no tiles to put together; cut the frames first")
    return total / weights


def run_tiled(
    network: Callable[[Codes], Float[Tensor, "_ y x"]], frames: Codes, cut: Cut
) -> Float[Tensor, "_ h w"]:
    """Run a network over the tiles of a bracket, one after the other, and join what it returns."""
    h, w = frames.shape[-2:]
    results = ((window, network(tile)) for window, tile in cut_tiles(frames, cut))
    return join_tiles(results, (h, w), cut)


def _filled(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple


def _starts(side: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin; the last one is pushed back to end with the picture."""
    step = tile - min(overlap, tile - 1)
    last = max(0, side - tile)
    return [*range(0, last, step), last]


def _ramp(length: int, cut: Cut) -> Float[Tensor, " length"]:
    """The weight of a tile from its edge inwards; 1 where tiles do not overlap.

    Example:
        >>> _ramp(6, Cut("overlap", tile=6, overlap=2))
        tensor([0.3333, 0.6667, 1.0000, 1.0000, 0.6667, 0.3333])
    """
    if cut.tiling != "overlap":
        return torch.ones(length)
    inwards = torch.arange(1, length + 1)
    nearest = torch.minimum(inwards, inwards.flip(0))
    return (nearest / (cut.overlap + 1)).clamp(max=1.0)


def _fill(
    frames: Codes, bottom: int, right: int, *, white: bool
) -> Float[Tensor, "n c bottom_h right_w"]:
    """Enlarge frames downwards and to the right, with ones or mirrored as often as needed."""
    if white:
        return F.pad(frames, (0, right, 0, bottom), value=WHITE)
    for axis, more in ((-2, bottom), (-1, right)):
        frames = frames.index_select(axis, _mirrored(frames.shape[axis], more).to(frames.device))
    return frames


def _mirrored(side: int, more: int) -> Int[Tensor, " longer"]:
    """The pixels of a line and `more` beyond its end, mirrored at its outermost pixels.

    Example:
        >>> _mirrored(3, 4)
        tensor([0, 1, 2, 1, 0, 1, 2])
    """
    period = max(1, 2 * (side - 1))
    place = torch.arange(side + more) % period
    return torch.minimum(place, period - place)
