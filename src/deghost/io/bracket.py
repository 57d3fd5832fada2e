"""Read the frames of one bracket, find their exposures, and order them."""

import math
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.errors import BracketError
from deghost.io.exposure_settings import ExposureSettings
from deghost.io.image import format_of, read_frame
from deghost.io.opaque import cut_to_opaque
from deghost.io.raw import read_raw, read_white_balance
from deghost.radiometry.contradiction import Contradiction, contradictions, listed
from deghost.radiometry.exposure import (
    exposures_from_bias,
    exposures_from_captures,
    fit_ratios,
    fit_steps,
    fitted_exposures,
    format_time,
)
from deghost.radiometry.response import linearise
from deghost.radiometry.stuck import mend_stuck
from deghost.types import Bracket, Exposure, Frame, Response


NARROWEST = 32_000  # times as long as wide
FILES = "the files"
WIDEST = 40  # stops between the darkest and the brightest frame


def read_bracket(
    paths: Sequence[Path],
    settings: ExposureSettings | None = None,
    response: Response | None = None,
) -> Bracket:
    """Read frames in any order and return them darkest first, as stored, with their exposures.

    `response` replaces the curve that encoded (not RAW, not float) frames bring themselves.
    Raises ReadError for a file that cannot be read and BracketError for frames that do not belong
    together.
    """
    _check_paths(paths)
    frames = read_frames(paths)
    _check_frames(frames)
    if response is not None:
        frames = [
            replace(frame, response=response) if frame.kind == "encoded" else frame
            for frame in frames
        ]
    frames, exposures, notes = _with_exposures(frames, settings or ExposureSettings())
    _check_exposures(exposures)
    frames, mended = mend_stuck(frames, exposures)
    notes += [mended] if mended else []
    return Bracket(tuple(frames), tuple(exposures), (*_reading_notes(frames), *notes))


def read_again(paths: Sequence[Path], exposures: Sequence[Exposure]) -> list[Frame]:
    """Read the frames of a bracket once more, in the order and with the exposures found before."""
    return mend_stuck(read_frames(paths), exposures)[0]


def _reading_notes(frames: Sequence[Frame]) -> list[str]:
    """Gather what reading decided: each sentence once, with the frames that it is about."""
    about: dict[str, list[str]] = {}
    for frame in frames:
        for note in frame.notes:
            about.setdefault(note, []).append(frame.path.name)
    return [
        f"{'every frame' if len(names) == len(frames) else ', '.join(names)}: {note}"
        for note, names in about.items()
    ]


def read_frames(paths: Sequence[Path]) -> list[Frame]:
    """Read frames as stored; RAW ones all with the white balance of the first by name.

    Cameras that balance every shot anew would otherwise change colour between frames. RAW is
    developed one frame at a time: it needs much memory on the way. What a frame leaves transparent
    is cut off all of them.
    """
    raw = [path for path in paths if format_of(path) == "raw"]
    if not raw:
        with ThreadPoolExecutor(2) as pool:
            frames = list(pool.map(read_frame, paths))
        _check_colours(frames)
        return cut_to_opaque(frames)
    if len(raw) < len(paths):
        finished = next(path for path in paths if path not in raw)
        raise BracketError(
            f"{raw[0].name} and {finished.name} mix RAW and finished pictures; "
            "give either the RAW files or the JPEGs"
        )
    balance = read_white_balance(min(raw, key=lambda path: (path.name, path)))
    return [read_raw(path, white_balance=balance) for path in raw]


def _check_paths(paths: Sequence[Path]) -> None:
    if len(paths) < 2:
        for path in paths:
            format_of(path)  # a folder, or a pattern that no file fits, is told as such
        given = f"only {paths[0].name}" if paths else "no files"
        raise BracketError(f"a bracket needs two frames or more, {given} given; name all frames")
    twice = [path.name for path, count in Counter(p.resolve() for p in paths).items() if count > 1]
    if twice:
        raise BracketError(f"{twice[0]} is given twice; name every frame once")


def _check_colours(frames: Sequence[Frame]) -> None:
    """Refuse grey frames among those in colour, whose colour they would take away."""
    coloured = [frame.path.name for frame in frames if not frame.grey]
    grey = [frame.path.name for frame in frames if frame.grey]
    if coloured and grey:
        raise BracketError(
            f"{grey[0]} is a grey picture, but {coloured[0]} is in colour; "
            f"save {grey[0]} in colour, or leave it out"
        )


def _check_frames(frames: Sequence[Frame]) -> None:
    first = frames[0]
    if max(first.size) > NARROWEST * min(first.size):
        h, w = first.size
        raise BracketError(f"{first.path.name} is {w}x{h} pixels, too narrow; use wider frames")
    for frame in frames[1:]:
        if frame.size != first.size:
            (h, w), (h0, w0) = frame.size, first.size
            raise BracketError(
                f"{frame.path.name} is {w}x{h} pixels but {first.path.name} is {w0}x{h0}; "
                "the frames of a bracket must have one size"
            )


