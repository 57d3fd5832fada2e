"""Trained networks as methods of a benchmark: frames as stored, cut as the protocol says.

Nothing is aligned or matched before: that is how published numbers of networks are measured.
`merge --method NETWORK` does more, and is compared by the methods of its own.
"""

from dataclasses import dataclass, replace
from math import lcm
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.errors import SettingsError
from deghost.evaluate.methods import Method
from deghost.evaluate.tiles import Cut, run_tiled
from deghost.layers.reconstructor import BracketBatch, Reconstructor, pack_srgb6
from deghost.layers.weights import read_header
from deghost.models.vam import VAM
from deghost.models.zoo import find_weights, load_network
from deghost.radiometry.scene_light import frames_in
from deghost.segment.bracket_masks import MakeMask, with_masks
from deghost.segment.exposure import otsu_mask
from deghost.types import Radiance, Scene


RESPONSE = "gamma2.2"  # of the codes that networks see


@dataclass(frozen=True)
class NetworkMethod:
    """A method of a benchmark: radiance of a scene by a network."""

    network: Reconstructor
    cut: Cut
    make_mask: MakeMask = otsu_mask  # for networks that take masks, of whole frames

    def __call__(self, scene: Scene) -> Radiance:
        """Reconstruct, in the scale of the scene's truth. Raises BracketError."""
        darkest = scene.exposures[0]
        exposures = (scene.exposures / darkest)[None]
        planes = frames_in(scene, RESPONSE)
        masked = isinstance(self.network, VAM)
        if masked:
            whole = BracketBatch(planes[None], exposures, scene.reference)
            masks = with_masks(whole, self.make_mask).masks
            assert masks is not None
            planes = torch.cat([planes, masks[0, :, None]], dim=1)

        def run(tile: Float[Tensor, "n c y x"]) -> Float[Tensor, "3 y x"]:
            frames = pack_srgb6(tile[None, :, :3] ** 2.2, exposures)
            seen = tile[None, :, 3] if masked else None
            batch = BracketBatch(frames, exposures, scene.reference, seen)
            return self.network(batch).radiance[0]

        return run_tiled(run, planes, self.cut) / darkest


def network_methods(weights: tuple[str, ...], cut: Cut) -> dict[str, tuple[Method, str]]:
    """Read networks; give each method and its description by the network's name and checksum.

    Raises WeightsError, SettingsError for a network that does not reconstruct RGB pictures.
    """
    return dict(_method(name, cut) for name in weights)


def _method(name: str, cut: Cut) -> tuple[str, tuple[Method, str]]:
    path = find_weights(name)
    network, header = load_network(path), read_header(path)
    if not isinstance(network, Reconstructor) or network.layout != "srgb6" or network.scale != 1:
        raise SettingsError(
            f"{path.name} is of {header.name}, which does not make pictures of RGB frames here; "
            "leave it out"
        )
    fitting = replace(cut, multiple=lcm(cut.multiple, network.multiple_of))
    about = f"{_place(path)}: {header.card.training or header.card.training_data}"
    return f"{header.name}-{header.checksum[:8]}", (NetworkMethod(network, fitting), about)


def _place(path: Path) -> str:
    """Name a weights file by its folder, too: runs call theirs alike.

    Example:
        >>> _place(Path("runs/mine/weights.safetensors"))
        'mine/weights.safetensors'
    """
    return "/".join(path.parts[-2:])
