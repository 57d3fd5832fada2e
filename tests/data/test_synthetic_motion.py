from dataclasses import replace

import numpy as np
import pytest

from deghost.data.figures import Cloth, Figure, limb
from deghost.data.motion import (
    Actor,
    Lamp,
    Moment,
    Shot,
    draw_camera_pose,
    draw_ripple,
    nearness,
)
from deghost.data.objects import ball, bird, branch, cut_out, vehicle
from deghost.data.people import dog, person
from deghost.data.rendering import Stage, draw, offset, transform
from deghost.data.shading import Lighting, surroundings
from deghost.data.views import draw_plate, make_panorama


FURNACE = Lighting(surroundings(np.ones((32, 64, 3), np.float32)), np.eye(3))
PATTERN = np.ones((96, 96, 3), np.float32)


@pytest.fixture
def plate():
    """A view of an even grey world."""
    world = make_panorama("grey", np.full((256, 512, 3), 0.5, np.float32))
    return draw_plate(world, (96, 128), np.random.default_rng(0), perspective=0.0)


def disc(colour, place, velocity=(0.0, 0.0), distance=3.0):
    """A round thing of 10 pixels radius without a texture."""
    part = limb(0.0, (10.0, 10.0), 0.0, Cloth(colour), FURNACE)
    part = replace(part, length=20.0)
    figure = Figure("disc", (part,), lambda _: np.array([[[0.0, 0.0], [1.0, 0.0]]]))
    return Actor(figure, place, velocity, 0.0, 20.0, distance)


def shot(start=0.0, duration=0.0, **changes):
    return Shot(Moment(start, duration), np.eye(3), (0.0, 0.0), (0.0, 0.0), **changes)


@pytest.mark.parametrize("make", [person, dog, vehicle, ball, bird, branch, cut_out])
def test_figures_in_even_light_show_their_albedo(make):
    """Under light of 1 from everywhere, no surface shines brighter than white, none is black."""
    for seed in range(3):
        figure = make(np.random.default_rng(seed), 60.0, FURNACE, PATTERN)
        assert len(figure.parts) == len(figure.pose(0.3)) > 0
        for part in figure.parts:
            solid = part.sprite[part.sprite[..., 3] > 0.99][:, :3]
            if len(solid):
                assert solid.max() < 1.15
                assert solid.min() > 0.003


def test_light_from_above_brightens_upper_sides():
    """A level limb under a bright sky is lighter on top, whichever way it points."""
    world = np.full((32, 64, 3), 0.1, np.float32)
    world[:16] = 1.0
    lighting = Lighting(surroundings(world), np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, -1]]))
    for tilt, upper in ((0.0, 0), (np.pi, 1)):
        sprite = limb(40.0, (8.0, 8.0), tilt, Cloth((0.5, 0.5, 0.5)), lighting).sprite
        middle, half = sprite[:, sprite.shape[1] // 2, 1], len(sprite) // 2
        sides = middle[:half].sum(), middle[half:].sum()

        assert sides[upper] > 1.3 * sides[1 - upper]


def test_the_nearer_thing_hides_the_farther_one(plate):
    """Where two things overlap, the last one of the stage is seen."""
    far, near = disc((0.8, 0.1, 0.1), (60.0, 50.0)), disc((0.1, 0.1, 0.8), (68.0, 50.0))

    seen = draw(Stage(plate, (far, near)), shot(), 1).radiance

    assert seen[50, 64, 2] > 3 * seen[50, 64, 0]
    assert seen[50, 54, 0] > 3 * seen[50, 54, 2]


def test_motion_blur_is_as_long_as_the_exposure_lets_a_thing_move(plate):
    """A disc 20 pixels wide that moves 12 pixels in an exposure smears over 32."""
    stage = Stage(plate, (disc((0.02, 0.02, 0.02), (60.0, 50.0), (240.0, 0.0)),))

    still, smeared = (draw(stage, shot(-t / 2, t), 7).radiance for t in (0.0, 0.05))
    widths = [(np.abs(picture[50, :, 1] - 0.5) > 0.02).sum() for picture in (still, smeared)]

    assert widths[0] == pytest.approx(20, abs=1.5)
    assert widths[1] == pytest.approx(20 + 12 * 6 / 7, abs=2)
    assert smeared[50, 60, 1] < 0.1  # dark where the disc is throughout


def test_a_thing_twice_as_near_moves_twice_as_much_when_the_camera_does(plate):
    """Parallax is proportional to one over the distance, counted from the far wall."""
    moved = []
    for distance in (2.0, 4.0):
        actor = disc((0.5, 0.5, 0.5), (60.0, 50.0), distance=distance)
        actor = replace(actor, scale=plate.focal / distance)
        here, there = (actor.segments(0.0, shift)[0, 0, 0] for shift in ((0, 0), (0.02, 0)))
        moved.append((there - here) / (1 / distance - 1 / 12))

    assert moved[0] == pytest.approx(moved[1])
    assert moved[0] == pytest.approx(-plate.focal * 0.02)


def test_ground_is_nearer_further_down():
    """The ground comes nearer towards the lower border; above the horizon all is far."""
    points = np.array([[0.0, -50.0], [0.0, 40.0], [0.0, 80.0]])

    far, middle, near = nearness(points, 0.0, 100.0)

    assert far == pytest.approx(1 / 12)
    assert far < middle < near


@pytest.mark.parametrize("seed", range(8))
def test_ripples_do_not_fold_the_picture(plate, seed):
    """Neighbouring points keep their order at any time, and rest at time 0."""
    ripple = draw_ripple((96, 128), 40.0, 6.0, np.random.default_rng(seed))
    stage = Stage(plate, (), (ripple,))
    y, x = np.mgrid[:96, :128].astype(float)
    points = np.stack([x.ravel(), y.ravel()], axis=1)

    assert np.abs(offset(stage, shot(), points)).max() == 0
    moved = (points + offset(stage, shot(0.7), points)).reshape(96, 128, 2)
    assert np.diff(moved[..., 0], axis=1).min() > 0.2
    assert np.diff(moved[..., 1], axis=0).min() > 0.2


def test_lamps_change_the_light_where_they_shine(plate):
    """A gain for all and one for a region multiply what the frame sees."""
    lamp = Lamp(overall=0.9, region=1.5, centre=(30.0, 30.0), spread=12.0)

    seen = draw(Stage(plate), shot(lamp=lamp), 1).radiance

    assert seen[30, 30] == pytest.approx(0.5 * 0.9 * 1.5, rel=0.02)
    assert seen[90, 120] == pytest.approx(0.5 * 0.9, rel=0.01)


def test_holding_says_how_far_frames_lie_apart():
    """A tripod does not move, alignment leaves pixels, hands a few per cent of the width."""
    corners = np.array([[0.0, 0.0], [255, 0], [0, 255], [255, 255]])
    reach = {}
    for hold in ("tripod", "aligned", "hand"):
        poses = [
            draw_camera_pose((256, 256), hold, np.random.default_rng(seed)) for seed in range(60)
        ]
        away = [np.linalg.norm(transform(p, corners) - corners, axis=1).max() for p in poses]
        reach[hold] = float(np.median(away))

    assert reach["tripod"] == 0
    assert 0.05 < reach["aligned"] < 1.5
    assert 1 < reach["hand"] < 12
