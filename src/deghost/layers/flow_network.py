"""Optical flow by a network small enough to live inside another one."""

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, cat, nn

from deghost.errors import WeightsError
from deghost.layers.foreign_weights import read_foreign
from deghost.layers.warp import warp


MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as it was trained
LEVELS = 6


class FlowNetwork(nn.Module):
    """SPyNet (Ranjan and Black, CVPR 2017), the six-level form without normalisation.

    Each level of a pyramid, coarse to fine, adds a correction to the flow of the level above.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList(_corrector() for _ in range(LEVELS))
        shape = (1, 3, 1, 1)
        self.register_buffer("mean", torch.tensor(MEAN).view(shape), persistent=False)
        self.register_buffer("spread", torch.tensor(SPREAD).view(shape), persistent=False)

    def forward(
        self, reference: Float[Tensor, "b 3 h w"], other: Float[Tensor, "b 3 h w"]
    ) -> Float[Tensor, "b 2 h w"]:
        """Say where each pixel of the reference lies in the other picture: x, y in pixels.

        Pictures are codes in [0, 1]. Any size: they are stretched to multiples of 32.
        """
        height, width = reference.shape[-2:]
        coarsest = 2 ** (LEVELS - 1)
        size = [(length + coarsest - 1) // coarsest * coarsest for length in (height, width)]
        pyramids = [self._pyramid(picture, size) for picture in (reference, other)]
        flow = torch.zeros_like(pyramids[0][0][:, :2])
        for index, (corrector, here, there) in enumerate(zip(self.levels, *pyramids, strict=True)):
            if index:
                flow = F.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=True) * 2
            flow = flow + corrector(cat([here, warp(there, flow, "border"), flow], dim=1))
        flow = F.interpolate(flow, size=(height, width), mode="bilinear", align_corners=False)
        return flow * _ratio(flow, size)

    def _pyramid(
        self, picture: Float[Tensor, "b 3 h w"], size: list[int]
    ) -> list[Float[Tensor, "b 3 _ _"]]:
        """Give the levels of a picture, coarsest first."""
        stretched = F.interpolate(picture, size=size, mode="bilinear", align_corners=False)
        levels = [(stretched - self.mean) / self.spread]
        for _ in range(LEVELS - 1):
            levels.append(F.avg_pool2d(levels[-1], 2))
        return levels[::-1]


def _corrector() -> nn.Sequential:
    """Build what corrects the flow of a level from both pictures and the flow so far."""
    widths = [8, 32, 64, 32, 16, 2]
    parts: list[nn.Module] = []
    for wide, narrow in zip(widths[:-1], widths[1:], strict=True):
        parts += [nn.Conv2d(wide, narrow, 7, padding=3), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def _ratio(flow: Float[Tensor, "b 2 h w"], size: list[int]) -> Float[Tensor, "2 1 1"]:
    """Give the factors that take a flow from stretched pictures to their own size, x then y."""
    lengths = [flow.shape[3] / size[1], flow.shape[2] / size[0]]
    return torch.stack([torch.full((1, 1), v, device=flow.device) for v in lengths]).to(flow.dtype)


def load_flow_network(network: FlowNetwork, path: Path) -> None:
    """Fill a flow network from a safetensors or PyTorch file, as published or as we save it.

    The published one is that of BasicVSR and all that follow it. Raises WeightsError.
    """
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    try:
        state = read_foreign(path, shapes)
    except WeightsError:
        public = {published_name(name): shape for name, shape in shapes.items()}
        values = read_foreign(path, public).values()
        state = dict(zip(shapes, values, strict=True))
    network.load_state_dict(state)


def published_name(name: str) -> str:
    """Translate a parameter's name to that in the published file, where activations do not count.

    Example:
        >>> published_name("levels.3.2.weight")
        'basic_module.3.basic_module.1.conv.weight'
    """
    _, level, index, kind = name.split(".")
    return f"basic_module.{level}.basic_module.{int(index) // 2}.conv.{kind}"
