"""Simulated brackets with exact truth: a place, a camera, moving things, drawn from one number.

Scene `i` of seed `s` depends on `s`, `i`, the settings and the panoramas only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float
from numpy.random import SFC64, Generator, SeedSequence

from deghost.data.camera import Camera, draw_camera, expose, expose_mosaic, mosaic, to_sensor
from deghost.data.curves import draw_tone_curve, named_curve
from deghost.data.maps import motion_and_flow, recoverable, well_exposed
from deghost.data.motion import Hold, Lamp, Ripple, Shot, draw_camera_pose, draw_lamp, draw_ripple
from deghost.data.packing import Rendered, as_scene, packed
from deghost.data.rendering import Drawn, Picture, Stage, all_axes, background, draw, settled
from deghost.data.scene_settings import SceneSettings, Schedule, draw_schedule, spread_over
from deghost.data.staging import Place, draw_actors
from deghost.data.views import Panorama, Plate, draw_plate, made_motley
from deghost.types import Scene


BRIGHTEST = 64.0  # radiance, where 1.0 clips the darkest frame: suns beyond are cut
SMEAR = 1.3  # pixels that a thing may move between two instants of an exposure
MOST_INSTANTS = 7


@dataclass(frozen=True)
class Plot:
    """Everything about a scene before anything is rendered."""

    panorama: Panorama
    stage: Stage
    schedule: Schedule
    shots: tuple[Shot, ...]
    instants: tuple[int, ...]  # a frame
    camera: Camera
    bad: Bool[np.ndarray, "h w"] | None  # pixels of the sensor
    hold: Hold
    unit: float  # radiance of the panorama where the darkest frame clips


def generator_of(seed: int, index: int) -> Generator:
    """Make the generator of one scene, independent of every other's."""
    return Generator(SFC64(SeedSequence(seed, spawn_key=(index,))))


def make_scene(
    panoramas: Sequence[Panorama],
    settings: SceneSettings,
    seed: int,
    index: int,
    patterns: Sequence[Panorama] = (),
) -> Scene:
    """Simulate scene `index` of the endless series that a seed starts.

    It is set in one of the panoramas; figures wear `patterns`, or else more of the panoramas.
    """
    generator = generator_of(seed, index)
    plot = draw_plot(panoramas, settings, generator, patterns or panoramas)
    drawn = [draw(plot.stage, s, n) for s, n in zip(plot.shots, plot.instants, strict=True)]
    rendered = photograph(plot, drawn, settings.layout == "raw", generator)
    curve = plot.camera.curve if settings.layout == "srgb" else named_curve("linear")
    details = {"seed": seed, "index": index, **describe(plot)}
    exposures = plot.schedule.exposures, plot.schedule.reference
    return as_scene(rendered, exposures, curve, f"{seed:04d}_{index:06d}", details)


def draw_plot(
    panoramas: Sequence[Panorama],
    settings: SceneSettings,
    generator: Generator,
    patterns: Sequence[Panorama],
) -> Plot:
    """Draw a view, a camera, exposures, and who moves where."""
    panorama = panoramas[int(generator.integers(len(panoramas)))]
    plate = draw_plate(panorama, settings.size, generator, settings.perspective)
    schedule = draw_schedule(settings, generator)
    unit, plate = _metered(plate, schedule, settings, generator)
    if settings.motley and generator.random() < settings.motley:
        plate = made_motley(plate, generator)
    hold = settings.hold[generator.integers(len(settings.hold))]
    shots = _draw_shots(settings, schedule, hold, generator)
    reference = schedule.exposures[schedule.reference]
    seen = background(Stage(plate), shots[schedule.reference])
    bright = 1 - cv2.inRange(seen, (-1.0,) * 3, (1 / reference,) * 3).astype(np.float32) / 255
    actors = draw_actors(
        Place(plate, panorama, unit, bright),
        patterns,
        schedule.moments,
        int(generator.integers(settings.actors[0], settings.actors[1] + 1)),
        (spread_over(settings.pace, generator), settings.distance),
        generator,
    )
    ripples: tuple[Ripple, ...] = ()
    if generator.random() < settings.ripples:
        reach = spread_over(settings.ripple_reach, generator)
        ripples = (draw_ripple(settings.size, plate.horizon, reach, generator),)
    stage = Stage(plate, actors, ripples)
    smeared = generator.random() < settings.blur
    instants = tuple(_instants(stage, shot) if smeared else 1 for shot in shots)
    if not smeared:
        shots = tuple(replace(shot, shake=(0.0, 0.0)) for shot in shots)
    camera = _draw_camera(settings, generator)
    bad = _draw_bad(camera, settings.size, generator)
    return Plot(panorama, stage, schedule, shots, instants, camera, bad, hold, unit)


