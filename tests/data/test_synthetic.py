from dataclasses import replace
from itertools import islice
from operator import attrgetter

import cv2
import numpy as np
import pytest
import torch

from deghost.data.camera import Camera
from deghost.data.curves import named_curve
from deghost.data.rendering import Stage, background, draw, transform
from deghost.data.scene_settings import SceneSettings, draw_schedule
from deghost.data.stream import SceneStream, stream_scenes
from deghost.data.synthetic import draw_plot, generator_of, make_scene, photograph
from deghost.data.views import draw_plate, make_panorama
from deghost.radiometry.response import decode
from deghost.types import Scene


SMALL = SceneSettings(size=(96, 128), actors=(2, 4))
STILL = replace(
    SMALL, actors=(0, 0), ripples=0.0, light=0.0, parallax=0.0, blur=0.0, hold=("tripod",)
)
PLAIN = Camera(
    curve=named_curve("linear"),
    bits=16,
    jpeg_quality=None,
    jpeg_chroma="444",
    full_well=3000.0,
    iso=800.0,
    read_noise=3.0,
    row_noise=0.0,
    converter_bits=14,
    black_level=0.03,
    gains=np.ones(3),
    to_rgb=np.eye(3),
    blur=0.5,
    sharpening=0.0,
    bayer=False,
    bad_pixels=0.0,
)


def plain_plot(panoramas, settings, index):
    """A plot taken by the plain camera."""
    plot = draw_plot(panoramas, settings, generator_of(5, index), panoramas)
    return replace(plot, camera=PLAIN, bad=None)


def take(plot, seed=0):
    """Draw and photograph a plot; also the drawn frames."""
    drawn = [draw(plot.stage, s, n) for s, n in zip(plot.shots, plot.instants, strict=True)]
    return photograph(plot, drawn, raw=False, generator=np.random.default_rng(seed)), drawn


def equal(first: Scene, second: Scene) -> bool:
    """Whether two scenes are the same to the last bit."""
    names = ("frames", "truth", "motion", "flow", "well_exposed", "recoverable", "exposures")
    return all(torch.equal(getattr(first, n), getattr(second, n)) for n in names)


def test_motley_detail_has_colours_of_its_own(panoramas):
    """Then the detail of red says little of that of blue, as it else does."""

    def likeness(motley):
        scene = make_scene(panoramas, replace(STILL, motley=motley), 3, 1)
        tones = scene.truth.clamp(min=1e-6).log2()
        detail = tones - torch.nn.functional.avg_pool2d(tones[None], 9, 1, 4)[0]
        red, _, blue = detail[:, 4:-4, 4:-4].flatten(1)
        return float(torch.corrcoef(torch.stack([red, blue]))[0, 1])

    assert likeness(1.0) < 0.5 * likeness(0.0)


def test_a_scene_depends_on_seed_and_index_only(panoramas):
    """Made again, a scene is the same; another index or seed gives another one."""
    scene = make_scene(panoramas, SMALL, 3, 7)

    assert equal(scene, make_scene(panoramas, SMALL, 3, 7))
    assert not torch.equal(scene.frames, make_scene(panoramas, SMALL, 3, 8).frames)
    assert not torch.equal(scene.frames, make_scene(panoramas, SMALL, 4, 7).frames)


def test_workers_do_not_change_the_stream(panoramas):
    """Two workers yield the scenes that one process makes, in order, from any start."""
    stream = SceneStream(panoramas, replace(SMALL, size=(48, 64)), 9, attrgetter("frames"), first=2)

    alone = list(islice(stream_scenes(stream, 0), 5))
    shared = list(islice(stream_scenes(stream, 2, ahead=1), 5))
    later = next(stream_scenes(replace(stream, first=5), 0))

    assert all(torch.equal(a, b) for a, b in zip(alone, shared, strict=True))
    assert torch.equal(alone[3], later)


@pytest.mark.parametrize("index", range(6))
def test_static_frames_agree_within_noise(panoramas, index):
    """Divided by their exposure, unclipped frames differ from the truth as the noise model says."""
    plot = plain_plot(panoramas, STILL, index)

    rendered, _ = take(plot)

    for frame, good, exposure in zip(
        rendered.frames, rendered.well_exposed, plot.schedule.exposures, strict=True
    ):
        mean = rendered.truth * exposure
        sigma = np.sqrt(mean / 3000 + (3 / 3000) ** 2)
        use = (good > 0)[..., None] & (mean > 6 * sigma) & (mean < 1 - 6 * sigma)
        score = ((frame - mean) / sigma)[use]
        if score.size > 2000:
            assert abs(score.mean()) < 0.1
            assert score.std() == pytest.approx(1, abs=0.06)


