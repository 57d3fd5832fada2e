"""PSNR and SSIM of light as the eye codes it, by the PU21 encoding.

Mantiuk and Azimi, PU21: a novel perceptually uniform encoding for adapting existing quality
metrics for HDR, Picture Coding Symposium 2021; parameters for banding with glare.
"""

from jaxtyping import Float
from torch import Tensor

from deghost.evaluate.comparable import of_comparable
from deghost.evaluate.psnr import psnr
from deghost.evaluate.ssim import compare, gaussian_everywhere, pooled


PEAK_LIGHT = 1000.0  # cd/m² of the value 1.0, unless said
DARKEST, BRIGHTEST = 0.005, 10000.0  # cd/m² that can be encoded
PARAMETERS = (
    0.353487901,
    0.3734658629,
    8.277049286e-05,
    0.9062562627,
    0.09150303166,
    0.9099517204,
    596.3148142,
)
RANGE = 256.0  # of the codes; 100 cd/m² has about this one
LUMINANCE = (0.212656, 0.715158, 0.072186)


def encode_pu21(light: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Encode light in cd/m², clipped to what can be, so that equal steps look equal.

    Example:
        >>> encode_pu21(torch.tensor([0.0, 100.0, 1e9])).round(decimals=2)
        tensor([  0.0000, 256.3800, 595.3900])
    """
    scale, span, bend, power, outer, offset, gain = PARAMETERS
    raised = light.double().clamp(DARKEST, BRIGHTEST) ** power
    codes = gain * (((scale + span * raised) / (1 + bend * raised)) ** outer - offset)
    return codes.clamp(min=0).to(light.dtype)


@of_comparable
def psnr_pu21(
    test: Float[Tensor, "*batch 3 h w"],
    truth: Float[Tensor, "*batch 3 h w"],
    peak: float = PEAK_LIGHT,
) -> Float[Tensor, "*batch"]:
    """Compare PU21 codes of the three colours by PSNR of peak 256; `peak` is 1.0 in cd/m²."""
    return psnr(encode_pu21(peak * test), encode_pu21(peak * truth), RANGE)


@of_comparable
def ssim_pu21(
    test: Float[Tensor, "*batch 3 h w"],
    truth: Float[Tensor, "*batch 3 h w"],
    peak: float = PEAK_LIGHT,
) -> Float[Tensor, "*batch"]:
    """Compare PU21 codes of luminance as MATLAB's `ssim` does planes; `peak` is 1.0 in cd/m².

    Gaussian window of 11 x 11 pixels, also at the edges, past which the last value goes on.
    """
    weights = truth.new_tensor(LUMINANCE)[:, None, None]
    codes, true_codes = (
        encode_pu21(peak * (weights * image).sum(-3, keepdim=True)) for image in (test, truth)
    )
    similarity = compare(codes, true_codes, gaussian_everywhere, RANGE)
    return pooled(similarity.whole).to(test.dtype)
