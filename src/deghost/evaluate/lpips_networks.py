"""The networks whose features LPIPS compares, with the names of torchvision's weights files.

Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014 (AlexNet);
Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition, ICLR
2015 (VGG-16); Iandola et al., SqueezeNet, 2016 (version 1.1).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn


VGG = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class Fire(nn.Module):
    """Few channels, then many, of which half see one pixel and half see nine."""

    def __init__(self, channels: int, few: int, half: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, few, 1)
        self.expand1x1 = nn.Conv2d(few, half, 1)
        self.expand3x3 = nn.Conv2d(few, half, 3, padding=1)

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """Squeeze and expand."""
        few = self.squeeze(maps).relu()
        return torch.cat([self.expand1x1(few), self.expand3x3(few)], dim=1).relu()


def alexnet() -> nn.Sequential:
    """The convolutions of AlexNet."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
    )


def vgg16() -> nn.Sequential:
    """The convolutions of VGG-16."""
    layers: list[nn.Module] = []
    channels = 3
    for widths in VGG:
        for width in widths:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers[:-1])


def squeezenet() -> nn.Sequential:
    """The convolutions of SqueezeNet 1.1."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(64, 16, 64),
        Fire(128, 16, 64),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(128, 32, 128),
        Fire(256, 32, 128),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        Fire(512, 64, 256),
    )


@dataclass(frozen=True)
class Backbone:
    """A network, the layers after which features are compared, and how pictures are put to it."""

    build: Callable[[], nn.Sequential]
    taps: tuple[int, ...]
    widths: tuple[int, ...]  # channels at the taps
    shift: tuple[float, float, float]
    scale: tuple[float, float, float]
    smallest: int  # pixels a side
    blue_first: bool = False


# Mean and spread of ImageNet in [0, 1]; LPIPS states them for values in [-1, 1].
SHIFT = (0.485, 0.456, 0.406)
SCALE = (0.229, 0.224, 0.225)
CAFFE_SHIFT = (104 / 255, 117 / 255, 123 / 255)
CAFFE_SCALE = (1 / 255,) * 3

ALEX = Backbone(alexnet, (1, 4, 7, 9, 11), (64, 192, 384, 256, 256), SHIFT, SCALE, 31)
VGG16 = Backbone(vgg16, (3, 8, 15, 22, 29), (64, 128, 256, 512, 512), SHIFT, SCALE, 16)
SQUEEZE = Backbone(
    squeezenet,
    (1, 4, 7, 9, 10, 11, 12),
    (64, 128, 256, 384, 384, 512, 512),
    CAFFE_SHIFT,
    CAFFE_SCALE,
    17,
    blue_first=True,
)