def test_merging_more_frames_comes_closer_to_the_truth(panoramas):
    """The noise-optimal merge of a static bracket improves with every brighter frame."""
    settings = replace(STILL, counts=(5,), stops=(1.0, 1.5), jitter=0.0)
    plot = plain_plot(panoramas, settings, 1)
    rendered, _ = take(plot)
    seen = (rendered.truth < 0.9)[..., :]

    weights = np.zeros_like(rendered.truth)
    total, errors = weights.copy(), []
    for frame, exposure in zip(rendered.frames, plot.schedule.exposures, strict=True):
        mean = np.minimum(rendered.truth * exposure, 1)
        weight = exposure**2 / (mean / 3000 + 1e-6) * (mean < 0.9)
        weights, total = weights + weight, total + weight * frame / exposure
        away = (total / np.maximum(weights, 1e-9) - rendered.truth)[seen] / rendered.truth[seen]
        errors.append(float(np.sqrt(np.mean(away**2))))

    assert all(later < earlier for earlier, later in zip(errors, errors[1:], strict=False))
    assert errors[-1] < errors[0] / 2


def test_motion_covers_what_changed(panoramas):
    """Where a frame, put through its camera's pose, differs from the truth, it is marked.

    A shift of less than a pixel is no motion, though the edge of a dark thing may show it.
    """
    settings = replace(SMALL, light=0.0, blur=1.0, hold=("tripod", "hand"), parallax=0.0)
    linear = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    changed = missed = 0
    for index in range(30):
        plot = plain_plot(panoramas, settings, index)
        rendered, drawn = take(plot)
        reference = np.log(drawn[plot.schedule.reference].radiance + 1e-3)
        for shot, frame, motion in zip(plot.shots, drawn, rendered.motion, strict=True):
            if any(shot.shake):
                continue
            light = np.log(frame.radiance + 1e-3)
            seen = cv2.warpPerspective(light, shot.camera, (128, 96), flags=linear)
            inside = cv2.warpPerspective(np.ones((96, 128)), shot.camera, (128, 96), flags=linear)
            away = np.abs(cv2.blur(seen - reference, (5, 5))).max(axis=2)
            differs = cv2.erode(np.float32((away > 0.3) & (inside == 1)), np.ones((3, 3))) > 0
            changed += differs.sum()
            marked = cv2.dilate(motion, np.ones((5, 5))) > 0  # as far as the blur reaches
            missed += (differs & ~marked).sum()

    assert changed > 2000
    assert missed < 0.01 * changed


def test_motion_agrees_with_the_flow_that_made_it(panoramas):
    """All that flows by more than a pixel beyond the camera is marked; the reference never is."""
    marked = unmarked = 0
    settings = replace(SMALL, light=0.0, blur=0.0, hold=("tripod", "hand", "aligned"))
    for index in range(12):
        scene = make_scene(panoramas, settings, 2, index)
        rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(128.0), indexing="ij")
        points = torch.stack([columns, rows], dim=-1).reshape(-1, 2).double().numpy()
        assert not scene.motion[scene.reference].any()
        assert scene.flow[scene.reference].abs().max() < 1e-3
        for motion, flow, camera in zip(scene.motion, scene.flow, scene.camera, strict=True):
            by_camera = transform(camera.double().numpy(), points) - points
            own = flow.permute(1, 2, 0).reshape(-1, 2).numpy() - by_camera
            moves = np.linalg.norm(own, axis=1).reshape(96, 128) > 1.15
            marked += (motion.numpy()[moves] > 0).sum()
            unmarked += (motion.numpy()[moves] == 0).sum()

    assert marked > 5000
    assert unmarked < 0.002 * marked


def test_flow_leads_to_the_same_thing(panoramas):
    """The background found by following the flow is that of the reference."""
    settings = replace(SMALL, light=0.0, actors=(0, 0), ripples=1.0, ripple_reach=(2.0, 3.0))
    for index in range(4):
        plot = plain_plot(panoramas, replace(settings, hold=("hand",), parallax=1.0), index)
        plot = replace(plot, shots=tuple(replace(s, shake=(0.0, 0.0)) for s in plot.shots))
        rendered, drawn = take(plot)
        truth = np.log(drawn[plot.schedule.reference].radiance + 1e-3)
        rows, columns = np.mgrid[:96, :128].astype(np.float32)
        for frame, flow in zip(drawn, rendered.flow, strict=True):
            there = columns + flow[..., 0], rows + flow[..., 1]
            found = cv2.remap(np.log(frame.radiance + 1e-3), *there, cv2.INTER_LINEAR)
            inside = (there[0] > 1) & (there[0] < 126) & (there[1] > 1) & (there[1] < 94)
            off = np.abs(cv2.GaussianBlur(found - truth, (0, 0), 1.0)).mean(axis=2)[inside]
            plain = np.abs(np.log(frame.radiance + 1e-3) - truth).mean(axis=2)[inside]
            assert off.mean() < max(0.03, 0.35 * plain.mean())


