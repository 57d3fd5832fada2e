"""What moved in a frame, in view of all frames: one corrects what was found in another.

Where a bright frame clips, nothing can be seen of what moved there. But a person who is somewhere
else in the dark frame has most likely moved in the bright one, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from deghost.models.motion_net import LOGIT
from deghost.segment.learned_motion import Describe, judged_strips, soft_mask
from deghost.types import Mask


SUREST = 2.0  # times LOGIT: no logit counts for more
DOUBTFUL = 0.02  # what a clipped frame's word is worth
BENEFIT = 4.0  # logits by which motion must be likelier where a frame alone may show the light ...
NEAR = 5  # px of the proxy about what it contradicts, where it has less of that: edges are soft
FADE = 1 / 125  # of the longer side: over so much masks fade out


@dataclass(frozen=True)
class Judgement:
    """What a network says of a frame beside what was known before it, on the proxy."""

    logits: Float[Tensor, "h w"]
    maps: Float[Tensor, "7 h w"]

    def rows(self, first: int, last: int) -> "Judgement":
        """Cut out some rows, in single floats."""
        return Judgement(self.logits[first:last].float(), self.maps[:, first:last].float())


def judge(network: nn.Module, describe: Describe, height: int) -> Judgement:
    """Let the first network judge a frame, and keep what the second sees of it, in half floats.

    Of the features of a pair that is the means of the colours, and the rest.
    """
    logits, maps = [], []
    for features, found in judged_strips(network, describe, height):
        means = [features[:3].mean(0), features[3:6].mean(0)]
        logits.append(found.half())
        maps.append(torch.stack([*means, *features[6:]]).half())
    return Judgement(torch.cat(logits), torch.cat(maps, dim=1))


def joint_mask(
    network: nn.Module, judgements: Sequence[Judgement], k: int, strength: float
) -> Mask:
    """Let the second network judge frame `k` in view of all; see `soft_mask` of `strength`.

    Where what is known clips and the frame does not contradict it, nor close by, the frame has the
    benefit of the doubt: to leave it out would leave nothing that was measured.
    """

    def describe(first: int, last: int) -> Float[Tensor, "12 rows w"]:
        return joint_features([item.rows(first, last) for item in judgements], k)

    strips = judged_strips(network, describe, len(judgements[k].logits))
    return soft_mask(torch.cat([logits - _benefit(f) for f, logits in strips]), strength)


def feathered(mask: Mask) -> Mask:
    """Let masks fade out around what moved, so that no seam shows, over a part of the picture.

    Example:
        >>> feathered((torch.arange(600) > 299)[None].float())[0, 296:301]
        tensor([0.0000, 0.0000, 0.2000, 0.4000, 1.0000])
    """
    side = 1 + 2 * round(max(mask.shape) * FADE / 2)
    soft = functional.avg_pool2d(mask[None], side, 1, side // 2, count_include_pad=False)[0]
    return torch.maximum(mask, soft)


def _benefit(features: Float[Tensor, "12 h w"]) -> Float[Tensor, "h w"]:
    clipped, contradiction = 1 - features[3], features[5].abs()
    near = functional.max_pool2d((clipped * contradiction)[None], NEAR, 1, NEAR // 2)
    near = functional.avg_pool2d(near, NEAR, 1, NEAR // 2, count_include_pad=False)[0]
    return BENEFIT * clipped * (1 - torch.maximum(contradiction, near))


def joint_features(judgements: Sequence[Judgement], k: int) -> Float[Tensor, "12 h w"]:
    """Describe frame `k` beside all others.

    The channels: its own logit and maps (8); of the others' logits the greatest, the least, and
    the mean by trust (3); the mean of the others' trust (1). Logits are in units of `LOGIT`.
    """
    logits = torch.stack([item.logits for item in judgements]).div(LOGIT).clamp(-SUREST, SUREST)
    others = [j for j in range(len(judgements)) if j != k]
    said, own = logits[others], [logits[k][None], judgements[k].maps]
    if not others:
        return torch.cat([*own, torch.zeros_like(own[0]).expand(4, -1, -1)])
    trust = torch.stack([judgements[j].maps[3] for j in others])
    worth = trust + DOUBTFUL
    mean = (said * worth).sum(0) / worth.sum(0)
    return torch.cat([*own, torch.stack([said.amax(0), said.amin(0), mean, trust.mean(0)])])
