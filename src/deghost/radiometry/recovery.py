"""A camera's response, recovered from the pixels of a bracket."""

import math
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from deghost.errors import BracketError
from deghost.radiometry.response import decode
from deghost.types import Response


Method = Literal["debevec", "robertson"]
Samples = Float[Tensor, "n 3 p"]  # encoded codes in [0, 1] of still pixels
Curves = Float[Tensor, "3 levels"]  # ln of the linear value of each code level
System = Float[Tensor, "levels levels"]

LEVELS = 256
MIDDLE = LEVELS // 2
BLACK, WHITE = 0.01, 0.985  # codes outside are clipped: they say nothing
TINY = 1e-12
FEWEST = 64  # samples seen well by two frames, in each channel
ROUNDS = 8  # of re-weighting

# Strengths of the prior, relative to the mean weight of the data at a level; chosen on simulated
# brackets (error below 0.03 in ln exposure) and on those of four cameras.
SMOOTH = 400.0  # against bends in the departure from sRGB, for frames 2 EV apart or less
FLAT = 0.01  # against any slope in it: decides only where no data does
ALIKE = 300.0  # against departures not shared by all channels: weaker, and grey walls turn green
PINNED = 100.0  # for the gauge: the mid code, and equal channels at white


def recover_response(
    samples: Samples, exposures: Float[Tensor, " n"], method: Method = "debevec"
) -> Response:
    """Recover the response that makes samples and exposures agree.

    debevec: Debevec and Malik, SIGGRAPH 1997, least squares in the log domain with hat weights.
    robertson: Robertson, Borman and Stevenson, J. Electronic Imaging 2003, alternating maximum
    likelihood with Gaussian weights. Both are re-weighted against outliers (Cauchy), since
    samples of real brackets move. Departing from the papers, smoothness is asked of the
    *departure from sRGB* rather than of the curve itself: where there are no data, in the
    deepest shadows and near white, the result runs parallel to sRGB instead of being bent.

    Neither method can see the scale of a channel. It is fixed so that the mid code and white are
    the same light in all three, and the channels are drawn to one another in between: what
    the camera rendered as grey stays grey. White is 1 and black 0.

    Raises BracketError if fewer than 64 samples are well exposed in two frames of unlike exposure.
    """
    codes, stops = samples.double().cpu(), exposures.double().cpu().log()
    _check(codes, stops)
    curve = _debevec(codes, stops)[0] if method == "debevec" else _robertson(codes, stops)
    rising = torch.stack([_isotonic(channel) for channel in curve])
    table = (rising - rising[:, -1:]).exp()
    table[:, 0] = 0
    return Response(method, table.numpy())


def _check(codes: Samples, stops: Float[Tensor, " n"]) -> None:
    """Raise BracketError unless the samples can tell a response."""
    seen = ((codes > BLACK) & (codes < WHITE)).sum(0) >= 2
    fewest = int(seen.sum(1).min())
    if len(stops) < 2 or stops.max() - stops.min() < 0.1 or fewest < FEWEST:
        raise BracketError(
            f"the camera response cannot be recovered: {fewest} of {codes.shape[2]} samples are"
            f" well exposed in two frames, {FEWEST} are needed; name one, such as srgb"
        )


def _debevec(codes: Samples, stops: Float[Tensor, " n"]) -> tuple[Curves, Samples]:
    """Solve g(z) = ln E + ln t by re-weighted least squares, E eliminated (eq. 3 of the paper).

    Also returns how far each code is trusted, from 0 to 1.
    """
    hat = (1 - (2 * codes - 1).abs()).square() * ((codes > BLACK) & (codes < WHITE))
    level, share = _hat_basis(codes)
    target = stops[:, None, None] - _look_up(_srgb_curve(), level, share)
    trust = torch.ones_like(codes)
    smooth = _smoothness(stops)
    for _ in range(ROUNDS):
        weight = hat * trust
        systems = [
            _normal_equations(level[:, :, c], share[:, :, c], target[:, c], weight[:, c])
            for c in range(3)
        ]
        departure = _solve(systems, smooth)
        error = _look_up(departure, level, share) - target
        error = error - (weight * error).sum(0) / weight.sum(0).clamp(min=TINY)
        scale = 2 * 1.4826 * error[hat > 0].abs().median().clamp(min=1e-3)
        trust = 1 / (1 + (error / scale).square())
    return _srgb_curve() + departure, trust


def _smoothness(stops: Float[Tensor, " n"]) -> float:
    """How strongly to ask for smoothness at this distance between exposures.

    Frames at equal steps cannot see a ripple of the curve whose period is the step, so the wider
    the steps, the longer the bends that have to be held down.

    Example:
        >>> stops = [math.log(2) * torch.tensor([0.0, step]) for step in (1, 2, 3)]
        >>> [round(_smoothness(step) / SMOOTH, 1) for step in stops]
        [1.0, 1.0, 25.6]
    """
    step = float(stops.diff().median()) / math.log(2)
    return SMOOTH * min(max((step / 2) ** 8, 1.0), 30.0)