def test_recoverable_is_what_a_frame_shows_well_exposed(panoramas):
    """In a still scene: wherever any frame is well exposed, and nowhere else; a sun is lost."""
    for index in range(5):
        scene = make_scene(panoramas, STILL, 6, index)
        darkest_clips = (scene.truth > 1.0).any(dim=0)

        assert torch.equal(scene.recoverable, scene.well_exposed.max(dim=0).values)
        assert not scene.recoverable[darkest_clips].any()


def test_what_is_hidden_in_the_only_good_frame_is_not_recoverable(panoramas):
    """Recoverable pixels are shown by the reference, or by a frame in which nothing moved there."""
    settings = replace(SMALL, hold=("tripod",), parallax=0.0)
    for index in range(6):
        scene = make_scene(panoramas, settings, 8, index)
        free = (scene.well_exposed * (1 - scene.motion)).max(dim=0).values

        assert torch.equal(scene.recoverable, free)


@pytest.mark.parametrize("kind", ["crop", "perspective"])
def test_views_are_never_magnified(kind):
    """Neighbouring pixels of a view look at least as far apart as the panorama's pixels."""
    height, width = 256, 512
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    ramp = make_panorama("ramp", np.stack([columns, rows, 0 * rows], axis=-1))
    size = (96, 128) if kind == "crop" else (20, 26)
    found = 0
    for seed in range(30):
        generator = np.random.default_rng(seed)
        plate = draw_plate(ramp, size, generator, perspective=float(kind == "perspective"))
        assert plate.projection == {"crop": "equirectangular"}.get(kind, "rectilinear")
        scene = plain_plot((ramp,), replace(STILL, size=size), 0)
        seen = background(Stage(plate), scene.shots[0])
        if np.abs(np.diff(seen[..., 0], axis=1)).max() > 20:
            continue  # across the seam
        found += 1
        azimuth = seen[..., 0].astype(float) * 2 * np.pi / width
        elevation = np.pi / 2 - seen[..., 1].astype(float) * np.pi / height
        level = np.cos(elevation)
        towards = np.stack(
            [level * np.sin(azimuth), np.sin(elevation), level * np.cos(azimuth)], -1
        )
        if kind == "crop":
            assert np.abs(np.diff(seen[..., 0], axis=1)).min() > 0.99
            assert np.abs(np.diff(seen[..., 1], axis=0)).min() > 0.99
        else:
            for axis in (0, 1):
                steps = np.linalg.norm(np.diff(towards, axis=axis), axis=-1)
                assert steps.min() > 0.97 * 2 * np.pi / width
    assert found > 5


def test_exposures_keep_their_steps():
    """Steps lie within the range asked for, give or take the jitter; the darkest comes first."""
    settings = replace(SMALL, counts=(2, 3, 5, 7, 9), stops=(1.0, 3.0), total_stops=30.0)
    for seed in range(40):
        schedule = draw_schedule(settings, np.random.default_rng(seed))
        steps = np.diff(np.log2(schedule.exposures))

        assert schedule.exposures[0] == 1
        assert (steps > 0.5).all()
        assert (steps < 3.5).all()
        assert schedule.moments[schedule.reference].middle == pytest.approx(0, abs=1e-12)


def test_frames_decode_to_the_truth_whatever_the_camera(panoramas):
    """In still 16-bit scenes of any camera, decoded frames over exposure are near the truth."""
    settings = replace(STILL, bits=(16,), iso=(100.0, 100.0), responses=("srgb", "measured"))
    for index in range(4):
        scene = make_scene(panoramas, settings, 11, index)
        frame, good = scene.frames[scene.reference], scene.well_exposed[scene.reference]
        if scene.curve is None:
            linear = decode(frame, scene.response)
        else:
            codes = np.linspace(0, 1, scene.curve.shape[1])
            pairs = zip(frame.numpy(), scene.curve.numpy(), strict=True)
            linear = torch.from_numpy(np.stack([np.interp(f, codes, c) for f, c in pairs]))
        light = linear / scene.exposures[scene.reference]
        use = (good > 0) & (light.mean(0) > 0.02 / scene.exposures[scene.reference])

        assert (light / scene.truth)[:, use].median() == pytest.approx(1, abs=0.04)


def test_raw_scenes_are_packed_mosaics(panoramas):
    """Four channels of half the size; unclipped values are truth times exposure."""
    scene = make_scene(panoramas, replace(STILL, layout="raw", counts=(5,)), 1, 2)

    assert scene.frames.shape == (5, 4, 48, 64)
    assert scene.truth.shape == (4, 48, 64)
    assert scene.motion.shape == scene.well_exposed.shape == (5, 48, 64)
    assert scene.flow.shape == (5, 2, 48, 64)
    for frame, good, exposure in zip(
        scene.frames, scene.well_exposed, scene.exposures, strict=True
    ):
        expected = (scene.truth * exposure)[:, good > 0]
        if expected.numel() > 500:
            assert (frame[:, good > 0].mean() / expected.mean()).item() == pytest.approx(1, abs=0.1)
