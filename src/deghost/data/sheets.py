"""Contact sheets: many scenes on one picture, to judge them by eye."""

from collections.abc import Iterable

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from deghost.types import Scene


Tile = UInt8[np.ndarray, "h w 3"]
RED, BLUE = (255, 40, 30), (40, 60, 255)


def contact_sheet(scenes: Iterable[Scene], tile: int = 160, columns: int = 2) -> Tile:
    """Draw one strip a scene: frames, tone-mapped truth, motion in red, what is lost in blue.

    Frames come darkest first; motion of each other frame lies over the reference; in blue is what
    no frame shows well exposed. `tile` is the width of a picture.
    """
    strips = [strip(scene, tile) for scene in scenes]
    height, width = (max(s.shape[axis] for s in strips) for axis in (0, 1))
    strips = [_padded(s, (height, width)) for s in strips]
    rows = -(-len(strips) // columns)
    strips += [np.zeros((height, width, 3), np.uint8)] * (rows * columns - len(strips))
    parts = [np.concatenate(strips[k * rows : (k + 1) * rows], axis=0) for k in range(columns)]
    return np.concatenate(parts, axis=1)


def strip(scene: Scene, tile: int) -> Tile:
    """Draw all pictures of an RGB scene side by side; those that it lacks are left out."""
    frames = [_picture(frame) for frame in scene.frames]
    reference = frames[scene.reference]
    pictures = list(frames)
    toned = reference
    if scene.truth is not None:
        light = scene.truth * scene.exposures[scene.reference]
        toned = _picture((light / (1 + 0.8 * light.mean(dim=0))).clamp(0, 1) ** (1 / 2.2))
        pictures.append(toned)
    if scene.motion is not None:
        others = [mask for k, mask in enumerate(scene.motion) if k != scene.reference]
        pictures += [_tinted(reference, mask.numpy(), RED) for mask in others]
    if scene.recoverable is not None:
        pictures.append(_tinted(toned, 1 - scene.recoverable.numpy(), BLUE))
    size = tile, round(tile * reference.shape[0] / reference.shape[1])
    small = [np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA)) for p in pictures]
    return np.concatenate(small, axis=1).astype(np.uint8, copy=False)


def _picture(values: Float[Tensor, "3 h w"]) -> Tile:
    """Turn values from 0 to 1 into 8 bits."""
    return np.rint(255 * values.permute(1, 2, 0).numpy()).astype(np.uint8)


def _tinted(picture: Tile, mask: Float[np.ndarray, "h w"], colour: tuple[int, int, int]) -> Tile:
    """Darken a picture and lay a colour over where a mask is."""
    share = 0.55 * mask[..., None]
    return np.rint(0.7 * picture * (1 - share) + np.array(colour) * share).astype(np.uint8)


def _padded(picture: Tile, size: tuple[int, int]) -> UInt8[np.ndarray, "big_h big_w 3"]:
    """Fill up with black below and to the right."""
    below, right = size[0] - picture.shape[0], size[1] - picture.shape[1]
    return np.pad(picture, ((0, below), (0, right), (0, 0)))
