"""What training makes small: of masks, from logits, and of radiance, tone-mapped by the mu-law.

All are means over pixels (and over colours and images), computed in single floats.
"""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from deghost.radiometry.tonemap import mu_law


Logits = Float[Tensor, "*batch h w"]
Masks = Float[Tensor, "*batch h w"]
Loss = Float[Tensor, ""]
Images = Float[Tensor, "*batch c h w"]


def cross_entropy(logits: Logits, truth: Masks) -> Loss:
    """Compare a mask by its binary cross-entropy.

    Example:
        >>> cross_entropy(torch.zeros(1, 2, 2), torch.ones(1, 2, 2))
        tensor(0.6931)
    """
    return functional.binary_cross_entropy_with_logits(logits.float(), truth.float())


def focal(logits: Logits, truth: Masks, alpha: float = 0.25, gamma: float = 2.0) -> Loss:
    """Compare a mask by its cross-entropy, weighted towards what is still wrong.

    Lin et al., Focal loss for dense object detection, ICCV 2017.

    Example:
        >>> focal(torch.zeros(1, 2, 2), torch.ones(1, 2, 2))  # 0.25 * 0.5 ** 2 * log(2)
        tensor(0.0433)
    """
    logits, truth = logits.float(), truth.float()
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    found = logits.sigmoid()
    miss = truth * (1 - found) + (1 - truth) * found
    weight = truth * alpha + (1 - truth) * (1 - alpha)
    return (weight * miss**gamma * entropy).mean()


def dice(found: Masks, truth: Masks, smooth: float = 1.0) -> Loss:
    """Compare probabilities by 1 - (2 |A and B| + smooth) / (|A| + |B| + smooth), mask by mask.

    Milletari, Navab and Ahmadi, V-Net, 3DV 2016, with sums instead of sums of squares.

    Example:
        >>> dice(torch.full((1, 2, 2), 0.5), torch.ones(1, 2, 2), smooth=0)
        tensor(0.3333)
    """
    found, truth = found.float(), truth.float()
    common = 2 * (found * truth).sum((-2, -1))
    both = found.sum((-2, -1)) + truth.sum((-2, -1))
    return 1 - ((common + smooth) / (both + smooth)).mean()


def dice_of_logits(logits: Logits, truth: Masks, smooth: float = 1.0) -> Loss:
    """Compare logits by `dice`."""
    return dice(logits.float().sigmoid(), truth, smooth)


def dice_cross_entropy(logits: Logits, truth: Masks, smooth: float = 1.0) -> Loss:
    """Add `dice_of_logits` and `cross_entropy`."""
    return dice_of_logits(logits, truth, smooth) + cross_entropy(logits, truth)


def batch_dice_cross_entropy(logits: Float[Tensor, "b h w"], truth: Float[Tensor, "b h w"]) -> Loss:
    """Add half of the Dice loss of all masks of a batch, taken as one mask, and `cross_entropy`.

    Where masks are empty or nearly so, the Dice loss of each of them says little.

    Example:
        >>> truth = torch.tensor([1.0, 0.0]).view(2, 1, 1)
        >>> batch_dice_cross_entropy(torch.zeros(2, 1, 1), truth)  # (1 - 2 / 3) / 2 + log(2)
        tensor(0.8598)
    """
    whole = "b h w -> (b h) w"
    dice_loss = dice_of_logits(rearrange(logits, whole), rearrange(truth, whole))
    return 0.5 * dice_loss + cross_entropy(logits, truth)


MASK_LOSSES = {
    "cross-entropy": cross_entropy,
    "focal": focal,
    "dice": dice_of_logits,
    "dice-cross-entropy": dice_cross_entropy,
}


def mu_l1(radiance: Images, truth: Images) -> Loss:
    """Compare what the mu-law (mu = 5000) makes of radiance by its mean absolute difference.

    Example:
        >>> mu_l1(torch.ones(1, 3, 1, 1), torch.zeros(1, 3, 1, 1))
        tensor(1.)
    """
    return (toned(radiance) - toned(truth)).abs().mean()


def mu_l2(radiance: Images, truth: Images) -> Loss:
    """Compare what the mu-law makes of radiance by its mean squared difference."""
    return (toned(radiance) - toned(truth)).square().mean()


def toned(radiance: Images) -> Images:
    """Bend radiance by the mu-law; below 0 it goes on as a mirror image, so gradients live on.

    Example:
        >>> toned(torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1)).flatten()
        tensor([-1.,  0.,  1.])
    """
    light = radiance.float()
    return torch.sign(light) * mu_law(light.abs())
