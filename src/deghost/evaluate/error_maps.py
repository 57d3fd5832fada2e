"""Pictures that go with the numbers: result and truth tone-mapped alike, and where they differ."""

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from deghost.evaluate.protocol import Picture, Protocol
from deghost.merge.picture import plan_picture, show
from deghost.radiometry.response import decode
from deghost.radiometry.tonemap import inverse_mu_law, mu_law
from deghost.types import Radiance


Shown = UInt8[np.ndarray, "h w 3"]

WORST = 0.1  # mu-law difference that is shown as the brightest colour
LARGEST = 1024  # pixels, longer side of kept pictures
QUALITY = 80  # of WebP, which is lossless if not told otherwise


def light_of(protocol: Protocol, values: Picture) -> Radiance:
    """Turn the values of a protocol back into linear light."""
    if protocol.values == "linear":
        return values
    if protocol.values == "mu-law":
        return inverse_mu_law(values)
    return decode(values, protocol.values)


def error_map(test: Radiance, truth: Radiance) -> Float[Tensor, "h w"]:
    """Give the mean difference of the channels after mu-law, which is near to what eyes see.

    Example:
        >>> error_map(torch.zeros(3, 1, 1), torch.full((3, 1, 1), 0.01))
        tensor([[0.4616]])
    """
    return (mu_law(test) - mu_law(truth)).abs().mean(dim=0)


def show_errors(errors: Float[Tensor, "h w"]) -> Shown:
    """Colour an error map: black for none, yellow for `WORST` and more."""
    codes = (errors / WORST * 255).clamp(0, 255).round().to(torch.uint8).numpy()
    coloured = cv2.applyColorMap(np.ascontiguousarray(codes), cv2.COLORMAP_INFERNO)
    return np.ascontiguousarray(coloured[..., ::-1])


def show_pair(protocol: Protocol, test: Picture, truth: Picture) -> dict[str, Shown]:
    """Show the truth, the result tone-mapped as the truth is, and the errors that are measured."""
    lights = [light_of(protocol, values) for values in (test, truth)]
    pixels = [np.ascontiguousarray(light.permute(1, 2, 0).numpy()) for light in lights]
    tone = plan_picture(pixels[1])
    low, high = protocol.clipping or (0.0, float("inf"))
    errors = error_map(*(light.clamp(low, high) for light in lights))
    return {
        "test": show(pixels[0], tone),
        "truth": show(pixels[1], tone),
        "error": show_errors(errors),
    }


def compressed(picture: Shown) -> bytes:
    """Write a picture as WebP, made smaller if it is very large."""
    import imagecodecs

    scale = LARGEST / max(picture.shape[:2])
    if scale < 1:
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return bytes(imagecodecs.webp_encode(picture, level=QUALITY, lossless=False))
