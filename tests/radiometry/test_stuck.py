from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deghost.radiometry.response import encode, named_response
from deghost.radiometry.stuck import find_stuck, mend_stuck
from deghost.types import Capture, Exposure, Frame


SIZE = (40, 48)
EXPOSURES = (1.0, 4.0, 16.0)


def texture(seed=0):
    """A scene that is dim in the darkest frame, 3 x 3 pixels to every grain."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0.004, 0.02, (SIZE[0] // 3 + 2, SIZE[1] // 3 + 2, 3)).astype(np.float32)
    return cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_CUBIC)


def photographed(scene, exposure, stuck=(), demosaicing=cv2.COLOR_BayerBG2RGB, dtype=np.uint16):
    """Codes of a mosaic whose stuck photosites clip; of 8 bits as sRGB, linear otherwise."""
    white = 65535
    light = np.clip(scene * exposure, 0, 1)
    plane = light[..., 1].copy()
    plane[::2, ::2], plane[1::2, 1::2] = light[::2, ::2, 0], light[1::2, 1::2, 2]
    for y, x in stuck:
        plane[y, x] = 1
    padded = cv2.copyMakeBorder(plane, 4, 4, 4, 4, cv2.BORDER_REFLECT_101)
    codes = cv2.cvtColor(np.rint(padded * white).astype(np.uint16), demosaicing)[4:-4, 4:-4]
    if dtype == np.float32:
        return codes.astype(np.float32) / white
    if dtype == np.uint8:
        return np.rint(255 * encode(torch.from_numpy(codes / white), "srgb").numpy()).astype(dtype)
    return np.ascontiguousarray(codes)


def frame_of(pixels):
    kind = {"float32": "float", "uint16": "raw", "uint8": "encoded"}[pixels.dtype.name]
    response = named_response("srgb" if kind == "encoded" else "linear")
    return Frame(Path("frame"), pixels, response, np.eye(3), Capture(), kind)


def bracket(scene, exposures=EXPOSURES, **changes):
    return [frame_of(photographed(scene, exposure, **changes)) for exposure in exposures]


def stated(exposures=EXPOSURES):
    return [Exposure(value, "known") for value in exposures]


def points(places):
    return {(int(y), int(x)) for y, x in places}


@settings(max_examples=60, deadline=None)
@given(
    y=st.integers(4, SIZE[0] - 5),
    x=st.integers(4, SIZE[1] - 5),
    seed=st.integers(0, 99),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
)
def test_a_stuck_photosite_is_found_and_replaced(y, x, seed, dtype):
    scene = texture(seed)
    frames = bracket(scene, stuck=[(y, x)], dtype=dtype)
    sound = [frame.pixels for frame in bracket(scene, dtype=dtype)]

    found = points(find_stuck(frames, EXPOSURES))
    mended, note = mend_stuck(frames, stated())

    assert (y, x) in found
    assert all(max(abs(row - y), abs(column - x)) <= 1 for row, column in found)
    assert "in every frame" in note
    for frame, truth in zip(mended, sound, strict=True):
        off = np.abs(frame.pixels.astype(float) - truth) / frame.white
        far = np.ones(SIZE, bool)
        far[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3] = False
        assert off[far].max() == 0
        assert off.max() < 0.6 * truth.max() / frame.white + 2 / 255


def test_nearly_all_are_found_where_demosaicing_follows_edges():
    """There a neighbour may take the colour of a stuck pixel in one frame and not in the next."""
    places = [(y, x) for y in range(6, 34, 3) for x in range(6, 42, 5)]
    edges = {"demosaicing": cv2.COLOR_BayerBG2RGB_EA}

    found = [
        place in points(find_stuck(bracket(texture(k), stuck=[place], **edges), EXPOSURES))
        for k, place in enumerate(places)
    ]

    assert np.mean(found) > 0.9


def test_what_is_sound_stays_as_it_is():
    frames = bracket(texture())
    before = [frame.pixels.copy() for frame in frames]

    mended, note = mend_stuck(frames, stated())

    assert note == ""
    for frame, other, pixels in zip(mended, frames, before, strict=True):
        assert frame is other
        assert np.array_equal(frame.pixels, pixels)


@settings(max_examples=60, deadline=None)
@given(
    colour=st.sampled_from([(1, 1, 1), (1, 0.1, 0.03), (0.1, 1, 0.1), (0.03, 0.1, 1), (1, 0.3, 0)]),
    brightness=st.floats(1.5, 300.0),
    blur=st.floats(0.7, 1.5),
    y=st.floats(8, 32),
    x=st.floats(8, 40),
)
def test_lights_that_clip_everywhere_are_left_alone(colour, brightness, blur, y, x):
    """Lamps and glints seen through a lens and colour filters; 1.0 clips the darkest frame."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    spot = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * blur**2))
    scene = texture() + brightness * spot[..., None] * np.array(colour)

    assert not len(find_stuck(bracket(scene.astype(np.float32)), EXPOSURES))


def test_what_moves_past_a_place_is_no_stuck_pixel():
    scenes = [texture() for _ in EXPOSURES]
    for k, (scene, exposure) in enumerate(zip(scenes, EXPOSURES, strict=True)):
        scene[20, 10 + 9 * k] = (2 / exposure, 0, 0)
    frames = [frame_of(photographed(s, e)) for s, e in zip(scenes, EXPOSURES, strict=True)]

    assert not len(find_stuck(frames, EXPOSURES))


def test_exposures_that_are_near_each_other_cannot_tell():
    near = (1.0, 1.5, 2.0)

    assert not len(find_stuck(bracket(texture(), near, stuck=[(9, 9)]), near))


def test_bright_surroundings_cannot_tell():
    scene = np.full((*SIZE, 3), 0.3, np.float32)

    assert not len(find_stuck(bracket(scene, stuck=[(9, 9)]), EXPOSURES))


def test_all_dots_are_counted_and_the_first_is_named():
    frames = bracket(texture(), stuck=[(9, 10), (30, 40), (30, 7)])

    _, note = mend_stuck(frames, stated())

    assert "row 9, column 10 and 2 more:" in note


def test_pixels_that_cannot_be_written_are_copied():
    frames = bracket(texture(), stuck=[(9, 10)])
    for frame in frames:
        frame.pixels.flags.writeable = False
    before = [frame.pixels.copy() for frame in frames]

    mended, _ = mend_stuck(frames, stated())

    for frame, old, pixels in zip(mended, frames, before, strict=True):
        assert np.array_equal(old.pixels, pixels)
        assert frame.pixels[9, 10].max() < 0.7 * frame.white


def test_grey_pictures_have_no_pure_colours():
    frames = [
        replace(frame, pixels=frame.pixels.max(2, keepdims=True).repeat(3, 2), grey=True)
        for frame in bracket(texture(), stuck=[(9, 10)])
    ]

    assert not len(find_stuck(frames, EXPOSURES))


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (4, 5)])
def test_frames_of_few_pixels_are_read(size):
    frames = [frame_of(np.full((*size, 3), 65535, np.uint16)) for _ in EXPOSURES]

    assert not len(find_stuck(frames, EXPOSURES))
