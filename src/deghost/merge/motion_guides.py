"""What moved in each frame, on the proxies: by rules, or as networks judge it."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from deghost.merge.weighted import (
    Fusion,
    Layer,
    bare_pair,
    disagreement,
    extend,
    known,
    pair_features,
)
from deghost.models.zoo import shared_network
from deghost.segment.joint_motion import feathered, joint_mask, judge
from deghost.segment.learned_motion import Describe, learned_mask, soft_mask
from deghost.segment.motion import MotionSettings, edge_strength, moved
from deghost.segment.segmenters import Segmenter
from deghost.types import Mask


STRIP = 128  # rows
DescribePair = Callable[[Fusion, Layer], Tensor]
PAIRS: dict[Segmenter, tuple[str, DescribePair]] = {  # networks, their inputs
    "motion-unet": ("motion-unet", bare_pair),
    "learned": ("motion-net", pair_features),
}


def stillness(fusion: Fusion, layer: Layer, settings: MotionSettings) -> Mask:
    """Where a layer, judged alone, shows the scene that is known, 1, or something else, 0."""
    height = layer.radiance.shape[1]
    if settings.segmenter != "classical" and settings.strength > 0:
        name, describe = PAIRS[settings.segmenter]
        told = _by_rows(describe, fusion, layer)
        return 1 - learned_mask(shared_network(name), told, height, settings.strength)
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
    name, describe = PAIRS["learned"]
    judgements = []
    for layer in layers:
        told = _by_rows(describe, fusion, layer)
        judgements.append(judge(shared_network(name), told, layer.radiance.shape[1]))
        found = soft_mask(judgements[-1].logits.float(), strength)
        fusion = extend(fusion, layer, 1 - found)
    network = shared_network("motion-joint")
    return [feathered(joint_mask(network, judgements, k, strength)) for k in range(len(judgements))]


def _by_rows(describe: DescribePair, fusion: Fusion, layer: Layer) -> Describe:
    """Describe a layer beside what is known, some rows at a time."""
    return lambda first, last: describe(fusion.rows(first, last), layer.rows(first, last))
