"""The eight orientations of EXIF and how a picture is turned upright."""

import cv2
import numpy as np
from jaxtyping import Shaped


Stored = Shaped[np.ndarray, "h w 3"] | Shaped[np.ndarray, "h w"]
Turned = Shaped[np.ndarray, "m n 3"] | Shaped[np.ndarray, "m n"]  # h x w or w x h


def upright(pixels: Stored, orientation: int) -> Turned:
    """Turn pixels stored in an EXIF orientation (1 to 8) upright, C-contiguous.

    Example:
        >>> stored = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, axis=2)
        >>> upright(stored, 6)[..., 0].tolist()  # the camera was turned: first column up
        [[3, 0], [4, 1], [5, 2]]
    """
    stored = np.ascontiguousarray(pixels)
    turns = {
        2: lambda: cv2.flip(stored, 1),
        3: lambda: cv2.rotate(stored, cv2.ROTATE_180),
        4: lambda: cv2.flip(stored, 0),
        5: lambda: cv2.transpose(stored),
        6: lambda: cv2.rotate(stored, cv2.ROTATE_90_CLOCKWISE),
        7: lambda: cv2.rotate(cv2.transpose(stored), cv2.ROTATE_180),
        8: lambda: cv2.rotate(stored, cv2.ROTATE_90_COUNTERCLOCKWISE),
    }
    return turns[orientation]() if orientation in turns else stored


def orientation_like(turned: Turned, stored: Stored) -> int:
    """Give the orientation that turns one marked picture into the other."""
    return next(number for number in range(1, 9) if np.array_equal(upright(stored, number), turned))
