"""The measured merge: noise-optimal averaging of what did not move and did not clip."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.radiometry.noise import NoiseModel
from deghost.segment.learned_motion import motion_features
from deghost.segment.motion import Planes, Trust, contradiction
from deghost.types import Mask, Radiance


RESIDUE = 1e-9  # weight of the bound beside measured values, so that nothing divides by zero
BURIED = (0.1, 0.5)  # noise, of the level at which the reference clips, that is doubted ...
SIGNIFICANT = (2.0, 5.0)  # ... but for values so many deviations above that level


@dataclass(frozen=True)
class Layer:
    """What one frame says about a piece of the scene, in the reference's coordinates."""

    radiance: Planes  # not negative
    trust: Trust  # how surely each value is below clipping (0 also outside the frame)
    exposure: float  # radiance * exposure = linear value of the frame, 1.0 = clipping
    noise: NoiseModel
    tolerance: float = 0.02  # relative photometric error granted beside noise, one deviation

    def rows(self, first: int, last: int) -> "Layer":
        """Return some rows of the layer."""
        part = (slice(None), slice(first, last))
        return replace(self, radiance=self.radiance[part], trust=self.trust[part])


@dataclass(frozen=True)
class Fusion:
    """The merge of some layers, to which more can be added."""

    level: Planes  # the reference's value, at which all variances are taken
    weighted: Planes  # sum of weight * radiance
    weight: Planes  # sum of weights, inverse variances
    least: Planes  # the reference's weight as if it did not clip
    bound: Planes  # what the radiance is at least, where nothing is trusted
    trust: Trust  # how surely the merge rests on unclipped values
    clipped: Trust  # how surely the reference clips

    def rows(self, first: int, last: int) -> "Fusion":
        """Return some rows of the merge."""
        part = (slice(None), slice(first, last))
        return Fusion(
            self.level[part],
            self.weighted[part],
            self.weight[part],
            self.least[part],
            self.bound[part],
            self.trust[part],
            self.clipped[part],
        )

    @property
    def radiance(self) -> Planes:
        """The merged radiance; the greatest bound where nothing is trusted."""
        return self.with_bound(self.bound)

    def with_bound(self, bound: Planes) -> Planes:
        """Return the merged radiance, which gives way to `bound` as trust falls to nothing."""
        rest = self.least * RESIDUE
        weight = self.weight + rest
        measured = torch.addcmul(self.weighted, rest, bound).div_(weight)
        if float(self.clipped.amax()) > 0:
            measured = self._above_noise(measured, weight)
        if float(self.trust.amin()) == 1:
            return measured
        return torch.lerp(bound, measured, self.trust)

    def _above_noise(self, measured: Planes, weight: Planes) -> Planes:
        """Return what a clipped reference shows where what is measured does not rise above noise.

        The light is at least that; dark codes of a frame many stops darker cannot say how much
        more it is, nor of what colour. What is well above the noise stands.
        """
        noise = weight.reciprocal()
        white = self.level.amax(0, keepdim=True).clamp_(min=1e-9)
        doubted = _ramp(noise.sqrt() / white, *BURIED).mul_(self.clipped)
        if float(doubted.amax()) == 0:
            return measured
        excess = measured - self.level
        noise = noise.mean(0, keepdim=True).div_(len(noise)).sqrt_()
        above = _ramp(excess.mean(0, keepdim=True) / noise, *SIGNIFICANT)
        return torch.lerp(measured, self.level + above * excess.clamp_(min=0), doubted)


def _ramp(values: Planes, first: float, last: float) -> Planes:
    return ((values - first) / (last - first)).clamp_(0, 1)


def start_fusion(reference: Layer, share: Mask | None = None) -> Fusion:
    """Begin with the reference frame alone, its weights multiplied by `share`."""
    radiance = reference.radiance
    least = variance(radiance, reference).reciprocal_()
    weight = least * reference.trust if share is None else least * reference.trust * share
    trust = reference.trust
    return Fusion(radiance, weight * radiance, weight, least, radiance, trust, 1 - trust)


def extend(
    fusion: Fusion, layer: Layer, still: Mask | None = None, share: Mask | None = None
) -> Fusion:
    """Add a layer where it is `still` (everywhere if None), its weights multiplied by `share`.

    Every value is weighted by the inverse of its noise variance (shot and read noise: Hasinoff et
    al., CVPR 2010), by its trust, and by stillness. The variances of all layers are taken at the
    reference's value: an error in it cancels where photon noise rules, so that the weights do not
    favour values that are dark by accident. Where no layer is trusted the greatest lower bound
    that is not contradicted stands; only clipped values are bounds.
    """
    agreed = layer.trust if still is None else layer.trust * still
    weight = agreed / variance(fusion.level, layer)
    weight = weight if share is None else weight * share
    bound = fusion.bound
    doubt = (1 - fusion.trust) * (1 - layer.trust)
    if float(doubt.amax()) > 0:
        doubt = doubt if still is None else doubt * still
        bound = torch.addcmul(bound, doubt, (layer.radiance - bound).clamp_(min=0))
    return Fusion(
        fusion.level,
        torch.addcmul(fusion.weighted, weight, layer.radiance),
        fusion.weight + weight,
        fusion.least,
        bound,
        torch.maximum(fusion.trust, agreed),
        fusion.clipped,
    )


