"""From the codes of a scene's frames to linear light and back to the codes of another curve."""

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.radiometry.response import decode, encode, linearise
from deghost.types import Response, Scene


def linear_frames(scene: Scene) -> Float[Tensor, "n c h w"]:
    """Undo the camera's curve; 1.0 is clipping.

    Example:
        >>> codes = torch.full((1, 3, 1, 1), 0.5)
        >>> linear_frames(Scene("grey", codes, torch.ones(1), 0, "gamma2.0")).flatten().tolist()
        [0.25, 0.25, 0.25]
    """
    if scene.curve is None:
        return decode(scene.frames, scene.response)
    response = Response(scene.response, scene.curve.numpy())
    codes = scene.frames.permute(0, 2, 3, 1).contiguous().numpy()
    return torch.stack([linearise(frame, response) for frame in codes])


def frames_in(scene: Scene, response: str) -> Float[Tensor, "n c h w"]:
    """Give the frames as codes of another curve; as they are if that is theirs."""
    if scene.curve is None and scene.response == response:
        return scene.frames
    return encode(linear_frames(scene), response)
