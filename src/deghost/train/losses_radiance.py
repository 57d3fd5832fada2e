"""What training of networks that reconstruct makes small: of radiance, and of what it shows."""

from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from deghost.evaluate.lpips_networks import VGG16
from deghost.layers.foreign_weights import read_foreign
from deghost.train.brackets import TruthBatch
from deghost.train.losses import mu_l1, toned


Value = Float[Tensor, ""]
Pictures = Float[Tensor, "b 3 h w"]
FEATURES = VGG16.taps[:4]  # layers of VGG-16 that are compared: the last of each size but one
PERCEPTUAL = 0.01  # share of HDR-Transformer's perceptual loss


def radiance_loss(network: nn.Module, batch: TruthBatch) -> Value:
    """Compare radiance by the mean absolute difference of its mu-law (AHDRNet)."""
    return mu_l1(network(batch.bracket).radiance, batch.truth)


def clipped_radiance_loss(network: nn.Module, batch: TruthBatch) -> Value:
    """The same of radiance cut to [0, 1], as BracketIRE trains.

    Its radiance is in units of the middle frame's clipping level and divided by 16 before, which
    makes 1 the clipping level of the darkest frame: the scale of a batch.
    """
    found = network(batch.bracket).radiance.float().clamp(0, 1)
    return mu_l1(found, batch.truth.clamp(0, 1))


def perceptual_loss(network: nn.Module, batch: TruthBatch, vgg16: Path) -> Value:
    """Add to `radiance_loss` a hundredth of the difference of features (HDR-Transformer, eq. 10).

    The features are VGG-16's of tone-mapped pictures. `vgg16` holds its weights as torchvision
    stores them. Raises WeightsError if it cannot be read.
    """
    found = network(batch.bracket).radiance
    seen, wanted = toned(found), toned(batch.truth)
    return (seen - wanted).abs().mean() + PERCEPTUAL * feature_loss(seen, wanted, vgg16)


def feature_loss(found: Pictures, truth: Pictures, vgg16: Path) -> Value:
    """Sum over layers the mean absolute difference of VGG-16's features of codes in [0, 1]."""
    layers = _vgg16(vgg16, found.device)
    shift, scale = (found.new_tensor(v)[:, None, None] for v in (VGG16.shift, VGG16.scale))
    maps = (torch.cat([found, truth]) - shift) / scale
    parts = []
    for number, layer in enumerate(layers):
        maps = layer(maps)
        if number in FEATURES:
            first, second = maps.chunk(2)
            parts.append((first - second.detach()).abs().mean())
    return torch.stack(parts).sum().float()


@cache
def _vgg16(path: Path, device: torch.device) -> nn.Sequential:
    """Read the layers up to the last one that is compared, once a process."""
    network = VGG16.build()
    shapes = {f"features.{name}": tuple(v.shape) for name, v in network.state_dict().items()}
    state = read_foreign(path, shapes)
    network.load_state_dict({name.removeprefix("features."): v for name, v in state.items()})
    layers = network[: FEATURES[-1] + 1].eval().requires_grad_(False)
    return layers.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
