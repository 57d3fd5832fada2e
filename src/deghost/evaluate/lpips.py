"""LPIPS: how far apart two pictures are in the features of a network that recognises things.

Zhang, Isola, Efros, Shechtman and Wang, The unreasonable effectiveness of deep features as a
perceptual metric, CVPR 2018; version 0.1 of the authors' weights. Weights are files of the user's:
`alexnet` or `vgg16` as torchvision stores them, and the linear heads as the authors do.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from deghost.errors import SettingsError
from deghost.evaluate.comparable import comparable_rgb
from deghost.evaluate.lpips_networks import ALEX, SQUEEZE, VGG16, Backbone
from deghost.layers.foreign_weights import read_foreign


SMALL = 1e-10  # length of a feature that is as good as none


@dataclass(frozen=True)
class Lpips:
    """A distance of pictures: 0 for equal ones, and about 1 for unlike ones."""

    name: str  # with the backbone: distances of different ones cannot be compared
    backbone: Backbone
    network: nn.Sequential
    heads: tuple[Float[Tensor, " _"], ...]

    def __call__(
        self, test: Float[Tensor, "*batch 3 h w"], truth: Float[Tensor, "*batch 3 h w"]
    ) -> Float[Tensor, "*batch"]:
        """Compare pictures of display codes in [0, 1], such as sRGB or mu-law.

        Raises SettingsError for a picture that is too small for the network.
        """
        test, truth = comparable_rgb(test, truth)
        h, w = truth.shape[-2:]
        if min(h, w) < self.backbone.smallest:
            raise SettingsError(
                f"a picture of {w}x{h} pixels is too small: {self.name} needs "
                f"{self.backbone.smallest} each way"
            )
        pairs = zip(self._features(test), self._features(truth), self.heads, strict=True)
        total = torch.zeros(test.shape[:-3].numel(), device=test.device)
        for feature, true_feature, head in pairs:
            error = (feature - true_feature).square().mean((-2, -1))
            total = total + error @ head.to(error)
        return total.reshape(test.shape[:-3])

    def _features(self, images: Float[Tensor, "*batch 3 h w"]) -> list[Float[Tensor, "n _ _ _"]]:
        """The features at the taps, each pixel's of length 1."""
        flat = images.float().reshape(-1, *images.shape[-3:])
        maps = flat.flip(1) if self.backbone.blue_first else flat
        shift, scale = (
            maps.new_tensor(numbers)[:, None, None]
            for numbers in (self.backbone.shift, self.backbone.scale)
        )
        maps = (maps - shift) / scale
        features = []
        for number, layer in enumerate(self.network.to(maps.device)):
            maps = layer(maps)
            if number in self.backbone.taps:
                length = maps.square().sum(1, keepdim=True).clamp(min=SMALL**3).sqrt()
                features.append(maps / (length + SMALL))
        return features


def load_lpips(network: Literal["alex", "vgg"], backbone: Path, heads: Path) -> Lpips:
    """Read LPIPS of AlexNet or VGG-16 from two weights files. Raises WeightsError."""
    return _load(f"lpips-{network}", {"alex": ALEX, "vgg": VGG16}[network], backbone, heads)


def load_lpips_like(backbone: Path, heads: Path) -> Lpips:
    """Read a distance like LPIPS, from SqueezeNet 1.1 as it was trained in Caffe.

    The heads were fitted to other weights of that network: this is not LPIPS, and its values
    must not be compared with published ones. Raises WeightsError.
    """
    return _load("lpips-like", SQUEEZE, backbone, heads)


def _load(name: str, backbone: Backbone, weights: Path, heads: Path) -> Lpips:
    network = backbone.build()
    wanted = {f"features.{key}": tuple(part.shape) for key, part in network.state_dict().items()}
    state = read_foreign(weights, wanted)
    network.load_state_dict({key.removeprefix("features."): part for key, part in state.items()})
    network.eval().requires_grad_(False)
    shapes = {
        f"lin{number}.model.1.weight": (1, width, 1, 1)
        for number, width in enumerate(backbone.widths)
    }
    weights_of_heads = read_foreign(heads, shapes).values()
    return Lpips(name, backbone, network, tuple(head.flatten() for head in weights_of_heads))