def photograph(plot: Plot, drawn: Sequence[Drawn], raw: bool, generator: Generator) -> Rendered:
    """Let the camera take what was drawn, and map what it shows."""
    reference = drawn[plot.schedule.reference]
    seen = [_through_lens(d.radiance, plot.camera.blur) for d in drawn]
    frames, good, motion, flow, poses = [], [], [], [], []
    for shot, frame, radiance, exposure in zip(
        plot.shots, drawn, seen, plot.schedule.exposures, strict=True
    ):
        light = radiance * np.float32(exposure)
        sensor = to_sensor(light, plot.camera)
        good.append(well_exposed(light, sensor, plot.camera))
        settle = settled(plot.stage, shot)
        changed, way = motion_and_flow(plot.stage, shot, settle, frame, reference)
        motion.append(changed)
        if raw:
            frames.append(expose_mosaic(sensor, plot.camera, plot.bad, generator)[..., None])
        else:
            codes = expose(sensor, plot.camera, plot.bad, generator)
            frames.append(_shifted(codes, shot.resampled))
        flow.append(way - np.array(shot.resampled, np.float32))
        poses.append(shot.camera @ settle)
    truth = seen[plot.schedule.reference]
    rendered = Rendered(
        np.stack(frames),
        mosaic(to_sensor(truth, plot.camera))[..., None] if raw else truth,
        np.stack(motion),
        np.stack(flow),
        np.stack(good),
        recoverable(motion, good, poses),
        np.stack([_moved_back(p, shot) for p, shot in zip(poses, plot.shots, strict=True)]),
    )
    return packed(rendered) if raw else rendered


def describe(plot: Plot) -> dict[str, object]:
    """List what was drawn, in plain values."""
    camera, moments = plot.camera, plot.schedule.moments
    names = ("iso", "bits", "jpeg_quality", "bayer", "full_well", "read_noise", "sharpening")
    return {
        "panorama": plot.panorama.name,
        "projection": plot.stage.plate.projection,
        "unit": plot.unit,
        "hold": plot.hold,
        "figures": [actor.figure.kind for actor in plot.stage.actors],
        "ripples": len(plot.stage.ripples),
        "parallax": any(any(shot.shift) for shot in plot.shots),
        "blurred": max(plot.instants) > 1,
        "relit": any(shot.lamp != Lamp() for shot in plot.shots),
        "starts": [moment.start for moment in moments],
        "times": [moment.duration for moment in moments],
        "gains": camera.gains.tolist(),
        "to_rgb": camera.to_rgb.tolist(),
        **{name: getattr(camera, name) for name in names},
    }


def _metered(
    plate: Plate, schedule: Schedule, settings: SceneSettings, generator: Generator
) -> tuple[float, Plate]:
    """Choose how bright the frames are; scale the plate to 1.0 = clipping of the darkest."""
    sample = np.maximum(plate.pixels[::4, ::4], 1e-6)
    level = float(np.exp(np.log(sample.mean(axis=2)).mean()))
    reference = float(schedule.exposures[schedule.reference])
    unit = max(level, 1e-6) * reference / spread_over(settings.key, generator)
    if settings.clipped:
        high = float(np.quantile(sample.max(axis=2), 1 - settings.clipped))
        unit = min(unit, high * reference)
    pixels = plate.pixels * np.float32(1 / unit)
    np.minimum(pixels, np.float32(BRIGHTEST), out=pixels)
    return unit, replace(plate, pixels=pixels)


