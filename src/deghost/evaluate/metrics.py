"""The named metrics of a pair of linear images, test first, in the scale of their protocol.

Each takes `*batch 3 h w` twice and gives `*batch`. There, 1.0 is the white of the benchmark; where
light is needed, it is 1000 cd/m². Metrics of other inputs, or that need a file, are not here.
All raise SettingsError for pictures that are not RGB, not of one shape, not of floating-point or
not of finite values; half floats are compared in single precision.
"""

from collections.abc import Callable
from functools import partial

from jaxtyping import Float
from torch import Tensor

from deghost.evaluate.colour_video_vdp import colour_video_vdp
from deghost.evaluate.comparable import of_comparable
from deghost.evaluate.hdr_flip import hdr_flip
from deghost.evaluate.hdrvdp2 import hdrvdp2_as
from deghost.evaluate.hdrvdp2_display import PRESETS
from deghost.evaluate.ms_ssim import ms_ssim
from deghost.evaluate.psnr import psnr, psnr_mu
from deghost.evaluate.pu21 import psnr_pu21, ssim_pu21
from deghost.evaluate.ssim import ssim, ssim_mu, ssim_uniform, ssim_volume
from deghost.evaluate.tone_mapped import TONES, psnr_shown, ssim_shown


Metric = Callable[[Tensor, Tensor], Tensor]


@of_comparable
def quality(
    test: Float[Tensor, "*batch 3 h w"], truth: Float[Tensor, "*batch 3 h w"], viewing: str
) -> Float[Tensor, "*batch"]:
    """Give the quality Q of HDR-VDP-2.2 of each pair, viewed as a published script does."""
    pairs = zip(*(image.reshape(-1, *image.shape[-3:]) for image in (test, truth)), strict=True)
    scores = [hdrvdp2_as(viewing, *pair).quality for pair in pairs]
    return test.new_tensor(scores).reshape(test.shape[:-3])


METRICS: dict[str, Metric] = {
    "psnr-l": psnr,
    "psnr-mu": psnr_mu,
    "psnr-mu-clipped": partial(psnr_mu, clip=True),
    "ssim-l": ssim,
    "ssim-mu": ssim_mu,
    "ssim-l-matlab": ssim_volume,
    "ssim-mu-matlab": partial(ssim_mu, ssim=ssim_volume),
    "ssim-l-skimage": ssim_uniform,
    "ssim-mu-skimage": partial(ssim_mu, ssim=ssim_uniform),
    "ms-ssim-l": ms_ssim,
    "ms-ssim-mu": partial(ssim_mu, ssim=ms_ssim),
    **{f"psnr-{tone}": partial(psnr_shown, tone=tone) for tone in TONES},
    **{f"ssim-{tone}": partial(ssim_shown, tone=tone) for tone in TONES},
    "psnr-pu21": psnr_pu21,
    "ssim-pu21": ssim_pu21,
    "hdr-vdp-2": partial(quality, viewing="safnet"),
    **{f"hdr-vdp-2-{name}": partial(quality, viewing=name) for name in PRESETS},
}

# By packages that are installed apart; without them, these raise SettingsError.
EXTRA_METRICS: dict[str, Metric] = {"hdr-flip": hdr_flip, "colour-video-vdp": colour_video_vdp}

LOWER_IS_BETTER = ("hdr-flip", "lpips")  # how names of such columns begin