def filled(fusion: Fusion, fill: Radiance) -> Radiance:
    """Return the merged radiance, with `fill` where nothing was measured.

    The fill holds where it does not contradict the lower bound; a little below the bound is the
    error of a camera curve near white, and holds, too. Well below it, the bound stands.

    Example:
        >>> noise, one = NoiseModel(1e-4, 1e-6), torch.ones(3, 1, 1)
        >>> clipped = start_fusion(Layer(one, 0 * one, 1.0, noise))
        >>> [round(float(filled(clipped, fill * one)[0]), 2) for fill in (5.0, 0.9, 0.3)]
        [5.0, 0.9, 1.0]
    """
    below = (fill / fusion.bound.clamp(min=1e-9) - 0.6) / 0.2
    return fusion.with_bound(torch.lerp(fusion.bound, fill, below.clamp(0, 1)))


@dataclass(frozen=True)
class Known:
    """What is known of a piece of the scene, against which a layer is judged."""

    radiance: Planes
    variance: Planes
    trust: Trust


def known(fusion: Fusion) -> Known:
    """Sum up a fusion."""
    return Known(fusion.radiance, certainty(fusion).reciprocal(), fusion.trust)


def certainty(fusion: Fusion) -> Planes:
    """The inverse variance of the noise; where nothing is trusted, that of the reference."""
    return torch.maximum(fusion.weight, fusion.least)


def grey(layer: Layer) -> Layer:
    """Reduce a layer to the mean of its channels, whose noise is less."""
    noise = NoiseModel(layer.noise.shot / 3, layer.noise.read / 3)
    radiance = layer.radiance.mean(0, keepdim=True)
    trust = layer.trust if len(layer.trust) == 1 else layer.trust.amin(0, keepdim=True)
    return replace(layer, radiance=radiance, trust=trust, noise=noise)


def disagreement(known: Known, layer: Layer, slack: Planes | None = None) -> Mask:
    """Return by how many standard deviations a layer contradicts what is known.

    The deviation expected is noise of both, the layer's photometric tolerance, and `slack`: what
    else the values may differ by, such as an edge that is misaligned a little. Root mean square
    over the channels.
    """
    expected = variance(known.radiance, layer).add_(known.variance)
    tolerance = torch.maximum(known.radiance, layer.radiance).mul_(layer.tolerance)
    expected.addcmul_(tolerance, tolerance)
    if slack is not None:
        expected.addcmul_(slack, slack)
    difference = contradiction(known.radiance, known.trust, layer.radiance, layer.trust)
    return difference.square().div_(expected).mean(0).sqrt_()


def pair_features(fusion: Fusion, layer: Layer) -> Float[Tensor, "11 h w"]:
    """Describe a layer beside what is known, for a learned segmenter."""
    scene = known(fusion)
    expected = variance(scene.radiance, layer) + (layer.tolerance * layer.radiance).square()
    return motion_features(
        (scene.radiance, scene.variance, scene.trust), (layer.radiance, expected, layer.trust)
    )


def bare_pair(fusion: Fusion, layer: Layer) -> Float[Tensor, "6 h w"]:
    """Pair a layer with what is known of the reference, as `MotionUNet` takes it; it clips at 1.

    Where a layer has nothing, beyond its edges, it shows what is known: the network knows no trust.
    """
    seen = known(fusion).radiance.clamp(max=1)
    beyond = (layer.trust + layer.radiance).amax(0, keepdim=True) <= 0
    return torch.cat([seen, torch.where(beyond, seen, layer.radiance)])


def variance(level: Planes, layer: Layer) -> Planes:
    """Return the noise variance of a layer's radiance where the scene has `level`.

    Example:
        >>> value = torch.full((3, 1, 1), 0.5)
        >>> layer = Layer(value, value, 2.0, NoiseModel(shot=1e-3, read=0.0))
        >>> round(float(variance(value, layer)[0, 0, 0]), 6)
        0.00025
    """
    shot, read = layer.noise.shot / layer.exposure, layer.noise.read / layer.exposure**2
    return (level * shot).add_(read)