def _with_exposures(
    frames: list[Frame], settings: ExposureSettings
) -> tuple[list[Frame], list[Exposure], list[str]]:
    given = _given_exposures(frames, settings)
    small = [subsampled(frame) for frame in frames]
    if given is not None:
        wrong = [each for each in _contradictions(frames, given, small) if each.certain]
        note = f"as given, {listed(wrong)}: kept, but check the values and their order"
        return *_sorted(frames, given), [note] if wrong else []
    if settings.fit:
        found, exposures = _fitted(frames, small)
        if not _all_fitted(exposures):
            raise _unfitted(_fellows(frames), "are to be fitted from the pixels")
        return found, exposures, []
    written = exposures_from_captures([frame.capture for frame in frames])
    if written is not None and len({round(math.log2(e.value), 2) for e in written}) > 1:
        return _checked(frames, written, small)
    found, exposures = _fitted(frames, small)
    who, lack = _lacking(frames) if written is None else (FILES, "state equal exposures")
    if _all_fitted(exposures):
        return found, exposures, [f"{who} {lack}: ratios fitted from the pixels"]
    biases = exposures_from_bias([frame.capture for frame in frames])
    if biases is not None:
        return *_sorted(frames, biases), [f"{who} {lack}: the exposure bias is used"]
    raise _unfitted(_fellows(frames) if who == FILES else who, lack)


def _lacking(frames: Sequence[Frame]) -> tuple[str, str]:
    """Which files state no exposure time, and that they do not."""
    names = [frame.path.name for frame in frames if not frame.capture.time]
    if len(names) == len(frames):
        return FILES, "state no exposure times"
    return ", ".join(names), f"{'states' if len(names) == 1 else 'state'} no exposure time"


def _all_fitted(exposures: Sequence[Exposure]) -> bool:
    return all("fitted" in exposure.source for exposure in exposures)


def _fellows(frames: Sequence[Frame]) -> str:
    return f"{frames[0].path.name} and its fellows"


def _unfitted(who: str, reason: str) -> BracketError:
    return BracketError(
        f"{who} {reason}, but the frames show too little in common; "
        "pass --exposures 1/250 1/60 1/15 or --ev -2 0 2, in the order of the files"
    )


def _given_exposures(frames: Sequence[Frame], settings: ExposureSettings) -> list[Exposure] | None:
    if settings.times is not None:
        _check_count("--exposures", len(settings.times), frames)
        if any(not (math.isfinite(time) and time > 0) for time in settings.times):
            raise BracketError("--exposures must be positive times such as 1/250 or 0.5")
        return [
            Exposure(time, f"given: {format_time(time)}", absolute=False) for time in settings.times
        ]
    if settings.ev is not None:
        _check_count("--ev", len(settings.ev), frames)
        if any(not abs(ev) < WIDEST for ev in settings.ev):
            raise BracketError(f"--ev must be stops such as -2 0 2, less than {WIDEST}")
        return [Exposure(2.0**ev, f"given: {ev:+g} EV", absolute=False) for ev in settings.ev]
    return None


def _check_count(option: str, count: int, frames: Sequence[Frame]) -> None:
    if count != len(frames):
        raise BracketError(
            f"{option} has {count} values for {len(frames)} frames; "
            "give one for each frame, in the order of the files"
        )


def _checked(
    frames: list[Frame], written: list[Exposure], small: list[Float[Tensor, "3 h w"]]
) -> tuple[list[Frame], list[Exposure], list[str]]:
    """The exposures as written, unless the pixels contradict them."""
    wrong = _contradictions(frames, written, small)
    if not wrong:
        return *_sorted(frames, written), []
    vague = [each for each in wrong if not each.certain]
    if vague:
        note = f"as written, {listed(vague)}, where these frames do not match each other"
        return *_sorted(frames, written), [f"{note}: kept; check that they show one scene"]
    found, exposures = _fitted(frames, small)
    if not _all_fitted(exposures):
        return *_sorted(frames, written), [f"as written, {listed(wrong)}: check the exposures"]
    return found, exposures, [f"as written, {listed(wrong)}: exposures fitted from the pixels"]


def _contradictions(
    frames: Sequence[Frame],
    stated: Sequence[Exposure],
    small: Sequence[Float[Tensor, "3 h w"]],
) -> list[Contradiction]:
    order = sorted(range(len(frames)), key=lambda k: stated[k].value)
    names, exposures = [frames[k].path.name for k in order], [stated[k] for k in order]
    return contradictions(names, exposures, fit_steps(torch.stack([small[k] for k in order])))


def _fitted(
    frames: list[Frame], small: list[Float[Tensor, "3 h w"]]
) -> tuple[list[Frame], list[Exposure]]:
    order = sorted(range(len(frames)), key=lambda k: float(small[k].mean()))
    ratios = fit_ratios(torch.stack([small[k] for k in order]))
    return [frames[k] for k in order], fitted_exposures(ratios)


def _sorted(
    frames: Sequence[Frame], exposures: Sequence[Exposure]
) -> tuple[list[Frame], list[Exposure]]:
    order = sorted(range(len(frames)), key=lambda k: exposures[k].value)
    return [frames[k] for k in order], [exposures[k] for k in order]


def _check_exposures(exposures: Sequence[Exposure]) -> None:
    if exposures[-1].value / exposures[0].value < 2**0.1:
        raise BracketError(
            "all frames have the same exposure, so there is nothing to merge; "
            "shoot with exposure bracketing, or pass --ev if the files lie"
        )
    if exposures[-1].value / exposures[0].value > 2.0**WIDEST:
        raise BracketError(
            f"the exposures are more than {WIDEST} stops apart; check them, or pass --ev -2 0 2"
        )
    if not all(2.0**-WIDEST < exposure.value < 2.0**WIDEST for exposure in exposures):
        raise BracketError("an exposure is beyond what any camera has; check --exposures and --ev")


def subsampled(frame: Frame, target: int = 400_000) -> Float[Tensor, "3 h w"]:
    """Return about `target` evenly spread pixels of a frame, linear."""
    step = max(1, round(math.sqrt(frame.pixels.shape[0] * frame.pixels.shape[1] / target)))
    return linearise(frame.pixels[::step, ::step].copy(), frame.response).contiguous()
