"""The merge finished by the house's network: noise taken away, ghosts and holes mended."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from deghost.layers.devices import short_numbers
from deghost.merge.blending import extended
from deghost.merge.guides import Guides
from deghost.merge.learned import brightest_allowed
from deghost.merge.measured import Measured, measure, with_fill
from deghost.merge.networks import choose_device, open_network
from deghost.merge.reading import Source
from deghost.merge.tile_methods import Mending, TileMethod
from deghost.merge.tiles import Window
from deghost.merge.weighted import Fusion, certainty, start_fusion
from deghost.segment.learned_motion import COMPRESSION, CONTRAST, compressed, expanded
from deghost.types import Radiance


TILE = (576, 608)  # large, for what lies around is computed, too; multiples of the coarsest pixel
RIM = 96  # pixels around a tile that are seen, as well; seams stay below a thousandth of the range
SPARSE = 16  # px, steps in which a picture is first asked whether it has colours
UNSURE = 0.25  # of the level at which the reference clips, 1.0


def refined_method(source: Source) -> TileMethod:
    """Prepare the merge that a plan's `DeghostNet` finishes.

    Raises WeightsError, PlanError, or SettingsError for a device that is not there.
    """
    plan = source.plan
    assert plan.network is not None  # as for every method that is a network
    network = open_network(plan.network, plan.method)
    return finished_by(network, choose_device(plan.network.device))


def finished_by(network: nn.Module, device: torch.device) -> TileMethod:
    """Prepare the merge that a network finishes."""
    there = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    merge = RefinedMerge(there, device)
    return TileMethod(merge, TILE, notes=merge.mending.notes)


@dataclass(frozen=True)
class RefinedMerge:
    """Computes windows of a merge and finishes them; called by several threads at a time."""

    network: nn.Module
    device: torch.device
    mending: Mending = field(default_factory=Mending)

    def __call__(self, source: Source, guides: Guides, window: Window) -> Radiance:
        """Merge and finish a window; 1.0 = the reference clips.

        Nothing is made brighter than `brightest_allowed` lets it, or darker than the measured merge
        if `darkest_allowed` does not, and where the network gives no finite number that stands.
        """
        part = extended(window, source.plan.crop, RIM)
        told = guides.certain or source.plan.motion.strength <= 0  # what moved
        measured = measure(source, guides, part, everything=not told)
        merged = with_fill(measured.still, guides, part)
        pictures, maps = describe(measured, merged)
        y, x = window[0] - part[0], window[1] - part[1]
        inner = slice(y, y + window[2]), slice(x, x + window[3])
        with short_numbers(self.device):
            there = pictures[None].to(self.device), maps[None].to(self.device)
            finished = self.network(*there, inner)
        radiance = expanded(finished[0].float().cpu())
        if _grey(pictures):  # the network knows colours only, and would find some
            radiance = radiance.mean(0, keepdim=True).expand(3, -1, -1)
        radiance = self.mending(radiance, lambda: merged[:, *inner])
        darkest = torch.minimum(merged, darkest_allowed(measured.still))
        radiance = torch.maximum(radiance, darkest[:, *inner])
        return torch.minimum(radiance, brightest_allowed(merged.amax(0))[:, *inner])


def describe(
    measured: Measured, merged: Radiance
) -> tuple[Float[Tensor, "9 h w"], Float[Tensor, "5 h w"]]:
    """Put what was measured as `DeghostNet` takes it: pictures and maps.

    `merged` is the merge of what is still, with a fill where nothing was measured. If everything
    was not merged, since it was told what moved, it also stands for the other two pictures: then
    noise is all that the network can take away.
    """
    still, alone, whole = measured.still, measured.reference, measured.everything
    fusions, pictures = (still, still, still), (merged, merged, merged)
    if whole is not None:
        fusions = (still, start_fusion(alone), whole)
        pictures = (merged, alone.radiance, whole.radiance)
    maps = [_deviation(fusions[0], pictures[0]), _deviation(fusions[1], pictures[1])]
    maps += [fusion.trust.amin(0, keepdim=True) for fusion in fusions]
    return compressed(torch.cat(pictures)), torch.cat(maps)


def darkest_allowed(still: Fusion) -> Radiance:
    """Limit what a network may give: where the reference clips, the scene is as bright as that.

    A little less is the error of a camera curve near white, or noise of a channel that does not.
    """
    return (still.level - UNSURE).clamp_(min=0) * still.clipped


def _grey(pictures: Float[Tensor, "9 h w"]) -> bool:
    colours = pictures.unflatten(0, (-1, 3))
    few = colours[..., ::SPARSE, ::SPARSE]  # decide for nearly every picture in colour
    return all(bool((some == some[:, :1]).all()) for some in (few, colours))


def _deviation(fusion: Fusion, radiance: Radiance) -> Float[Tensor, "1 h w"]:
    """The deviation of the noise of the mean colour, as `compressed` shows it."""
    noise = certainty(fusion).reciprocal_().mean(0, keepdim=True).sqrt_()
    level = radiance.mean(0, keepdim=True).clamp_(min=0)
    return noise.mul_(CONTRAST / COMPRESSION).div_(level.mul_(CONTRAST).add_(1)).clamp_(max=1)
