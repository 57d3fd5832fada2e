"""Decide on small copies how a bracket is merged, and say why of each decision."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from deghost.align.crop import common_rectangle
from deghost.align.full import refine_full
from deghost.align.rigid import AlignSettings, align_frames
from deghost.align.warp import Warp, source_window
from deghost.merge.curves import FrameCurve, frame_curve, read_light
from deghost.merge.decisions import (
    check_absolute,
    choose_reference,
    choose_response,
    half_float_problem,
    lost_shares,
    match_frame,
    measure_noise,
)
from deghost.merge.networks import NetworkUse, find_network, with_frames
from deghost.merge.notes import frame_notes
from deghost.merge.proxy import Proxy, make_proxy, proxy_factor
from deghost.merge.settings import (
    HIGHLIGHT_LIMIT,
    METHOD_NOTES,
    MergeSettings,
    Method,
    PixelType,
    Scale,
)
from deghost.merge.tiles import Window, warp_planes
from deghost.merge.weighted import Layer, extend, start_fusion
from deghost.radiometry.exposure import ev100
from deghost.radiometry.matching import Match, matched
from deghost.radiometry.noise import NoiseModel
from deghost.segment.motion import MotionSettings
from deghost.segment.segmenters import ExposureSegmenter
from deghost.types import Bracket, Exposure, Image, Response


SAMPLES = 2e5  # pixels that are enough to judge a curve by


@dataclass(frozen=True)
class MergePlan:
    """Everything that is decided about a merge before any full-size pixel is computed.

    Plain data: `merge.plan_files` writes it as JSON, which can be edited and rendered.
    """

    frames: tuple[Path, ...]  # darkest first
    size: tuple[int, int]  # height and width of the frames
    exposures: tuple[Exposure, ...]
    reference: int
    response: Response | None  # None: every file's own
    matches: tuple[Match | None, ...]
    noise: tuple[NoiseModel, ...]
    tolerances: tuple[float, ...]  # relative photometric error granted each frame
    warps: tuple[Warp, ...]  # at full size
    motion: MotionSettings
    flow: bool
    crop: Window  # y, x, height, width in the reference
    method: Method
    scale: Scale
    pixel_type: PixelType
    notes: tuple[str, ...] = field(default=())
    network: NetworkUse | None = None  # of a method that is one
    exposure_mask: ExposureSegmenter = "classical"
    masks: Path | None = None  # a folder of masks to use instead of finding them
    prepared: "Prepared | None" = field(default=None, compare=False, repr=False)  # not written

    @property
    def relative(self) -> tuple[float, ...]:
        """Exposures relative to the reference."""
        return tuple(e.value / self.exposures[self.reference].value for e in self.exposures)

    @property
    def order(self) -> tuple[int, ...]:
        """Frames in the order of merging: the reference, then by distance in exposure."""
        return merging_order(self.relative)


def merging_order(relative: Sequence[float]) -> tuple[int, ...]:
    """Order frames by their distance in exposure from the reference, whose exposure is 1.

    Example:
        >>> merging_order([0.25, 1.0, 2.0, 16.0])
        (1, 2, 0, 3)
    """
    return tuple(sorted(range(len(relative)), key=lambda k: (abs(ev100(relative[k])), k)))


@dataclass(frozen=True)
class Prepared:
    """The frames of a bracket as planning sees them."""

    curves: tuple[FrameCurve, ...]
    proxies: tuple[Proxy, ...]  # compact
    noise: tuple[NoiseModel, ...]
    factor: int


@torch.inference_mode()
def plan_merge(bracket: Bracket, settings: MergeSettings) -> MergePlan:
    """Plan the merge of a bracket on small copies of its frames.

    Raises SettingsError for a setting that does not fit the bracket.
    """
    network = find_network(settings, len(bracket.frames))
    small = prepare(bracket, None)
    shares = [lost_shares(*each) for each in zip(small.proxies, small.noise, strict=True)]
    reference, reason = choose_reference(shares, settings.reference)
    base = bracket.exposures[reference].value
    relative = tuple(exposure.value / base for exposure in bracket.exposures)
    network, chosen = with_frames(network, settings.method, relative, reference)
    warps = _align(bracket, small, relative, reference, settings)
    samples = _samples(small, warps)
    response, why = choose_response(bracket, samples, settings.response)
    if response is not None:
        small = prepare(bracket, response)
        samples = _samples(small, warps)
    matches, tolerances, matching = _match(samples, relative, small.noise)
    if settings.scale == "absolute":
        check_absolute(bracket.exposures[reference])
    limit = 1.0 if network is None else HIGHLIGHT_LIMIT
    scale = 1 / base if settings.scale == "absolute" else 1.0
    problem = half_float_problem(small.proxies, relative, scale, limit)
    notes = [*bracket.notes, reason, why, *matching, problem, METHOD_NOTES.get(settings.method)]
    names = [frame.path.name for frame in bracket.frames]
    notes += [*chosen, *frame_notes(names, shares, warps)]
    return MergePlan(
        frames=tuple(frame.path for frame in bracket.frames),
        size=bracket.size,
        exposures=bracket.exposures,
        reference=reference,
        response=response,
        matches=matches,
        noise=small.noise,
        tolerances=tolerances,
        warps=warps,
        motion=MotionSettings(settings.deghost, settings.motion),
        flow=settings.align == "flow",
        crop=_crop(warps, bracket.size) if settings.crop else (0, 0, *bracket.size),
        method=settings.method,
        scale=settings.scale,
        pixel_type="float" if problem else settings.pixel_type,
        notes=tuple(note for note in notes if note),
        network=network,
        exposure_mask=settings.exposure_mask,
        prepared=_with_matches(small, bracket, response, matches),
    )


@torch.inference_mode()
def prepare(
    bracket: Bracket, response: Response | None, matches: Sequence[Match | None] | None = None
) -> Prepared:
    """Make the curve, the proxy and the noise model of every frame.

    Matches are applied to compact proxies, as planning does, so that a plan read again is the same.
    """
    factor = proxy_factor(bracket.size)
    curves, proxies, noise = [], [], []
    for frame in bracket.frames:
        curve = frame_curve(frame, response, None)
        curves.append(curve)
        proxies.append(make_proxy(frame, curve, factor).compact())
        noise.append(measure_noise(frame, curve))
    small = Prepared(tuple(curves), tuple(proxies), tuple(noise), factor)
    return small if matches is None else _with_matches(small, bracket, response, matches)


def warped_proxy(small: Prepared, warps: Sequence[Warp], k: int) -> Proxy:
    """Warp a proxy to the reference by its full-size warp; beyond the frame's edge trust is 0."""
    proxy = small.proxies[k]
    return _warped(proxy.full(), _proxy_size(warps[k], proxy, small.factor))


