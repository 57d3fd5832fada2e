import numpy as np
import torch

from deghost.align.warp import Warp
from deghost.merge.guides import FILL_LIMIT, make_guides
from deghost.merge.merged import merge_files, open_bracket
from deghost.merge.plan import plan_merge, warped_proxy
from deghost.merge.settings import MergeSettings


def guides_of(paths, **settings):
    chosen = MergeSettings(**settings)
    plan = plan_merge(open_bracket(paths, chosen), chosen)
    return plan, make_guides(plan, plan.prepared)


def test_a_still_scene_has_no_motion(shoot):
    """Noise, JPEG and clipping alone put nothing into the masks."""
    _, guides = guides_of(shoot().paths)

    for still in guides.still:
        assert float((still < 0.5).float().mean()) < 0.002
    assert not guides.fill.any()


def test_a_ball_is_found_where_it_was_and_where_it_is(shoot):
    """The mask of a frame covers the ball's place in it and in the reference."""
    _, guides = guides_of(shoot(ball=40).paths)

    assert float(guides.still[0][150, 20]) < 0.1
    assert float(guides.still[0][150, 60]) < 0.1
    assert float(guides.still[2][150, 100]) < 0.1
    assert float(guides.still[2][40, 40]) == 1


def test_the_fill_never_exceeds_its_limit(shoot):
    """Nothing is assumed to be brighter than two stops above the reference's clipping."""
    _, guides = guides_of(shoot(ball=40).paths, deghost=1.0)

    assert float(guides.fill.amax()) <= FILL_LIMIT


def test_flow_follows_the_ball(shoot):
    """With flow, part of what moved in the other frames is used where the reference has it."""
    shot = shoot(ball=6)
    plan, guides = guides_of(shot.paths, align="flow")

    assert any(flow is not None for flow in guides.flows)
    rigid, followed = merge_files(shot.paths), merge_files(shot.paths, MergeSettings(align="flow"))
    y, x, h, w = plan.crop
    truth = shot.truth[y : y + h, x : x + w]
    errors = [
        float(np.mean((np.log(m.pixels + 1e-3) - np.log(truth + 1e-3)) ** 2))
        for m in (rigid, followed)
    ]
    assert errors[1] < 1.05 * errors[0]


def test_planning_is_repeatable(shoot):
    """The same bracket gives the same guides."""
    paths = shoot(ball=40).paths

    first, second = guides_of(paths)[1], guides_of(paths)[1]

    assert all(torch.equal(a, b) for a, b in zip(first.still, second.still, strict=True))


def test_nothing_lies_beyond_the_edges_of_a_warped_frame(shoot):
    """No light and no trust: a repeated edge would pass for something clipped that moved."""
    chosen = MergeSettings(crop=False)
    plan = plan_merge(open_bracket(shoot().paths, chosen), chosen)
    shift = Warp(np.array([[1.0, 0, 6.5], [0, 1, 0], [0, 0, 1]]), plan.size, "shift")

    proxy = warped_proxy(plan.prepared, [shift] * len(plan.frames), 2)

    beyond = -6 // plan.prepared.factor
    assert not proxy.linear[:, :, beyond:].any()
    assert not proxy.trust[:, :, beyond:].any()
    assert float(proxy.linear[:, :, : beyond - 2].amin()) > 0
