"""From a simulated bracket's arrays to a `Scene`, as RGB or as a packed mosaic."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32

from deghost.data.curves import Curve
from deghost.types import Scene


@dataclass(frozen=True)
class Rendered:
    """Frames, truth and maps of a bracket, height x width x channels; what each is: see `Scene`."""

    frames: Float32[np.ndarray, "n h w c"]
    truth: Float32[np.ndarray, "h w c"]
    motion: Float32[np.ndarray, "n h w"]
    flow: Float32[np.ndarray, "n h w 2"]
    well_exposed: Float32[np.ndarray, "n h w"]
    recoverable: Float32[np.ndarray, "h w"]
    camera: Float[np.ndarray, "n 3 3"]


def packed(rendered: Rendered) -> Rendered:
    """Pack mosaics of even size, R G over G B, to four channels of half the height and width."""
    half = np.diag([0.5, 0.5, 1.0])
    half[:2, 2] = -0.25  # the centre of four pixels
    return Rendered(
        pack(rendered.frames),
        pack(rendered.truth),
        corners(rendered.motion[..., None]).max(axis=-1),
        corners(rendered.flow).mean(axis=-1) / 2,
        corners(rendered.well_exposed[..., None]).min(axis=-1),
        corners(rendered.recoverable[..., None]).min(axis=-1),
        half @ rendered.camera @ np.linalg.inv(half),
    )


def pack(mosaic: Float32[np.ndarray, "*n h w 1"]) -> Float32[np.ndarray, "*n h2 w2 4"]:
    """Stack the four colours of mosaics of even size: R, G, G, B.

    Example:
        >>> pack(np.arange(4, dtype=np.float32).reshape(2, 2, 1)).tolist()
        [[[0.0, 1.0, 2.0, 3.0]]]
    """
    return np.ascontiguousarray(corners(mosaic))


def corners(
    maps: Float32[np.ndarray, "*n h w c"],
) -> Float32[np.ndarray, "*n h2 w2 d"] | Float32[np.ndarray, "*n h2 w2 c 4"]:
    """Stack the four pixels of every 2 x 2 block on a last axis; a single channel drops out."""
    four = [maps[..., y::2, x::2, :] for y in (0, 1) for x in (0, 1)]
    stacked = np.stack(four, axis=-1)
    return stacked[..., 0, :] if maps.shape[-1] == 1 else stacked


def as_scene(
    rendered: Rendered,
    exposures: tuple[Float[np.ndarray, " n"], int],
    curve: Curve,
    name: str,
    details: Mapping[str, object],
) -> Scene:
    """Make tensors, channels first in the memory that the arrays have."""
    values, reference = exposures
    measured = None if curve.decoding is None else torch.from_numpy(curve.decoding)
    return Scene(
        name=name,
        frames=torch.from_numpy(rendered.frames).permute(0, 3, 1, 2),
        exposures=torch.from_numpy(values.astype(np.float32)),
        reference=reference,
        response=curve.name,
        curve=measured,
        truth=torch.from_numpy(rendered.truth).permute(2, 0, 1),
        camera=torch.from_numpy(rendered.camera.astype(np.float32)),
        motion=torch.from_numpy(rendered.motion),
        well_exposed=torch.from_numpy(rendered.well_exposed),
        recoverable=torch.from_numpy(rendered.recoverable),
        flow=torch.from_numpy(rendered.flow).permute(0, 3, 1, 2),
        details=details,
    )
