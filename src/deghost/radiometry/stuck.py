"""Stuck pixels of a sensor: dots of one pure colour that clip in every frame, however dark it is.

Light that clips in the darkest frame of a bracket spreads in brighter ones: every lens gives some
of it to the neighbours, where it grows with the exposure. Around a pixel that is stuck only what
demosaicing made of it is seen, and that stays as it is.
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int, Shaped

from deghost.radiometry.response import linearise, named_response
from deghost.types import Exposure, Frame


APART = 3.0  # how far apart exposures must be for light to show that it grows
CLIPPED = 0.95  # of the range of codes
SPIKE = 0.5  # light by which a stuck pixel is above its surroundings, in the darkest frame ...
OTHERS = 0.1  # ... and the most by which its other colours may be
DIM = 0.15  # light of surroundings up to which a frame can tell
GROWN = (1.1, 0.03)  # what neighbours may show of the darkest frame's light, and light besides
TOUCHED = 0.1  # light by which neighbours must be off to be replaced, too
REACH = 3  # px from a stuck pixel to the ring around what was made of it
STRIP_ROWS = 128  # taken at a time, for few places are kept of many
SRGB = named_response("srgb")  # near enough to any finished picture's curve

STEPS = np.arange(-REACH, REACH + 1)
DISTANCE = np.maximum(abs(STEPS[:, None]), abs(STEPS))
RING, BLOB = DISTANCE == REACH, (DISTANCE < REACH) & (DISTANCE > 0)
NEAR = 1.0 / np.maximum(STEPS[:, None] ** 2 + STEPS**2, 1) ** 2

Places = Int[np.ndarray, "n 2"]  # y, x
Patches = Float32[np.ndarray, "n 7 7 3"]  # light around places, 1.0 = clipping


def mend_stuck(frames: Sequence[Frame], exposures: Sequence[Exposure]) -> tuple[list[Frame], str]:
    """Replace stuck pixels by what is around them, and say so; "" if there are none.

    Frames are darkest first, of one size, as the sensor saw them. Their arrays are changed in place
    if they can be.
    """
    places = find_stuck(frames, [exposure.value for exposure in exposures])
    if not len(places):
        return list(frames), ""
    touched = _touched(frames[0], places)
    y, x = places[0]
    note = (
        f"the sensor is stuck at row {y}, column {x}{_and_more(places)}: a dot that clips in one "
        "colour in every frame; what is around replaces it"
    )
    return [_mended(frame, touched) for frame in frames], note


def find_stuck(frames: Sequence[Frame], exposures: Sequence[float]) -> Places:
    """Return where the sensor is stuck; nowhere, if exposures are near each other or sizes differ.

    There one channel clips in every frame and rises far above all around it in the darkest one, the
    others do not; and in the brightest frame whose surroundings are dim, neighbours show no more
    light than in the darkest. The outermost pixels are not judged.
    """
    if exposures[-1] < APART * exposures[0] or len({frame.size for frame in frames}) > 1:
        return np.empty((0, 2), np.intp)
    places = _spiked(frames[0])
    patches = _patches(frames[0], places)
    channel = _spikes(patches).argmax(1)
    most = GROWN[0] * _glow(patches) + GROWN[1]
    stuck, told = np.ones(len(places), bool), np.zeros(len(places), bool)
    for frame, exposure in zip(reversed(frames), reversed(exposures), strict=True):
        stuck &= _clipped(frame, frame.pixels[places[:, 0], places[:, 1], channel])
        if exposure >= APART * exposures[0]:
            patches = _patches(frame, places)
            tells = ~told & (patches[:, RING].max((1, 2)) < DIM)
            stuck &= ~tells | (_glow(patches) <= most)
            told |= tells
    return places[stuck & told]


def _spiked(frame: Frame) -> Places:
    """Where one channel clips, far above all around it, and the others do not rise."""
    with ThreadPoolExecutor(2) as pool:
        strips = pool.map(partial(_spiked_strip, frame), range(0, frame.size[0], STRIP_ROWS))
        return np.concatenate(list(strips))


def _spiked_strip(frame: Frame, top: int) -> Places:
    """What is found in a strip that begins at a row: first by 5 x 5 pixels, then by the ring."""
    first = max(0, top - 2)
    clipped = _clipped(frame, frame.pixels[first : top + STRIP_ROWS + 2]).view(np.uint8)
    alone = cv2.subtract(clipped, cv2.medianBlur(clipped, 5))[top - first :][:STRIP_ROWS]
    rows, columns = np.nonzero(alone.any(2))
    places = np.stack([rows + top, columns], axis=1)
    spikes = np.sort(_spikes(_patches(frame, places)), axis=1)
    return places[(spikes[:, 2] > SPIKE) & (spikes[:, 1] < OTHERS)]


def _clipped(frame: Frame, codes: Shaped[np.ndarray, "*shape"]) -> Bool[np.ndarray, "*shape"]:
    least = CLIPPED * frame.white
    return codes >= (least if frame.kind == "float" else math.ceil(least))  # whole: far faster


def _patches(frame: Frame, places: Places) -> Patches:
    """What a frame shows around places, mirrored at its edges."""
    codes = frame.pixels[_around_places(frame, places)]
    if not codes.size:
        return codes.astype(np.float32)
    response = SRGB if frame.kind == "encoded" else frame.response
    light = linearise(codes.reshape(-1, 1, 3), response)
    return light.numpy().transpose(1, 2, 0).reshape(codes.shape)


def _around_places(
    frame: Frame, places: Places
) -> tuple[Int[np.ndarray, "n 7 1"], Int[np.ndarray, "n 1 7"]]:
    """The rows and columns around places, mirrored at the frame's edges."""
    height, width = frame.size
    rows = height - 1 - abs(height - 1 - abs(places[:, 0, None] + STEPS))
    columns = width - 1 - abs(width - 1 - abs(places[:, 1, None] + STEPS))
    return rows[:, :, None], columns[:, None, :]


