"""Tone mapping that adapts to the surroundings: Durand's and Krawczyk's operators.

Each `plan` learns from a small image, in bilateral grids, what surrounds a pixel, and returns a
function from positive radiance to display-linear light for any part of the full image.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.radiometry.bilateral import Place, build_grid, read_grid
from deghost.radiometry.luminance import measure_light, quantile, relight, stops_above
from deghost.radiometry.tone_global import Curve
from deghost.types import Radiance


DECADE = math.log2(10)  # stops
SMALLEST = 0.001  # of the image that makes a framework
FIRM = 0.6  # probability that some pixel of a framework has

Plane = Float[Tensor, "h w"]


def plan_durand(proxy: Radiance, contrast: float = 5.0) -> Curve:
    """Compress the base layer of a bilateral filter to a contrast and keep the details.

    Durand and Dorsey, Fast bilateral filtering for the display of high-dynamic-range images,
    SIGGRAPH 2002: spatial sigma 2 % of the image, 0.4 decades of luminance; the brightest base is
    white. A base of less contrast is left alone.
    """
    light = measure_light(proxy)
    grid = build_grid(light.stops, spatial=0.02, step=0.4 * DECADE)
    base = read_grid(grid, light.stops, whole(light.stops))
    top = base.max()
    factor = (math.log2(contrast) / (top - base.min()).clamp(min=1e-6)).clamp(max=1.0)

    def curve(radiance: Radiance, place: Place) -> Radiance:
        stops = stops_above(radiance, light.floor)
        base = read_grid(grid, stops, place)
        return relight(radiance, stops, (base - top) * factor + (stops - base))

    return curve


def plan_krawczyk(proxy: Radiance) -> Curve:
    """Show every framework of the image relative to the white that anchors it.

    Krawczyk, Myszkowski and Seidel, Lightness perception in tone reproduction for high dynamic
    range images, Eurographics 2005. Frameworks are clusters of log10 luminance at least a decade
    apart. Pixels belong to them by Gaussian probabilities, smoothed by a bilateral filter; a
    framework of little articulation counts little; its anchor is its 95th percentile. Lights of
    less than 0.1 % of the image, such as the sun's disc, make no framework of their own.
    """
    light = measure_light(proxy)
    decades = light.stops / DECADE
    centres = find_frameworks(decades)
    nearest = torch.bucketize(decades, (centres[1:] + centres[:-1]) / 2)
    members = [decades[nearest == number] for number in range(len(centres))]
    ranges = torch.stack([chosen.max() - chosen.min() for chosen in members])
    articulation = 1 - torch.exp(-ranges.square() / (2 * 0.33**2))
    anchors = centres.new_tensor([quantile(chosen, 0.95) for chosen in members])
    h, w = decades.shape
    grids = [
        build_grid(share, spatial=min(h, w) / max(h, w) / 2, step=0.4)
        for share in belonging(decades, centres)
    ]

    def curve(radiance: Radiance, place: Place) -> Radiance:
        stops = stops_above(radiance, light.floor)
        shares = belonging(stops / DECADE, centres)
        smooth = [read_grid(grid, share, place) for grid, share in zip(grids, shares, strict=True)]
        weight = torch.stack(smooth) * articulation[:, None, None] + 1e-6
        white = (weight * anchors[:, None, None]).sum(0) / weight.sum(0)
        return relight(radiance, stops, stops - white * DECADE)

    return curve


def whole(plane: Plane) -> Place:
    """The place of an image that is no tile."""
    return Place(0, 0, (plane.shape[0], plane.shape[1]))


def find_frameworks(decades: Plane) -> Float[Tensor, " k"]:
    """Cluster log10 luminance by k-means from centres a decade apart, then join weak ones.

    Example:
        >>> find_frameworks(torch.tensor([[0.0, 0.1, 0.2, 2.9, 3.0, 3.1]]))
        tensor([0.1000, 3.0000])
    """
    level = decades.detach().flatten()
    low, high = level.min().item(), level.max().item()
    centres = torch.arange(low, high + 1, 1.0, device=level.device, dtype=level.dtype)
    for _ in range(30):
        nearest = torch.bucketize(level, (centres[1:] + centres[:-1]) / 2)
        count = torch.bincount(nearest, minlength=len(centres)).to(level)
        total = torch.zeros_like(centres).index_add_(0, nearest, level)
        before, centres = centres, (total / count)[count > 0]
        count = count[count > 0]
        if len(before) == len(centres) and (before - centres).abs().max() < 1e-3:
            break
    return _joined(centres, count, level)


def _joined(
    centres: Float[Tensor, " k"], count: Float[Tensor, " k"], level: Float[Tensor, " p"]
) -> Float[Tensor, " m"]:
    """Join a centre with its nearest while it is less than a decade off, tiny, or nowhere firm."""
    while len(centres) > 1:
        gaps = centres.diff()
        firm = belonging(level[None], centres).flatten(1).amax(1) > FIRM
        weak = (~firm | (count < SMALLEST * level.numel())).nonzero().flatten()
        if gaps.min() < 1:
            first = int(gaps.argmin())
        elif len(weak):
            first = min(int(weak[0]), len(gaps) - 1)
        else:
            break
        pair = slice(first, first + 2)
        joined = (centres[pair] * count[pair]).sum() / count[pair].sum()
        centres = torch.cat([centres[:first], joined[None], centres[first + 2 :]])
        count = torch.cat([count[:first], count[pair].sum()[None], count[first + 2 :]])
    return centres


def belonging(decades: Plane, centres: Float[Tensor, " k"]) -> Float[Tensor, "k h w"]:
    """The probability that each pixel belongs to each framework, from its luminance alone.

    Gaussian in the distance to the centre; sigma is the greatest gap between neighbours.
    """
    sigma = centres.diff().max() if len(centres) > 1 else centres.new_tensor(1.0)
    distance = (decades - centres[:, None, None]) / sigma
    return torch.softmax(-distance.square() / 2, dim=0)
