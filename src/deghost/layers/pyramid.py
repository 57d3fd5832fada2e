"""Image pyramids."""

import cv2
import numpy as np
from jaxtyping import Float32


def continue_smoothly(
    values: Float32[np.ndarray, "h w c"], weight: Float32[np.ndarray, "h w"], levels: int = 32
) -> Float32[np.ndarray, "h w c"]:
    """Fill what is unknown from its surroundings, by averages over ever larger neighbourhoods.

    Pull and push over a pyramid (Gortler, Grzeszczuk, Szeliski and Cohen, The Lumigraph, SIGGRAPH
    1996): each level averages the values by their weight in [0, 1], and takes what it does not
    know from the level above. The result is 0 where nothing is known within about `2 ** levels`
    pixels.

    Example:
        >>> row = np.array([[[5.0], [0.0], [0.0]]], np.float32)
        >>> known = np.array([[1, 0, 0]], np.float32)
        >>> continue_smoothly(row, known).ravel().round(3).tolist()
        [5.0, 5.0, 5.0]
    """
    pyramid = [(values * weight[..., None], weight)]
    while max(pyramid[-1][1].shape) > 1 and len(pyramid) <= levels:
        weighted, weight = pyramid[-1]
        smaller = cv2.pyrDown(weighted)
        pyramid.append((smaller.reshape(*smaller.shape[:2], -1), cv2.pyrDown(weight)))
    weighted, weight = pyramid[-1]
    result = np.zeros_like(weighted)
    if max(weight.shape) == 1:  # the mean of all that is known
        result = weighted / np.maximum(weight, 1e-12)[..., None]
    for weighted, weight in reversed(pyramid):
        size = (weight.shape[1], weight.shape[0])
        coarse = cv2.resize(result, size, interpolation=cv2.INTER_LINEAR).reshape(weighted.shape)
        share = np.minimum(4 * weight, 1.0)[..., None]
        result = weighted / np.maximum(weight, 1e-6)[..., None] * share + coarse * (1 - share)
    return result