def _spikes(patches: Patches) -> Float32[np.ndarray, "n 3"]:
    """How far each channel of the middle is above the brightest of the ring."""
    return patches[:, REACH, REACH] - patches[:, RING].max(1)


def _glow(patches: Patches) -> Float32[np.ndarray, " n"]:
    """The light of neighbours above the brightest of the ring, all channels together."""
    above = patches[:, BLOB] - patches[:, RING].max(1)[:, None]
    return np.maximum(above, 0).sum((1, 2))


def _touched(frame: Frame, places: Places) -> Bool[np.ndarray, "h w"]:
    """The places, and their neighbours that are off what the ring shows."""
    patches = _patches(frame, places)
    ring = patches[:, RING]
    low, high = ring.min(1)[:, None, None], ring.max(1)[:, None, None]
    off = np.maximum(patches - high, low - patches).max(3)
    touched = np.zeros(frame.size, bool)
    for window, part in zip(zip(*_around_places(frame, places), strict=True), off, strict=True):
        touched[window] |= (part > TOUCHED) & BLOB
    touched[places[:, 0], places[:, 1]] = True
    return touched


def _mended(frame: Frame, touched: Bool[np.ndarray, "h w"]) -> Frame:
    """Replace what is touched by the mean of the rest, near pixels more than far ones."""
    pixels = frame.pixels if frame.pixels.flags.writeable else frame.pixels.copy()
    places = np.argwhere(touched)
    window = _around_places(frame, places)
    weights = ~touched[window] * NEAR
    mean = (weights[..., None] * pixels[window]).sum((1, 2)) / weights.sum((1, 2))[:, None]
    whole = mean if pixels.dtype == np.float32 else np.rint(mean)
    pixels[places[:, 0], places[:, 1]] = whole
    return replace(frame, pixels=pixels)


def _and_more(places: Places) -> str:
    """Count the dots besides the first; one has several pixels after demosaicing."""
    apart = [
        place
        for count, place in enumerate(places)
        if not (abs(places[:count] - place).max(1) <= REACH).any()
    ]
    return f" and {len(apart) - 1} more" if len(apart) > 1 else ""
