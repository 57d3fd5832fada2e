"""ColorVideoVDP of still images, by its authors' package, an optional extra."""

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.errors import SettingsError
from deghost.evaluate.comparable import of_comparable
from deghost.evaluate.pu21 import PEAK_LIGHT


DISPLAY = "standard_hdr_linear"  # 30 inches, 4K, 1500 cd/m², 10 lux, from twice its height


@of_comparable
def colour_video_vdp(
    test: Float[Tensor, "*batch 3 h w"],
    truth: Float[Tensor, "*batch 3 h w"],
    peak: float = PEAK_LIGHT,
    display: str = DISPLAY,
) -> Float[Tensor, "*batch"]:
    """Give the quality in just-objectionable differences: 10 for equal images, less for others.

    Mantiuk, Hanji, Ashraf, Asano and Chapiro, ColorVideoVDP: a visual difference predictor for
    image, video and display distortions, SIGGRAPH 2024. `peak` is the value 1.0 in cd/m²; the
    display must be one of the package's that take linear light.
    Raises SettingsError where the package cannot be imported.
    """
    try:
        from pycvvdp import cvvdp
    except (ImportError, RuntimeError) as error:  # torchvision of another build raises the latter
        raise SettingsError(
            "ColorVideoVDP needs the package cvvdp and a torchvision that fits torch; "
            "run pip install cvvdp"
        ) from error
    metric = cvvdp(display_name=display, quiet=True, device=test.device)
    pairs = zip(*(image.reshape(-1, *image.shape[-3:]) for image in (test, truth)), strict=True)
    with torch.no_grad():
        scores = [
            metric.predict(peak * shown, peak * true, dim_order="CHW")[0] for shown, true in pairs
        ]
    return torch.stack(scores).to(test).reshape(test.shape[:-3])
