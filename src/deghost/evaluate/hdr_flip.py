"""HDR-FLIP, by its authors' package, an optional extra."""

import numpy as np
from jaxtyping import Float, Float32
from torch import Tensor

from deghost.errors import SettingsError
from deghost.evaluate.comparable import of_comparable


DARKEST = 1e-5  # radiance: the package ends the program for a truth with nothing above its epsilon
PIXELS_PER_DEGREE = 67.0  # the package's own: a 4K screen 0.7 m wide, seen from 0.7 m


@of_comparable
def hdr_flip(
    test: Float[Tensor, "*batch 3 h w"],
    truth: Float[Tensor, "*batch 3 h w"],
    pixels_per_degree: float = PIXELS_PER_DEGREE,
) -> Float[Tensor, "*batch"]:
    """Give the mean difference that a viewer sees when linear images alternate: 0 to 1, 0 is best.

    Andersson, Nilsson, Shirley and Akenine-Moller, Visualizing errors in rendered high dynamic
    range images, Eurographics 2021. The truth's range decides at which exposures both are shown.
    Negative light counts as none. Gradients do not pass; runs on the CPU.
    Raises SettingsError where the package is not installed and for a black truth, which the
    package does not return from.
    """
    try:
        from flip_evaluator import evaluate
    except ImportError as error:
        raise SettingsError(
            "HDR-FLIP needs the package flip-evaluator; run pip install flip-evaluator"
        ) from error
    if truth.amax((-3, -2, -1)).min() < DARKEST:
        raise SettingsError("a black truth has no exposures at which HDR-FLIP could compare it")
    settings = {"ppd": pixels_per_degree}
    errors = []
    for pair in zip(*(_pixels(image) for image in (truth, test)), strict=True):
        errors.append(evaluate(*pair, "HDR", applyMagma=False, parameters=settings)[1])
    return test.new_tensor(errors).reshape(test.shape[:-3])


def _pixels(images: Float[Tensor, "*batch 3 h w"]) -> list[Float32[np.ndarray, "h w 3"]]:
    """Arrays of height, width and RGB, one an image."""
    flat = images.detach().cpu().float().clamp(min=0).reshape(-1, *images.shape[-3:])
    return [image.permute(1, 2, 0).contiguous().numpy() for image in flat]