def _robertson(codes: Samples, stops: Float[Tensor, " n"], rounds: int = 50) -> Curves:
    """Alternate between the light of each sample and the mean response of each code level.

    The alternation alone mends slow bends of the curve very slowly and trusts whatever the
    longest exposure shows, so curve and trust start from the least squares solution, and the
    prior speaks up every fifth round.
    """
    curve, trust = _debevec(codes, stops)
    level = (codes * (LEVELS - 1)).round().long()
    gauss = (-4 * (2 * codes - 1).square()).exp() - math.exp(-4)
    votes = trust.square() * ((codes > BLACK) & (codes < WHITE))
    weight = gauss * votes
    time = (stops - stops.mean()).exp()[:, None, None]
    mass = _sum_by_level(level, votes)
    for number in range(1, rounds + 1):
        recorded = _look_up_nearest((curve - curve[:, MIDDLE, None]).exp(), level)
        light = (weight * time * recorded).sum(0) / (weight * time.square()).sum(0).clamp(min=TINY)
        mean = _sum_by_level(level, votes * time * light) / mass.clamp(min=TINY)
        curve = torch.where(mass > 0, mean.clamp(min=TINY).log(), curve)
        if number % 5 == 0:
            curve = _smoothed(curve, mass, _smoothness(stops))
    return curve


def _smoothed(curve: Curves, mass: Curves, smooth: float) -> Curves:
    """Draw a curve known with a certainty per level towards the prior."""
    departure = curve - _srgb_curve()
    departure = departure - departure[:, MIDDLE, None]
    systems = [(m.diag(), m * d) for m, d in zip(mass, departure, strict=True)]
    return _srgb_curve() + _solve(systems, smooth)


def _srgb_curve() -> Curves:
    """Natural logarithm of sRGB at the levels; level 0 counts as half a code."""
    code = torch.arange(LEVELS, dtype=torch.float64).clamp(min=0.5) / (LEVELS - 1)
    return decode(code, "srgb").log().expand(3, LEVELS)


def _hat_basis(
    codes: Samples,
) -> tuple[Int[Tensor, "2 n 3 p"], Float[Tensor, "2 n 3 p"]]:
    """The two levels next to each code, and the share of each in it."""
    position = (codes * (LEVELS - 1)).clamp(1, LEVELS - 1)
    below = position.long().clamp(max=LEVELS - 2)
    above_share = position - below
    return torch.stack([below, below + 1]), torch.stack([1 - above_share, above_share])


def _look_up(
    curve: Curves, level: Int[Tensor, "2 n 3 p"], share: Float[Tensor, "2 n 3 p"]
) -> Samples:
    """Interpolate a curve at codes given by their levels and shares."""
    return sum(s * _look_up_nearest(curve, at) for at, s in zip(level, share, strict=True))


def _look_up_nearest(curve: Curves, level: Int[Tensor, "n 3 p"]) -> Samples:
    """Take the value of each channel's curve at whole levels."""
    channel = torch.arange(3)[:, None]
    return curve[channel, level]


def _sum_by_level(level: Int[Tensor, "n 3 p"], value: Samples) -> Curves:
    """Add up the values of each channel that share a level."""
    place = level + torch.arange(3)[:, None] * LEVELS
    return torch.bincount(place.flatten(), value.flatten(), 3 * LEVELS).view(3, LEVELS)


def _normal_equations(
    level: Int[Tensor, "2 n p"],
    share: Float[Tensor, "2 n p"],
    target: Float[Tensor, "n p"],
    weight: Float[Tensor, "n p"],
) -> tuple[System, Float[Tensor, " levels"]]:
    """Left and right side for one channel, the unknown light of each sample eliminated."""
    n, p = target.shape
    mass = weight.sum(0).clamp(min=TINY)
    rest = weight * (target - (weight * target).sum(0) / mass)
    pixel = torch.arange(p).expand(2, n, p)
    touched = torch.bincount(
        (pixel * LEVELS + level).flatten(), (share * weight).flatten(), p * LEVELS
    ).view(p, LEVELS)
    right = torch.bincount(level.flatten(), (share * rest).flatten(), LEVELS)
    pair = level[:, None] * LEVELS + level[None]
    product = share[:, None] * share[None] * weight
    left = torch.bincount(pair.flatten(), product.flatten(), LEVELS**2).view(LEVELS, LEVELS)
    return left - touched.T @ (touched / mass[:, None]), right


def _solve(systems: list[tuple[System, Float[Tensor, " levels"]]], smooth: float) -> Curves:
    """Solve for the departures from sRGB of the three channels under the prior."""
    left = torch.block_diag(*(system for system, _ in systems))
    right = torch.cat([side for _, side in systems])
    each = torch.eye(3, dtype=torch.float64)
    apart = each - 1 / 3
    slope = torch.eye(LEVELS, dtype=torch.float64).diff(dim=0)
    bend = slope.diff(dim=0)
    middle, white = torch.zeros(2, LEVELS, LEVELS, dtype=torch.float64)
    middle[MIDDLE, MIDDLE] = white[-1, -1] = PINNED
    prior = torch.kron(each, smooth * bend.T @ bend + FLAT * slope.T @ slope + middle)
    prior += torch.kron(apart, ALIKE * slope.T @ slope + white)
    mean_weight = torch.stack([system.trace() for system, _ in systems]).mean() / LEVELS
    return torch.linalg.solve(left + mean_weight * prior, right).view(3, LEVELS)


def _isotonic(curve: Float[Tensor, " levels"]) -> Float[Tensor, " levels"]:
    """Project onto curves that never fall, by pooling adjacent violators.

    Example:
        >>> _isotonic(torch.tensor([1.0, 3.0, 2.0, 4.0]))
        tensor([1.0000, 2.5000, 2.5000, 4.0000])
    """
    pools: list[tuple[float, int]] = []
    for value in curve.tolist():
        total, size = value, 1
        while pools and pools[-1][0] / pools[-1][1] > total / size:
            earlier, width = pools.pop()
            total, size = total + earlier, size + width
        pools.append((total, size))
    flat = [total / size for total, size in pools for _ in range(size)]
    return torch.tensor(flat, dtype=curve.dtype)
