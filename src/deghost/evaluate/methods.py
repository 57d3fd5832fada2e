"""The methods that a benchmark compares, by name: each makes radiance of a scene.

A method is a function of a `Scene` that returns radiance on the grid and in the scale of its truth;
another one, such as a network, is one more line of `METHODS`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from deghost.errors import SettingsError
from deghost.merge.scenes import bracket_of, merge_scene, scene_response
from deghost.merge.settings import DEGHOST_LEVELS, MergeSettings
from deghost.radiometry.response import linear_table, linearise
from deghost.types import Radiance, Scene


Method = Callable[[Scene], Radiance]

CLASSICAL: Mapping[str, object] = MappingProxyType({"method": "weighted", "motion": "classical"})
MOST_LEVELS = 6  # of OpenCV's pyramid: shifts of up to 64 pixels
LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {"mertens": "makes a display picture, not radiance, so that no metric of radiance applies"}
)


def reference_alone(scene: Scene) -> Radiance:
    """Make the reference linear and do nothing else: what every other method must beat.

    Example:
        >>> scene = Scene("a", torch.full((2, 3, 1, 1), 0.5), torch.tensor([1.0, 4.0]), 1, "linear")
        >>> reference_alone(scene).flatten().round(decimals=3)
        tensor([0.1250, 0.1250, 0.1250])
    """
    frame = bracket_of(scene).frames[scene.reference]
    return linearise(frame.pixels, frame.response) / scene.exposures[scene.reference]


def oracle(scene: Scene) -> Radiance:
    """Merge with the true masks of motion: the most that better masks alone could bring.

    Alignment is estimated as in every other row. Raises SettingsError for a scene without masks.
    """
    if scene.motion is None:
        raise SettingsError(f"{scene.name} has no motion masks; leave the oracle out")
    return merge_scene(scene, MergeSettings(method="weighted", deghost=0.0), scene.motion)


def opencv_average(scene: Scene, merger: Callable[[], cv2.MergeExposures]) -> Radiance:
    """Merge 8-bit copies of the frames as OpenCV's example does, with the response known.

    Frames are shifted to the middle one by median thresholds (Ward 2003). Code 0 stands for half
    of code 1, since a logarithm is taken of it.
    """
    codes = scene.frames.clamp(0, 1).permute(0, 2, 3, 1).mul(255).round().to(torch.uint8)
    frames = [np.ascontiguousarray(frame) for frame in codes.numpy()]
    levels = int(math.log2(min(frames[0].shape[:2]))) - 1  # more, and small pictures vanish
    cv2.createAlignMTB(max(1, min(MOST_LEVELS, levels))).process(frames, frames)
    table = linear_table(scene_response(scene), 255).copy()
    table[0] = np.maximum(table[0], table[1] / 2)
    times = scene.exposures.numpy().astype(np.float32)
    merged: Float32[np.ndarray, "h w 3"] = merger().process(frames, times, table[:, None])
    return torch.from_numpy(merged).permute(2, 0, 1)


def rgb_scene(scene: Scene) -> Scene:
    """Turn a packed mosaic into RGB of its own size, greens averaged; other scenes stay.

    Example:
        >>> packed = torch.tensor([1.0, 0.2, 0.4, 0.5]).view(1, 4, 1, 1)
        >>> rgb_scene(Scene("a", packed, torch.ones(1), 0, "linear")).frames.flatten()
        tensor([1.0000, 0.3000, 0.5000])
    """
    if scene.frames.shape[1] == 3:
        return scene
    truth = None if scene.truth is None else _averaged_greens(scene.truth[None])[0]
    return replace(scene, frames=_averaged_greens(scene.frames), truth=truth)


def _averaged_greens(packed: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n 3 h w"]:
    red, green, other_green, blue = packed.unbind(1)
    return torch.stack([red, (green + other_green) / 2, blue], dim=1)


def _merged(**settings: object) -> Method:
    chosen = MergeSettings(**{**CLASSICAL, **settings})  # type: ignore[arg-type]
    return partial(merge_scene, settings=chosen)


METHODS: dict[str, Method] = {
    "reference": reference_alone,
    "opencv-debevec": partial(opencv_average, merger=cv2.createMergeDebevec),
    "opencv-robertson": partial(opencv_average, merger=cv2.createMergeRobertson),
    "debevec": _merged(method="debevec"),
    "robertson": _merged(method="robertson"),
    "static-unaligned": _merged(deghost=0.0, align="none"),
    "static": _merged(deghost=0.0),
    "weighted-unaligned": _merged(align="none"),
    "weighted-low": _merged(deghost=DEGHOST_LEVELS["low"]),
    "weighted": _merged(),
    "weighted-high": _merged(deghost=DEGHOST_LEVELS["high"]),
    "weighted-flow": _merged(align="flow"),
    "weighted-learned": _merged(motion="learned"),
    "deghostnet-classical": _merged(method="deghostnet"),
    "deghostnet": _merged(method="deghostnet", motion="learned"),
    "oracle": oracle,
}
DESCRIPTIONS: dict[str, str] = {
    "reference": "the reference frame alone, made linear",
    "opencv-debevec": "OpenCV: median thresholds align, then Debevec's merge of 8-bit frames",
    "opencv-robertson": "OpenCV: median thresholds align, then Robertson's merge of 8-bit frames",
    "debevec": "merge --method debevec: aligned, nothing that moved is removed",
    "robertson": "merge --method robertson: aligned, nothing that moved is removed",
    "static-unaligned": "merge --fast --deghost off --align none",
    "static": "merge --fast --deghost off: noise-optimal, aligned, nothing that moved is removed",
    "weighted-unaligned": "merge --fast --motion classical --align none",
    "weighted-low": "merge --fast --motion classical --deghost low",
    "weighted": "merge --fast --motion classical: rules find what moved",
    "weighted-high": "merge --fast --motion classical --deghost high",
    "weighted-flow": "weighted with --align flow: what moved is followed to where it went",
    "weighted-learned": "merge --fast: a network finds what moved",
    "deghostnet-classical": "merge --motion classical: the next, with the masks of weighted",
    "deghostnet": "merge with its default settings: a network finishes the weighted merge",
    "oracle": "as static, given the true masks of what moved",
}


def chosen_methods(names: tuple[str, ...]) -> dict[str, Method]:
    """Give the methods of some names, or all of them for none. Raises SettingsError."""
    for name in names:
        if name in LEFT_OUT:
            raise SettingsError(f"{name} {LEFT_OUT[name]}; leave it out")
        if name not in METHODS:
            raise SettingsError(f"no method {name!r}; there are: {', '.join(METHODS)}")
    return {name: METHODS[name] for name in names or METHODS}
