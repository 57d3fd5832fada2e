"""The pixels of a bracket that a camera response can be learned from."""

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import max_pool2d

from deghost.errors import BracketError


FALL = 2 / 255  # a brighter exposure may read darker by this much: rounding and JPEG noise
CROWD = 6  # candidates looked at for each sample wanted
BANDS = 32  # brightness bands that get equal shares of the samples

Codes = Float[Tensor, "n 3 h w"]  # aligned frames as encoded, in [0, 1], darkest first


def choose_samples(frames: Codes, count: int = 2000) -> Float[Tensor, "n 3 p"]:
    """Pick still, smooth points that are spread over the image and over all brightnesses.

    The image is divided into small cells, each of which offers its smoothest pixel among those
    that never get darker with more exposure (what moves often does). Bands of brightness take
    turns in choosing, so that the few deepest shadows count as much as a wide wall.
    Raises BracketError if nothing is left.
    """
    roughness = _roughness(frames).masked_fill(~_rises(frames), torch.inf)
    row, column = _smoothest_per_cell(roughness, CROWD * count)
    if row.numel() == 0:
        raise BracketError(
            "no pixel gets brighter with the exposure; check the exposures or name a response"
        )
    order = roughness[row, column].argsort()
    samples = frames[:, :, row[order], column[order]]
    return samples[:, :, _in_turns(samples.mean((0, 1)))[:count]]


def _roughness(frames: Codes) -> Float[Tensor, "h w"]:
    """The range of codes in 5 x 5 windows, the worst channel, summed over the frames."""
    span = max_pool2d(frames, 5, 1, 2) + max_pool2d(-frames, 5, 1, 2)
    return span.amax(1).sum(0)


def _rises(frames: Codes) -> Bool[Tensor, "h w"]:
    """Where no channel reads darker in a brighter exposure."""
    return (frames.diff(dim=0) > -FALL).all(1).all(0)


def _smoothest_per_cell(
    roughness: Float[Tensor, "h w"], cells: int
) -> tuple[Int[Tensor, " c"], Int[Tensor, " c"]]:
    """Row and column of the least rough pixel of each of about `cells` square cells."""
    h, w = roughness.shape
    side = max(1, min(h, w, int((h * w / cells) ** 0.5)))
    rows, columns = h // side, w // side
    cell = rearrange(
        roughness[: rows * side, : columns * side],
        "(row y) (column x) -> row column (y x)",
        y=side,
        x=side,
    )
    least, where = cell.min(2)
    row = torch.arange(rows)[:, None] * side + where // side
    column = torch.arange(columns) * side + where % side
    return row[least.isfinite()], column[least.isfinite()]


def _in_turns(brightness: Float[Tensor, " c"]) -> Int[Tensor, " c"]:
    """Order the points so that every band of brightness gives its first before any its second."""
    band = (brightness / brightness.max().clamp(min=1e-6) * (BANDS - 1)).long()
    turn = torch.zeros_like(band)
    for number in range(BANDS):
        members = band == number
        turn[members] = torch.arange(int(members.sum()))
    return turn.argsort(stable=True)
