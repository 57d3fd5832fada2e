"""Sensor noise: its model, its estimate from pictures, and what it says of a pixel's worth.

The variance of a linear value `v` (1.0 = clipping) is `shot * v + read`: photon noise grows with
the light, read noise and quantisation do not (Hasinoff, Durand and Freeman, Noise-optimal capture
for high dynamic range photography, CVPR 2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class NoiseModel:
    """Variance of a linear value `v`: `shot * v + read`, with 1.0 at clipping."""

    shot: float
    read: float

    def variance(self, value: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Return the variance expected at a noise-free linear value.

        Example:
            >>> NoiseModel(shot=1e-3, read=1e-6).variance(torch.tensor([0.0, 0.5]))
            tensor([1.0000e-06, 5.0100e-04])
        """
        return self.read + self.shot * value.clamp(min=0)


# A sensor of 100,000 electrons and a 12-bit converter is as good as a camera gets; noise as strong
# as the upper bounds is found at ISO 100,000. Estimates outside are estimates gone wrong.
BEST = NoiseModel(shot=1e-5, read=1e-8)
WORST = NoiseModel(shot=1e-2, read=1e-4)


def estimate_noise(patches: Sequence[Float[Tensor, "3 p p"]]) -> NoiseModel:
    """Estimate the noise of one frame from linear full-resolution patches of it.

    In blocks of 8 x 8 pixels the second mixed difference sees noise and little else (Immerkaer,
    Fast noise variance estimation, CVIU 1996). At every brightness the quietest fifth of the
    blocks shows the noise, the rest shows texture; a line fitted through these, relative errors
    weighed alike, is the model. A frame without usable blocks gets a cautious middle value.
    """
    if patches:
        levels, noise = _quiet_blocks(*_block_statistics(torch.stack(list(patches))))
        if len(levels) >= 2:
            return _fit_line(levels, noise)
    return NoiseModel(shot=2e-4, read=1e-6)


def _block_statistics(
    patches: Float[Tensor, "n 3 p p"], block: int = 8
) -> tuple[Float[Tensor, " m"], Float[Tensor, " m"]]:
    """Mean and noise variance of all blocks that are unclipped and not black."""
    kernel = torch.tensor([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]]) / 6.0
    planes = patches.reshape(-1, 1, *patches.shape[-2:])
    difference = functional.conv2d(planes, kernel[None, None], padding=1)
    mean = functional.avg_pool2d(planes, block)
    variance = functional.avg_pool2d(difference.square(), block)
    usable = (functional.max_pool2d(planes, block) < 0.95) & (variance > 0)
    return mean[usable], variance[usable]


def _quiet_blocks(
    mean: Float[Tensor, " m"], variance: Float[Tensor, " m"], bins: int = 24
) -> tuple[Float[Tensor, " k"], Float[Tensor, " k"]]:
    """Level and variance of the quietest fifth of the blocks in bins of equal count."""
    order = mean.argsort()
    levels, noise = [], []
    for chosen in order.tensor_split(min(bins, max(1, len(order) // 40))):
        if len(chosen) < 20:
            continue
        limit = torch.quantile(variance[chosen], 0.2)
        quiet = chosen[variance[chosen] <= limit]
        levels.append(mean[quiet].mean())
        noise.append(variance[quiet].mean() / _QUIET_BIAS)
    if not levels:
        return mean[:0], mean[:0]
    return torch.stack(levels), torch.stack(noise)


# Mean of the lowest fifth of variances of 64 filtered Gaussian samples, relative to the true one
# (simulated; tests/radiometry/test_noise.py repeats it).
_QUIET_BIAS = 0.61


def _fit_line(levels: Float[Tensor, " k"], noise: Float[Tensor, " k"]) -> NoiseModel:
    """Least squares of relative errors, again and again without the outliers above the line."""
    levels, noise = levels.double(), noise.double()
    weight = 1 / noise
    shot = read = torch.zeros(())
    for _ in range(6):
        slope, offset = _weighted_line(levels, noise, weight.square())
        shot, read = slope.clamp(min=0), offset.clamp(min=0)
        if slope < 0:
            read = noise.median()
        if offset < 0:
            shot = (noise / levels.clamp(min=1e-6)).median()
        fitted = (shot * levels + read).clamp(min=1e-12)
        weight = torch.where(noise > 1.5 * fitted, 0.02, 1.0) / fitted
    return NoiseModel(
        float(shot.clamp(BEST.shot, WORST.shot)), float(read.clamp(BEST.read, WORST.read))
    )


def _weighted_line(
    x: Float[Tensor, " k"], y: Float[Tensor, " k"], weight: Float[Tensor, " k"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Slope and offset of the line of least squares; a library's would vary from run to run.

    Example:
        >>> _weighted_line(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 3.0]), torch.ones(2))
        (tensor(2.), tensor(1.))
    """
    total = weight.sum()
    across, along = (weight * y).sum() / total, (weight * x).sum() / total
    spread = (weight * (x - along).square()).sum().clamp(min=1e-30)
    slope = (weight * (x - along) * (y - across)).sum() / spread
    return slope, across - slope * along


def unclipped(
    value: Float[Tensor, "*shape"], start: float = 0.8, end: float = 0.96
) -> Float[Tensor, "*shape"]:
    """Return how surely a value is below clipping: 1 up to `start`, 0 from `end` on, smooth.

    The shoulder of a camera's curve is trusted less and less, so that no edge shows where a frame
    clips.

    Example:
        >>> unclipped(torch.tensor([0.5, 0.88, 1.0]))
        tensor([1.0000, 0.5000, 0.0000])
    """
    ramp = ((end - value) / (end - start)).clamp(0, 1)
    return ramp * ramp * (3 - 2 * ramp)