def _samples(small: Prepared, warps: Sequence[Warp]) -> list[Proxy]:
    """A regular sample of the pixels of all proxies, as warped: enough for statistics."""
    height, width = small.proxies[0].linear.shape[1:]
    step = max(1, round((height * width / SAMPLES) ** 0.5))
    spread = np.diag([step, step, 1.0])
    samples = []
    for proxy, warp in zip(small.proxies, warps, strict=True):
        matrix = _proxy_size(warp, proxy, small.factor).matrix @ spread
        planes = [
            cv2.warpPerspective(
                plane.numpy(),
                matrix,
                (-(-width // step), -(-height // step)),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_CONSTANT,
            )
            for plane in torch.cat([proxy.linear, proxy.trust]).float()
        ]
        stacked = torch.from_numpy(np.stack(planes))
        samples.append(Proxy(stacked[:3], stacked[3:]))
    return samples


def _with_matches(
    small: Prepared, bracket: Bracket, response: Response | None, matches: Sequence[Match | None]
) -> Prepared:
    """Match curves and proxies that were prepared without."""
    curves = (
        frame_curve(frame, response, match)
        for frame, match in zip(bracket.frames, matches, strict=True)
    )
    proxies = (
        proxy if match is None else _rematched(proxy, match)
        for proxy, match in zip(small.proxies, matches, strict=True)
    )
    return replace(small, curves=tuple(curves), proxies=tuple(proxies))


def _rematched(proxy: Proxy, match: Match) -> Proxy:
    full = proxy.full()
    return replace(full, linear=matched(match, full.linear)).compact()


def _proxy_size(warp: Warp, proxy: Proxy, factor: int) -> Warp:
    """The warp of proxies, which show whole blocks of frames and leave out what is left over."""
    height, width = proxy.linear.shape[1:]
    whole = replace(warp, size=(height * factor, width * factor))
    return whole.scaled_to((height, width))


def _full_size(warp: Warp, size: tuple[int, int], factor: int) -> Warp:
    blocks = (warp.size[0] * factor, warp.size[1] * factor)
    return replace(warp.scaled_to(blocks), size=size)


def _warped(proxy: Proxy, warp: Warp) -> Proxy:
    window = (0, 0, *warp.size)
    y, x, height, width = source_window(warp, window)
    both = torch.cat([proxy.linear, proxy.trust])[:, y : y + height, x : x + width]
    warped, covered = warp_planes(both, warp, window)
    light = warped[:3] * (covered > 0)  # what lies beyond is dark, or it would pass for clipped
    return Proxy(light, warped[3:].clamp(0, 1) * covered)


def _align(
    bracket: Bracket,
    small: Prepared,
    relative: Sequence[float],
    reference: int,
    settings: MergeSettings,
) -> tuple[Warp, ...]:
    """Align on the proxies, then correct on patches of the full-size frames."""
    if settings.align == "none":
        return tuple(Warp(np.eye(3), bracket.size, reason="not asked for") for _ in relative)
    linear = torch.stack([proxy.linear for proxy in small.proxies])
    exposures = torch.tensor(relative)
    warps = align_frames(linear, exposures, reference, AlignSettings())
    full = [_full_size(warp, bracket.size, small.factor) for warp in warps]
    if small.factor == 1:
        return tuple(full)

    def read(k: int, y: int, x: int, height: int, width: int) -> Image:
        pixels = bracket.frames[k].pixels[y : y + height, x : x + width]
        planes = read_light(np.ascontiguousarray(pixels), small.curves[k], bracket.frames[k])
        return torch.from_numpy(planes[..., :3]).permute(2, 0, 1)

    return refine_full(read, linear, exposures, full, reference)


def _crop(warps: Sequence[Warp], size: tuple[int, int]) -> Window:
    """What all frames show, as y, x, height, width; all of the reference if that is nothing."""
    top, left, bottom, right = common_rectangle(warps)
    if bottom <= top or right <= left:
        return (0, 0, *size)
    return top, left, bottom - top, right - left


def _match(
    samples: Sequence[Proxy], relative: Sequence[float], noise: Sequence[NoiseModel]
) -> tuple[tuple[Match | None, ...], tuple[float, ...], list[str]]:
    """Match every frame, in the order of merging, to the merge of those before it."""
    order = merging_order(relative)
    matches: list[Match | None] = [None] * len(relative)
    tolerances, notes = [0.0] * len(relative), []
    fusion = start_fusion(_layer(samples[order[0]], 1.0, noise[order[0]]))
    for k in order[1:]:
        darker = noise[k if relative[k] < 1 else order[0]]
        matches[k], tolerances[k], note = match_frame(fusion, samples[k], relative[k], k, darker)
        notes += [note] if note else []
        fusion = extend(fusion, _layer(samples[k], relative[k], noise[k], matches[k]))
    return tuple(matches), tuple(tolerances), notes


def _layer(proxy: Proxy, exposure: float, noise: NoiseModel, match: Match | None = None) -> Layer:
    linear = proxy.linear if match is None else matched(match, proxy.linear)
    return Layer(linear / exposure, proxy.trust, exposure, noise)
