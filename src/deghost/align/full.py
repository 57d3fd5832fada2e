"""Correct warps found on reduced frames by what patches of the full-size frames show."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float
from torch import Tensor

from deghost.align.refine import Moving, Samples, compare, refine, textured_samples
from deghost.align.signal import (
    LARGEST,
    Light,
    Signal,
    common_pyramids,
    common_range,
    contrast_signal,
    log_light,
    measure_light,
)
from deghost.align.warp import (
    LADDER,
    Model,
    Warp,
    displacement,
    rescaled,
    simplest_model,
    source_window,
    warp_window,
)
from deghost.types import Image, Matrix


Reader = Callable[[int, int, int, int, int], Image]  # frame, y, x, height, width -> linear RGB
Place = tuple[int, int]  # y, x of a patch's top left pixel

PATCH = 192  # pixels
SMALLEST_PATCH = 64
PATCHES = (4, 6)  # rows and columns of the grid that has a patch in each cell with texture
MARGIN = 8  # pixels around a patch that are not compared
MAP_PIXELS = 100_000  # of the map on which the places of patches are chosen
TEXTURE = 0.03  # mean contrast per pixel of the map that a patch needs
PATCHES_NEEDED: dict[Model, int] = {"shift": 2, "rigid": 3, "affine": 6, "homography": 12}
SIMPLER = 0.1  # pixels at the corners by which a simpler model may differ; less blurs than mends
WHOLE = 0.05  # pixels: a shift this near to whole pixels copies instead of resampling
FURTHEST = 2.0  # pixels of the reduced frames by which a warp may be corrected
BLURS = (2.0, 0.0)  # pixels; the correction is found on soft patches, then on sharp ones


@dataclass(frozen=True)
class Patches:
    """A reference's samples on patches, and the warped frame's patches stacked as an atlas."""

    samples: Samples
    moving: Moving


def refine_full(
    read: Reader,
    proxies: Float[Tensor, "n 3 h w"],
    exposures: Float[Tensor, " n"],
    warps: Sequence[Warp],
    reference: int,
    richest: Model = "homography",
) -> tuple[Warp, ...]:
    """Correct warps, already scaled to full size, on patches of the full-size frames.

    `read` gives any window of a linear frame. A correction is kept only if it lowers the
    residual, and is no richer than `richest`; each frame is compared with its neighbour towards
    the reference.
    """
    size = warps[reference].size
    patch = min(PATCH, size[0] // PATCHES[0], size[1] // PATCHES[1])
    seen_whole = size == tuple(proxies.shape[2:]) and size[0] * size[1] <= LARGEST
    if seen_whole or patch < SMALLEST_PATCH:
        return tuple(warps)
    furthest = FURTHEST * size[1] / proxies.shape[3]
    maps = [measure_light(proxy, MAP_PIXELS) for proxy in proxies]
    stops = exposures.double().log2().tolist()

    def correct_side(side: range) -> dict[int, Warp]:
        near, before, refined = reference, warps[reference], dict[int, Warp]()
        for k in side:
            step = Warp(warps[k].matrix @ np.linalg.inv(warps[near].matrix), size)
            more = stops[k] - stops[near]
            places = choose_places(common_pyramids(maps[near], maps[k], more), step, patch)
            correction, note = np.eye(3), "no textured patch is well exposed in both frames"
            if warps[k].failed:
                note = "so it is left where it lies"
            elif places:
                atlases = cut_patches(read, (near, k), step, places, patch)
                levels = [stack_patches(atlases, places, step, more, blur) for blur in BLURS]
                correction, note = find_correction(levels, furthest, richest)
            matrix = step.matrix @ correction @ before.matrix
            refined[k] = _corrected(warps[k], matrix / matrix[2, 2], note)
            near, before = k, refined[k]
        return refined

    with ThreadPoolExecutor(2) as pool:
        sides = (range(reference + 1, len(warps)), range(reference - 1, -1, -1))
        brighter, darker = pool.map(correct_side, sides)
    refined = {reference: warps[reference], **brighter, **darker}
    return tuple(refined[k] for k in range(len(warps)))


def choose_places(
    maps: tuple[tuple[Signal, ...], tuple[Signal, ...]], step: Warp, patch: int
) -> list[Place]:
    """Choose the most textured patch that both frames show well in each cell of a grid."""
    reference, frame = (pyramid[0] for pyramid in maps)
    height, width = reference.size
    matrix = rescaled(step.matrix, step.size, reference.size)
    how = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    both = reference.trust * cv2.warpPerspective(frame.trust, matrix, (width, height), flags=how)
    gx, gy = (
        cv2.Scharr(reference.contrast, cv2.CV_32F, *d, scale=1 / 32) for d in ((1, 0), (0, 1))
    )
    footprint = [
        max(1, round(patch * m / n)) for m, n in zip(reference.size, step.size, strict=True)
    ]
    texture = cv2.blur((np.abs(gx) + np.abs(gy)) * both, footprint[::-1])
    places = []
    for rows in np.array_split(np.arange(height), PATCHES[0]):
        for columns in np.array_split(np.arange(width), PATCHES[1]):
            cell = texture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            y, x = np.unravel_index(cell.argmax(), cell.shape)
            if cell[y, x] > TEXTURE:
                centre = np.array([rows[y] + 0.5, columns[x] + 0.5]) / reference.size * step.size
                corner = np.clip(centre - patch / 2, 0, np.array(step.size) - patch)
                places.append((int(corner[0]), int(corner[1])))
    return places


def cut_patches(
    read: Reader, pair: tuple[int, int], step: Warp, places: Sequence[Place], patch: int
) -> tuple[Light, Light]:
    """Cut patches of two frames, the second warped to the first; stack each frame's as a column."""
    stacks: tuple[list[Light], list[Light]] = ([], [])
    edge = np.zeros((patch, patch), np.uint8)
    edge[MARGIN:-MARGIN, MARGIN:-MARGIN] = 1
    for place in places:
        window = (*place, patch, patch)
        source = read(pair[1], *source_window(step, window))
        warped, coverage = warp_window(source, step, window)
        for patches, image in zip(stacks, (read(pair[0], *window), warped), strict=True):
            light = measure_light(image)
            seen = light.unclipped * edge * (coverage.numpy() > 0)
            patches.append(Light(light.luminance, seen))
    first, second = (
        Light(np.vstack([p.luminance for p in ps]), np.vstack([p.unclipped for p in ps]))
        for ps in stacks
    )
    return first, second


