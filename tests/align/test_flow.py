import cv2
import numpy as np
import pytest
import torch

from deghost.align.flow import (
    dense_flow,
    extend_flow,
    flow_agreement,
    reliable_flow,
    upsample_flow,
    warp_by_flow,
)


@pytest.fixture(scope="module")
def moved(studio):
    """A scene in which everything drifts a little and an ellipse moves by (12, -6)."""
    height, width = studio.size
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    background, thing = studio.scene(1), studio.scene(2)
    truth = np.dstack([2 * np.sin(x / 90), 1.5 * np.cos(y / 70)]).astype(np.float32)
    inside = ((x - 240) / 80) ** 2 + ((y - 180) / 60) ** 2 < 1
    truth[inside] = 12, -6
    later = np.where(np.roll(inside, (-6, 12), (0, 1))[..., None], thing, background)
    earlier = cv2.remap(background, x + truth[..., 0], y + truth[..., 1], cv2.INTER_CUBIC)
    earlier[inside] = np.roll(thing, (6, -12), (0, 1))[inside]
    return np.maximum(earlier, 0), later, truth, inside


def miss(flow, truth):
    return np.linalg.norm(flow.permute(1, 2, 0).numpy() - truth, axis=2)


@pytest.mark.parametrize("stops", [-2.0, 0.0, 2.0])
def test_flow_is_found_across_exposures(studio, moved, stops):
    """Where both frames are well exposed and agree, flow is right within a third of a pixel."""
    earlier, later, truth, _ = moved
    exposures = (2.0, 2.0 * 2.0**stops)
    frames = studio.expose(earlier, exposures[0], 0), studio.expose(later, exposures[1], 1, 0.03)

    flow, trusted = reliable_flow(*frames, exposures)

    sure = trusted.numpy() > 0.5
    assert sure.mean() > 0.5
    assert np.median(miss(flow, truth)[sure]) < 0.25
    assert miss(flow, truth)[sure].mean() < 0.5


def test_extension_betters_what_it_replaces(studio, moved):
    """Where the two directions disagree, the surroundings know more."""
    earlier, later, truth, _ = moved
    exposures = (2.0, 8.0)
    frames = studio.expose(earlier, 2.0, 0), studio.expose(later, 8.0, 1)
    found, back = dense_flow(*frames, exposures), dense_flow(*frames[::-1], exposures[::-1])
    hidden = flow_agreement(found, back).numpy() == 0

    flow, trusted = reliable_flow(*frames, exposures)

    assert hidden.mean() > 0.01
    assert not trusted.numpy()[hidden].any()
    assert miss(flow, truth)[hidden].mean() < 0.95 * miss(found, truth)[hidden].mean()


def test_occluded_places_do_not_agree(studio, moved):
    """What the moving thing hides in the second frame cannot be found there."""
    earlier, later, _, inside = moved
    frames = studio.expose(earlier, 2.0, 0), studio.expose(later, 2.0, 1)

    agrees = flow_agreement(
        dense_flow(*frames, (2.0, 2.0)), dense_flow(*reversed(frames), (2.0, 2.0))
    ).numpy()

    hidden = np.roll(inside, (-6, 12), (0, 1)) & ~inside
    assert agrees[hidden].mean() < 0.35
    assert agrees[cv2.erode(inside.astype(np.uint8), np.ones((25, 25))) > 0].mean() > 0.8


def test_opposite_flows_agree():
    """There and back is the start; where the way leads out of the picture nothing is known."""
    forward = torch.zeros(2, 20, 30)
    forward[0] = 4.0

    agrees = flow_agreement(forward, -forward)

    assert agrees[:, :26].all()
    assert not agrees[:, 26:].any()
    assert not flow_agreement(forward, forward).any()


def test_a_picture_warped_by_its_flow_is_the_reference():
    """A whole-pixel flow copies; beyond the edge nothing is covered."""
    image = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(0))
    flow = torch.zeros(2, 20, 30)
    flow[0], flow[1] = 3.0, -2.0

    warped, inside = warp_by_flow(image, flow)

    assert torch.allclose(warped[:, 2:, :27], image[:, :18, 3:], atol=1e-6)
    assert inside[2:, :27].all()
    assert not inside[:2].any()
    assert not inside[:, 27:].any()


def test_trusted_flow_is_not_changed_by_extension():
    """Only what is distrusted is filled, and between equal flows with their value."""
    flow = torch.zeros(2, 37, 50)
    flow[0], flow[1] = 5.0, -1.0
    trusted = torch.ones(37, 50)
    trusted[10:30, 15:40] = 0
    noisy = flow + 9 * (1 - trusted)

    assert torch.allclose(extend_flow(noisy, trusted), flow, atol=1e-5)
    assert torch.equal(extend_flow(noisy, torch.zeros(37, 50)), noisy)


def test_flow_grows_with_the_picture_and_tiles_fit():
    """A ramp, enlarged fourfold, is the same ramp of four times the flow, tile by tile."""
    flow = torch.stack([torch.arange(30.0).expand(20, 30), torch.full((20, 30), 2.0)])
    whole = upsample_flow(flow, (80, 120), (0, 0, 80, 120))

    tile = upsample_flow(flow, (80, 120), (33, 17, 20, 40))

    assert torch.equal(tile, whole[:, 33:53, 17:57])
    ramp = torch.arange(8.0, 110.0)
    assert torch.allclose(whole[0, 40, 8:110], 4 * ((ramp + 0.5) / 4 - 0.5), atol=1e-3)
    assert torch.allclose(whole[1], torch.tensor(8.0))
