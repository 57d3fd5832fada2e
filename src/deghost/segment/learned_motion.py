"""Which pixels of a frame moved against what is known of the scene: the learned mask."""

import math
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

from deghost.layers.devices import short_numbers
from deghost.segment.motion import Planes, contradiction, edge_strength
from deghost.types import Mask, Radiance


CONTRAST = 1000.0  # radiance is compressed as log(1 + CONTRAST * x): about evenly over 10 stops
COMPRESSION = math.log1p(CONTRAST)
SCORE = 4.0  # standard deviations that count as clearly different
EDGE = 0.35  # px of misalignment granted
ROWS = 256  # judged at once, for the sake of memory ...
MARGIN = 64  # ... with what surrounds them; both multiples of the network's coarsest pixel
SOFTNESS = 0.2  # probability on either side of even odds between still and moved


Describe = Callable[[int, int], Float[Tensor, "c rows w"]]  # features of the rows first to last


def learned_mask(network: nn.Module, describe: Describe, height: int, strength: float) -> Mask:
    """Judge a frame; `strength` in (0, 1] is the user's, see `soft_mask`."""
    logits = torch.cat([logits for _, logits in judged_strips(network, describe, height)])
    return soft_mask(logits, strength)


def judged_strips(
    network: nn.Module, describe: Describe, height: int
) -> Iterator[tuple[Float[Tensor, "c rows w"], Float[Tensor, "rows w"]]]:
    """Judge a frame strip by strip: yield the features and the logits of each."""
    for top in range(0, height, ROWS):
        first, last = max(0, top - MARGIN), min(height, top + ROWS + MARGIN)
        features = describe(first, last)
        batch = features[None].contiguous(memory_format=torch.channels_last)
        rows = slice(top - first, top - first + ROWS)
        with short_numbers(features.device):
            logits = network(batch)[0, rows]
        yield features[:, rows], logits.float()


def soft_mask(logits: Float[Tensor, "h w"], strength: float) -> Mask:
    """Say how surely things moved; with more `strength`, less likely motion counts.

    Example:
        >>> soft_mask(torch.tensor([[-2.0, 0.0, 2.0]]), 0.5)
        tensor([[0.0000, 0.5000, 1.0000]])
    """
    return ((logits.sigmoid() - (1 - strength) + SOFTNESS) / (2 * SOFTNESS)).clamp(0, 1)


def motion_features(
    known: tuple[Radiance, Radiance, Planes], frame: tuple[Radiance, Radiance, Planes]
) -> Float[Tensor, "11 h w"]:
    """Describe a frame beside what is known of the scene, each as radiance, variance and trust.

    Radiance 1.0 is where the reference clips. The channels: known radiance and frame's radiance,
    compressed (6); the trust of both (2); by how many deviations of noise and photometric error
    the frame is brighter than the scene can be, squashed, without and with an allowance for
    misaligned edges (2); the deviation relative to the radiance (1).
    """
    radiance, variance, trust = known
    light, noise, sure = frame
    expected = variance + noise
    difference = contradiction(radiance, trust, light, sure).mean(0)
    slack = EDGE * edge_strength(radiance).mean(0)
    deviation = expected.mean(0)
    scores = torch.stack([deviation, deviation + slack.square()]).sqrt()
    level = 0.5 * (radiance.mean(0) + light.mean(0))
    return torch.cat(
        [
            compressed(radiance),
            compressed(light),
            trust.amin(0, keepdim=True),
            sure.amin(0, keepdim=True),
            (difference / (SCORE * scores)).tanh(),
            (deviation.sqrt() / (level + 1e-3)).clamp(max=2.0)[None],
        ]
    )


def compressed(radiance: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Compress radiance so that equal stops are about equally far apart, 1.0 at 1.0."""
    return torch.log1p(CONTRAST * radiance.clamp(min=0)) / COMPRESSION


def expanded(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Undo `compressed`.

    Example:
        >>> expanded(compressed(torch.tensor([0.0, 0.25, 2.0])))
        tensor([0.0000, 0.2500, 2.0000])
    """
    return torch.expm1(values.clamp(min=0) * COMPRESSION) / CONTRAST