def stack_patches(
    lights: tuple[Light, Light], places: Sequence[Place], step: Warp, more: float, blur: float
) -> Patches:
    """Compare columns of patches, whose `places` are in the reference, by contrast."""
    low, high = common_range(more)
    signals = []
    for light, scale in zip(lights, (1.0, 0.5**more), strict=True):
        signal = contrast_signal(*log_light(light, scale, low, high), low)
        soft = cv2.GaussianBlur(signal.contrast, (0, 0), blur) if blur else signal.contrast
        signals.append(replace(signal, contrast=soft))
    still, moving = signals
    patch = still.size[1]
    shift = np.array([(-x, patch * i - y) for i, (y, x) in enumerate(places)], np.float64)
    samples = textured_samples(still)
    numbers = samples.points[:, 1].astype(int) // patch
    points = samples.points - shift[numbers]
    samples = replace(samples, size=step.size, points=points, cells=numbers)
    return Patches(samples, Moving(moving.contrast, moving.trust, shift))


def find_correction(
    levels: Sequence[Patches], furthest: float, richest: Model
) -> tuple[Matrix, str]:
    """Find the small warp of the reference that makes its patches fit, and say what it does.

    `levels` run from coarse to fine; `furthest` is the limit in pixels at the corners.
    """
    best, note = np.eye(3), "full-size patches ask for no correction"
    fine = levels[-1]
    for model in LADDER[1 : LADDER.index(richest) + 1]:
        matrix = np.eye(3)
        for level in levels:
            matrix = refine(level.samples, level.moving, matrix, model)
        moved = displacement(matrix, np.eye(3), fine.samples.size)
        gain = compare(fine.samples, fine.moving, best, matrix)
        if moved < furthest and gain.improves and gain.agreeing >= PATCHES_NEEDED[model]:
            fall = compare(fine.samples, fine.moving, np.eye(3), matrix)
            best = matrix
            note = (
                f"full-size patches correct it by {fall.moved:.2f} px"
                f" ({fall.before:.3f} to {fall.after:.3f})"
            )
    return best, note


def _corrected(warp: Warp, matrix: Matrix, note: str) -> Warp:
    matrix, model = simplest_model(matrix, warp.size, SIMPLER)
    whole = np.eye(3)
    whole[:2, 2] = np.rint(matrix[:2, 2])
    if displacement(matrix, whole, warp.size) < WHOLE:
        matrix = whole
    return replace(warp, matrix=matrix, model=model, reason=f"{warp.reason}; {note}")
