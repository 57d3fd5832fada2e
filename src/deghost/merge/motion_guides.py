"""What moved in each frame, on the proxies: by rules, or as networks judge it."""

from collections.abc import Callable, Iterable
from functools import cache

import torch
from torch import Tensor, nn

from deghost.merge.weighted import (
    Fusion,
    Layer,
    bare_pair,
    disagreement,
    extend,
    known,
    pair_features,
)
from deghost.segment.joint_motion import feathered, joint_mask, judge
from deghost.segment.learned_motion import learned_mask, soft_mask
from deghost.segment.motion import MotionSettings, edge_strength, moved
from deghost.segment.segmenters import Segmenter
from deghost.types import Mask


STRIP = 128  # rows
PAIRS: dict[Segmenter, tuple[str, Callable[[Fusion, Layer], Tensor]]] = {  # networks, their inputs
    "motion-unet": ("motion-unet", bare_pair),
    "learned": ("motion-net", pair_features),
}


def stillness(fusion: Fusion, layer: Layer, settings: MotionSettings) -> Mask:
    """Where a layer, judged alone, shows the scene that is known, 1, or something else, 0."""
    if settings.segmenter != "classical" and settings.strength > 0:
        name, describe = PAIRS[settings.segmenter]
        return 1 - learned_mask(
            _network(name),
            lambda first, last: describe(fusion.rows(first, last), layer.rows(first, last)),
            layer.radiance.shape[1],
            settings.strength,
        )
    height = layer.radiance.shape[1]
    scores = []
    for top in range(0, height, STRIP):  # in strips, for the sake of memory
        first, last = max(0, top - 1), min(height, top + STRIP + 1)
        piece = known(fusion.rows(first, last))
        slack = settings.edge / 2 * edge_strength(piece.radiance)
        score = disagreement(piece, layer.rows(first, last), slack)
        scores.append(score[top - first : top - first + STRIP])
    unsure = fusion.trust.amin(0) < 0.5
    return 1 - moved(torch.cat(scores), settings, unsure)


def joint_masks(fusion: Fusion, layers: Iterable[Layer], strength: float) -> list[Mask]:
    """Let the shipped networks judge what moved in layers, 1, beside what is known.

    The first network judges each layer against the merge of those before it; the second corrects
    each in view of all.
    """
    judgements = []
    for layer in layers:

        def describe(first: int, last: int, now: Fusion = fusion, layer: Layer = layer) -> Tensor:
            return pair_features(now.rows(first, last), layer.rows(first, last))

        judgements.append(judge(_network("motion-net"), describe, layer.radiance.shape[1]))
        found = soft_mask(judgements[-1].logits.float(), strength)
        fusion = extend(fusion, layer, 1 - found)
    network = _network("motion-joint")
    return [feathered(joint_mask(network, judgements, k, strength)) for k in range(len(judgements))]


@cache
def _network(name: str) -> nn.Module:
    from deghost.models.zoo import load_network

    return load_network(name).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
