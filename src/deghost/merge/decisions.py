"""The single decisions of a plan, each with the sentence that explains it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from deghost.errors import BracketError, SettingsError
from deghost.io.exr import LARGEST_HALF
from deghost.merge.curves import FrameCurve, read_light
from deghost.merge.proxy import Proxy
from deghost.merge.settings import RECOVERED
from deghost.merge.weighted import Fusion
from deghost.radiometry.disagreement import (
    Disagreement,
    disagreement_but_balance,
    explains_better,
    response_disagreement,
)
from deghost.radiometry.matching import Match, fit_match
from deghost.radiometry.noise import NoiseModel, estimate_noise
from deghost.radiometry.recovery import recover_response
from deghost.radiometry.response import linear_table
from deghost.radiometry.sampling import choose_samples
from deghost.types import Bracket, Exposure, Frame, Image, Response


CRUSHED = 2  # 8-bit code below which a picture is as good as black
PATCH = 64  # px, side of the full-size patches that noise is estimated from
BURIED = 8.0  # signal-to-noise below which a pixel counts as buried
DARK = 0.01  # linear value below which it does so in any case
BIAS_FROM = 0.15  # stops of disagreement from which a response is doubted
MATCH_FROM = 0.04  # stops of disagreement from which a frame is matched to the reference
FAINT = 0.004  # linear value below which frames are not compared
FEWEST = 100  # pixels in each channel that can tell how to match a frame
MOSTLY = 0.5  # share of the reference that is lost, from which the user is told
EMPTY = 0.999  # share of pixels that are lost in a frame that adds nothing
HALF_DETAIL = 6e-5  # half floats lose precision below ...
FEW = 1e-3  # ... which matters if more than this share of values are


def measure_noise(frame: Frame, curve: FrameCurve) -> NoiseModel:
    """Estimate a frame's noise from full-size patches spread over it.

    The blackest codes of an 8-bit picture are crushed by its tone curve: what they hide counts as
    read noise.
    """
    noise = estimate_noise(_patches(frame, curve))
    if curve.light is None or len(curve.light) > 256:
        return noise
    return replace(noise, read=max(noise.read, float(curve.light[CRUSHED].mean()) ** 2))


def _patches(frame: Frame, curve: FrameCurve) -> list[Float[Tensor, "3 p p"]]:
    height, width = frame.size
    side = min(PATCH, height, width) // 8 * 8
    if side < 8:
        return []
    rows = np.linspace(0, height - side, min(8, height // side)).astype(int)
    columns = np.linspace(0, width - side, min(12, width // side)).astype(int)
    patches = [
        read_light(frame.pixels[y : y + side, x : x + side].copy(), curve, frame)[..., :3]
        for y in rows
        for x in columns
    ]
    return [torch.from_numpy(patch).permute(2, 0, 1) for patch in patches]


def choose_reference(shares: Sequence[tuple[float, float]], wanted: int | None) -> tuple[int, str]:
    """Choose the frame with the fewest clipped and buried pixels, the middle one of equals."""
    if wanted is not None and not 0 <= wanted < len(shares):
        raise SettingsError(
            f"--reference {wanted} is not a frame; there are 0 (darkest) to {len(shares) - 1}"
        )
    middle = (len(shares) - 1) / 2
    best = min(range(len(shares)), key=lambda k: (round(sum(shares[k]), 2), abs(k - middle), k))
    chosen = best if wanted is None else wanted
    clipped, buried = shares[chosen]
    lost = f"{clipped:.1%} clipped, {buried:.1%} buried"
    if wanted is None:
        return best, f"reference: frame {best}, the best exposed ({lost})"
    note = f"reference: frame {chosen}, as asked"
    if chosen == best or clipped + buried < MOSTLY:
        return chosen, note
    return chosen, f"{note}, but mostly lost ({lost}): --reference {best} shows more"


def empty_frames(names: Sequence[str], shares: Sequence[tuple[float, float]]) -> list[str]:
    """Say which frames show next to nothing, such as those shot with the cap on.

    Example:
        >>> empty_frames(["a.jpg", "b.jpg"], [(0.1, 0.2), (0.0, 1.0)])
        ['frame 1 (b.jpg) is all clipped or buried in noise: leave it out']
    """
    return [
        f"frame {k} ({name}) is all clipped or buried in noise: leave it out"
        for k, (name, lost) in enumerate(zip(names, shares, strict=True))
        if sum(lost) > EMPTY
    ]


def lost_shares(proxy: Proxy, noise: NoiseModel) -> tuple[float, float]:
    """Share of pixels that are clipped, and that are buried in noise."""
    proxy = proxy.full()
    clipped = proxy.trust.amin(0) < 0.5
    brightest = proxy.linear.amax(0)
    deviation = noise.variance(brightest).sqrt()
    buried = brightest < (BURIED * deviation).clamp(min=DARK)
    return float(clipped.float().mean()), float((buried & ~clipped).float().mean())


def match_frame(
    known: Fusion, frame: Proxy, exposure: float, number: int, noise: NoiseModel
) -> tuple[Match | None, float, str | None]:
    """Fit what is left of the difference between a warped frame and the merge before it.

    `noise` is that of the darker of reference and frame. Only its codes well above the blackest
    ones tell a gain: crushed codes have a colour of their own, which brighter frames would take on.
    Returns the match if one is needed, the relative error to grant the frame, and a note.
    """
    target, linear = known.radiance, frame.linear
    usable = (known.trust > 0.9) & (frame.trust > 0.9)
    # a bound on the geometric mean: one on either value would choose by its noise
    level = (target * linear / exposure).sqrt() * min(1.0, exposure)
    usable = usable & (level > max(FAINT, BURIED * noise.read**0.5))
    match = fit_match(target, linear / exposure, exposure, usable)
    strongest = max(abs(stops) for channel in match.stops for stops in channel)
    helps = match.remaining < 0.8 * match.before
    few = int(usable.sum((1, 2)).min()) < FEWEST
    if few or match.before < MATCH_FROM or strongest < MATCH_FROM or not helps:
        return None, _tolerance(match.before), None
    note = (
        f"frame {number}: matched to the reference, off by {match.before:.2f} EV before "
        f"and {match.remaining:.2f} EV after (median)"
    )
    return match, _tolerance(match.remaining), note


def _tolerance(stops: float) -> float:
    """Standard deviation to grant where half of all pixels differ by more than `stops`.

    Example:
        >>> _tolerance(0.0), round(_tolerance(0.1), 3), _tolerance(3.0)
        (0.02, 0.056, 0.1)
    """
    return min(0.1, 0.02 + 0.5 * (2.0**stops - 1))


def choose_response(
    bracket: Bracket, samples: Sequence[Proxy], wanted: str
) -> tuple[Response | None, str | None]:
    """Return the response to use instead of the files' own, if any, and why.

    `samples` are of frames warped to the reference. `auto` keeps the files' own curve (sRGB without
    a colour profile) unless the pixels of the bracket clearly contradict it, as they do where a
    camera has put its tone curve on top; then the response is recovered after Debevec and Malik.
    A white balance that changes between frames contradicts no curve: matching takes it back.
    """
    if wanted not in RECOVERED:  # reading gave it to the frames
        given = [frame.response for frame in bracket.frames if frame.kind == "encoded"]
        return (given[0] if given else None), None
    if any(frame.kind != "encoded" for frame in bracket.frames):
        return None, None
    own = bracket.frames[0].response
    table = linear_table(own, 4095)
    codes = torch.stack([as_codes(proxy, table) for proxy in samples])
    exposures = torch.tensor([exposure.value for exposure in bracket.exposures])
    before = response_disagreement(codes, exposures, own)
    if wanted == "auto" and before.bias <= BIAS_FROM:
        return None, None
    try:
        recovered = recover_response(
            choose_samples(codes), exposures, "robertson" if wanted == "robertson" else "debevec"
        )
    except BracketError:
        if wanted != "auto":
            raise
        return None, None
    after = response_disagreement(codes, exposures, recovered)
    doubt = _doubt(after, before, disagreement_but_balance(codes, exposures, own))
    if wanted == "auto" and doubt:
        return None, f"the {own.name} curve is off by {before.bias:.2f} EV; {doubt}"
    return recovered, (
        f"response: recovered from the pixels ({recovered.name}); frames disagree by "
        f"{after.bias:.2f} EV with it, by {before.bias:.2f} EV with {own.name}"
    )


def _doubt(after: Disagreement, before: Disagreement, balanced: Disagreement) -> str | None:
    """Why not to believe a recovered curve; `balanced` is what white balance leaves of `before`.

    A curve for each channel can follow a white balance that drifts with the exposure, and would
    then colour the highlights. It must explain what constant gains do not.
    """
    if balanced.bias < before.bias / 2 and after.bias > balanced.bias / 2:
        return f"white balance that changes between frames explains all but {balanced.bias:.2f} EV"
    if not explains_better(after, before) or after.bias > balanced.bias / 2:
        return "no better one was found"
    return None


def check_absolute(exposure: Exposure) -> None:
    """Raise SettingsError if light cannot be given absolutely, since an exposure is relative."""
    if not exposure.absolute:
        raise SettingsError(
            "scale absolute needs the reference's time, ISO and aperture, but its exposure is "
            f"{exposure.source}; leave --scale out"
        )


def half_float_problem(
    proxies: Sequence[Proxy], relative: Sequence[float], scale: float, limit: float = 1.0
) -> str | None:
    """Return why half floats cannot hold the merge, or None if they can.

    It goes up to `limit` times what the darkest frame can show.
    """
    brightest = proxies[-1].full().linear * (scale / relative[-1])
    return lost_in_halves(limit * scale / relative[0], brightest)


def lost_in_halves(largest: float, values: Float[Tensor, "*shape"]) -> str | None:
    """Return why half floats cannot hold values, of which the largest is given, or None.

    Example:
        >>> lost_in_halves(1e5, torch.ones(1))
        'values up to 1e+05 exceed half floats: float is written'
    """
    if largest > LARGEST_HALF:
        return f"values up to {largest:.3g} exceed half floats: float is written"
    share = float(((values > 0) & (values < HALF_DETAIL)).float().mean())
    if share > FEW:
        return f"{share:.1%} of the values are below {HALF_DETAIL:g}: float is written"
    return None


def as_codes(sample: Proxy, table: Float[np.ndarray, "k 3"]) -> Image:
    """Turn linear values back into codes in [0, 1] through a rising table; clipped ones into 1."""
    position = np.linspace(0, 1, len(table))
    values = torch.where(sample.trust.amin(0) < 0.5, 1.0, sample.linear).numpy()
    codes = [np.interp(values[c], table[:, c], position) for c in range(3)]
    return torch.from_numpy(np.stack(codes).astype(np.float32))
