"""Exact maps of a simulated bracket: motion, flow, what is well exposed, what is recoverable."""

import math
from collections.abc import Sequence
from functools import reduce

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from deghost.data.camera import Camera
from deghost.data.motion import Shot
from deghost.data.rendering import (
    LIT,
    MOVED,
    Drawn,
    Map,
    Patch,
    Picture,
    Stage,
    background_flow,
    lattice,
    spread,
    transform,
)


SEEN = 0.05  # a moving thing that covers less of a pixel is not seen
BLACK = 3.0  # a value below this many standard deviations of its noise is lost in it


def motion_and_flow(
    stage: Stage, shot: Shot, settle: Float[np.ndarray, "3 3"], frame: Drawn, reference: Drawn
) -> tuple[Map, Float32[np.ndarray, "h w 2"]]:
    """Mark where a frame shows something else than the reference, and tell where things went.

    A part that moves anywhere by more than a pixel beyond what the whole view does (`settled`) is
    marked whole, where it is seen in either frame; the background where it moves by more than a
    pixel, or is lit otherwise. Nothing in the reference itself is marked, however blurred.
    """
    size = stage.plate.size
    if frame is reference:
        return np.zeros(size, np.float32), np.zeros((*size, 2), np.float32)
    in_view, in_frame = background_flow(stage, shot, settle)
    flow = spread(in_frame, size)
    changed = np.zeros(size, np.float32)
    if stage.ripples or any(shot.shift):
        changed = (np.linalg.norm(spread(in_view, size), axis=2) > MOVED).astype(np.float32)
    changed = np.maximum(changed, _relit(shot, size))
    moved = _moved(frame, reference, settle)
    before = _ever_visible(reference, moved, changed)
    after = _ever_visible(frame, moved, np.zeros(size, np.float32))
    after = seen_through(shot.camera @ settle, after)
    _part_flow(flow, frame.matrices, reference)
    return (np.maximum(before, after) > SEEN).astype(np.float32), flow


def well_exposed(light: Picture, sensor: Picture, camera: Camera) -> Map:
    """Mark where nothing clips and the brightest colour stands out of the noise.

    `light` is linear, 1.0 = the end of the codes; `sensor` is what each colour receives, which
    ends where it is balanced to 1.
    """
    step = 1.5 / (2**camera.bits - 1)  # less is lost between two codes
    first = int(np.searchsorted(camera.curve.encoding[:, 1], step))
    coded = (first / (len(camera.curve.encoding) - 1)) ** 2
    floor = camera.read_noise**2 + camera.row_noise**2
    faint = (BLACK**2 + math.sqrt(BLACK**4 + 4 * BLACK**2 * floor)) / 2 / camera.full_well
    clean = _all_below(light, (1.0,) * 3) & _all_below(sensor, tuple(1 / camera.gains))
    lost = _all_below(sensor, (faint,) * 3) | _all_below(light, (coded,) * 3)
    return (clean & ~lost).astype(np.float32) / np.float32(255)


def _all_below(colours: Picture, limits: tuple[float, ...]) -> UInt8[np.ndarray, "h w"]:
    """Mark, by 255, pixels all colours of which are below limits."""
    return cv2.inRange(colours, (-1.0,) * 3, tuple(float(np.float32(v)) - 1e-7 for v in limits))


def recoverable(
    motion: Sequence[Map], good: Sequence[Map], poses: Sequence[Float[np.ndarray, "3 3"]]
) -> Map:
    """Mark where any frame, seen through its pose, shows well exposed what the reference shows."""
    found = np.zeros_like(motion[0])
    for changed, well, matrix in zip(motion, good, poses, strict=True):
        found = np.maximum(found, (seen_through(matrix, well) > 0.99) * (1 - changed))
    return found.astype(np.float32)


def seen_through(matrix: Float[np.ndarray, "3 3"], mask: Map) -> Map:
    """Bring a mask of a frame, through its pose, onto the reference; 0 beyond the frame's edge."""
    if np.array_equal(matrix, np.eye(3)):
        return mask
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(mask, matrix, mask.shape[::-1], flags=how)


def _moved(
    frame: Drawn, reference: Drawn, settle: Float[np.ndarray, "3 3"]
) -> Bool[np.ndarray, " p"]:
    """Tell which parts are elsewhere in the view at any instant of either exposure."""
    middle = reference.places[len(reference.places) // 2]
    expected = transform(settle, middle.reshape(-1, 2)).reshape(middle.shape)
    away = np.concatenate([frame.places - expected, reference.places - middle])
    return (np.linalg.norm(away, axis=-1) > MOVED).any(axis=(0, 2))


def _ever_visible(drawn: Drawn, moved: Bool[np.ndarray, " p"], start: Map) -> Map:
    """What `_visible` finds at any instant."""
    if not moved.any():
        return start
    return reduce(np.maximum, (_visible(instant, moved, start) for instant in drawn.instants))


def _visible(instant: Sequence[Patch], moved: Bool[np.ndarray, " p"], start: Map) -> Map:
    """How much of each pixel shows parts that moved, or of the background what `start` marks."""
    canvas = start.copy()
    for patch in instant:
        area = canvas[patch.rows, patch.columns]
        area *= 1 - patch.cover
        if moved[patch.part]:
            area += patch.cover
    return canvas


def _relit(shot: Shot, size: tuple[int, int]) -> Map:
    """Mark where the light differs, other than all over."""
    if shot.lamp.region == 1 and not shot.lamp.bands[0]:
        return np.zeros(size, np.float32)
    gain = spread(shot.lamp.gain(lattice(size))[:, None], size)[..., 0] / shot.lamp.overall
    return (np.abs(np.log(gain)) > LIT).astype(np.float32)


def _part_flow(
    flow: Float32[np.ndarray, "h w 2"], after: Float[np.ndarray, "p 2 3"], reference: Drawn
) -> None:
    """Write the flow of all parts that the reference shows into a map, in place."""
    for patch in reference.instants[len(reference.instants) // 2]:
        way = _follow(reference.matrices[patch.part], after[patch.part])
        rows = np.arange(patch.rows.start, patch.rows.stop, dtype=np.float32)[:, None]
        columns = np.arange(patch.columns.start, patch.columns.stop, dtype=np.float32)[None]
        area, seen = flow[patch.rows, patch.columns], patch.cover > 0.5
        for axis, (right, down, constant) in enumerate(way.astype(np.float32)):
            np.copyto(area[..., axis], right * columns + down * rows + constant, where=seen)


def _follow(
    before: Float[np.ndarray, "2 3"], after: Float[np.ndarray, "2 3"]
) -> Float[np.ndarray, "2 3"]:
    """Displacement, as an affine function of x and y, of a part from one frame to another."""
    whole = np.vstack([before, [0, 0, 1]])
    return after @ np.linalg.inv(whole) - np.eye(3)[:2]