def _draw_shots(
    settings: SceneSettings, schedule: Schedule, hold: Hold, generator: Generator
) -> tuple[Shot, ...]:
    """Draw where the camera is in each frame, and the light; the reference is where all start."""
    strength = generator.uniform(0.2, 1) if generator.random() < settings.light else 0.0
    moves = hold != "tripod" and generator.random() < settings.parallax
    resampled = hold == "aligned" and settings.layout == "srgb" and generator.random() < 0.7
    tremor = generator.normal(0, 30, 2) if hold != "tripod" else np.zeros(2)  # pixels a second
    shots = []
    for number, moment in enumerate(schedule.moments):
        x, y = np.clip(tremor * generator.normal(0.7, 0.3, 2) * moment.duration, -4, 4)
        shake = float(x), float(y)
        if number == schedule.reference:
            shots.append(Shot(moment, np.eye(3), (0.0, 0.0), shake, Lamp(), (0.0, 0.0)))
            continue
        pose = draw_camera_pose(settings.size, hold, generator)
        x, y = np.clip(generator.normal(0, 0.012, 2), -0.03, 0.03) * moves
        shift = float(x), float(y)
        lamp = draw_lamp(settings.size, strength, generator)
        x, y = generator.uniform(-0.5, 0.5, 2) * resampled
        captured = np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]]) @ pose
        shots.append(Shot(moment, captured, shift, shake, lamp, (float(x), float(y))))
    return tuple(shots)


def _instants(stage: Stage, shot: Shot) -> int:
    """Count how many instants make a smooth blur of what moves fastest; odd."""
    ends = shot.moment.start, shot.moment.start + shot.moment.duration
    opening, closing = (all_axes(stage.actors, time, shot.shift) for time in ends)
    if not len(opening):
        return 1
    furthest = float(np.linalg.norm(closing - opening, axis=-1).max())
    return min(MOST_INSTANTS, int(furthest / SMEAR) // 2 * 2 + 1)


def _draw_camera(settings: SceneSettings, generator: Generator) -> Camera:
    """Draw a camera with one of the responses and depths asked for."""
    name = settings.responses[generator.integers(len(settings.responses))]
    curve = draw_tone_curve(generator) if name == "measured" else named_curve(name)
    bits = settings.bits[generator.integers(len(settings.bits))]
    camera = draw_camera(curve, bits, spread_over(settings.iso, generator), generator)
    way = settings.demosaicings[generator.integers(len(settings.demosaicings))]
    camera = replace(camera, demosaicing=way)  # nothing is drawn where there is but one way
    if bits != 8 or generator.random() >= settings.jpeg:
        return replace(camera, jpeg_quality=None)
    return camera


def _draw_bad(
    camera: Camera, size: tuple[int, int], generator: Generator
) -> Bool[np.ndarray, "h w"] | None:
    """Choose the bad pixels of a sensor, which all frames share."""
    count = int(generator.poisson(camera.bad_pixels * size[0] * size[1]))
    if count == 0:
        return None
    bad = np.zeros(size, bool)
    bad[generator.integers(size[0], size=count), generator.integers(size[1], size=count)] = True
    return bad


def _through_lens(radiance: Picture, blur: float) -> Picture:
    return cv2.GaussianBlur(radiance, (5, 5), blur) if blur else radiance


def _shifted(codes: Picture, shift: tuple[float, float]) -> Picture:
    """Move a frame back by a part of a pixel, as an alignment does."""
    if not any(shift):
        return codes
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = codes.shape[1], codes.shape[0]
    moved = cv2.warpAffine(codes, matrix, size, flags=how, borderMode=cv2.BORDER_REFLECT_101)
    return np.clip(moved, 0, 1, out=moved)


def _moved_back(matrix: Float[np.ndarray, "3 3"], shot: Shot) -> Float[np.ndarray, "3 3"]:
    """The pose of a frame after `_shifted`."""
    x, y = shot.resampled
    return np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1.0]]) @ matrix
