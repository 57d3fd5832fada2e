from dataclasses import replace

import pytest
import torch

from deghost.errors import SettingsError
from deghost.merge.exposure_guides import FLOOR, exposure_guides, masked_proxy, well_exposed
from deghost.merge.guides import make_guides
from deghost.merge.merged import open_bracket, render_plan
from deghost.merge.plan import plan_merge
from deghost.merge.settings import MergeSettings
from deghost.merge.weighted import Layer
from deghost.radiometry.noise import NoiseModel


STILL = {"deghost": 0.0, "align": "none", "pixel_type": "float"}


def planned(paths, **settings):
    chosen = MergeSettings(**{**STILL, **settings})
    bracket = open_bracket(paths, chosen)
    return bracket, plan_merge(bracket, chosen)


def test_the_classical_rule_needs_no_guide(shoot):
    """It is in trust and weights already."""
    _, plan = planned(shoot().paths)

    assert exposure_guides(plan, plan.prepared) == (None, None, None)


def test_a_learned_mask_says_of_clipping_alone(shoot):
    """Weights follow the noise without it; in the shadows it takes no trust away."""
    _, plan = planned(shoot().paths, exposure_mask="learned")

    for k, guide in enumerate(exposure_guides(plan, plan.prepared)):
        mask, linear = masked_proxy(plan, plan.prepared, k)
        assert guide.share is None
        assert torch.equal(guide.mask, mask)
        assert guide.unclipped[linear.amax(0) < 0.1].eq(1).all()
        lights = linear.amax(0) > 0.3
        assert torch.allclose(guide.unclipped[lights], mask[lights].square())


def test_a_known_mask_takes_trust_or_weight(shoot):
    """What it leaves out counts as clipped in the lights, and weighs next to nothing else."""
    _, plan = planned(shoot().paths)
    nothing = [torch.zeros(240, 320)] * 3

    for k, guide in enumerate(exposure_guides(plan, plan.prepared, nothing)):
        brightest = masked_proxy(plan, plan.prepared, k)[1].amax(0)
        assert guide.unclipped[brightest > 0.3].eq(0).all()
        assert guide.share[brightest < 0.1].eq(FLOOR).all()


def test_a_guide_of_ones_changes_nothing():
    """Where everything is well exposed a layer stays as it is."""
    layer = Layer(torch.rand(3, 4, 5), torch.ones(1, 4, 5), 1.0, NoiseModel(1e-4, 1e-6))

    assert well_exposed(layer, None, (0, 0, 4, 5), 1) == (layer, None)


def test_ones_merge_as_the_classical_rule(shoot):
    """Known masks that leave nothing out are those of a merge without masks."""
    bracket, plan = planned(shoot().paths)

    plain = render_plan(bracket, plan).pixels
    masked = render_plan(bracket, plan, exposed=[torch.ones(240, 320)] * 3).pixels

    assert (abs(masked - plain) <= 1e-6 * plain).all()


def test_a_frame_that_is_masked_away_does_not_count(shoot):
    """Left with one frame, the merge is that frame, but for what it clips."""
    bracket, plan = planned(shoot().paths, method="weighted")
    only = [torch.zeros(240, 320), torch.ones(240, 320), torch.zeros(240, 320)]

    merged = render_plan(bracket, plan, exposed=only).pixels
    linear = plan.prepared.proxies[1].full()
    sure = linear.trust[0].eq(1).numpy()

    alone = linear.linear.permute(1, 2, 0).numpy()
    assert abs(merged[sure] / alone[sure] - 1).mean() < 0.01


@pytest.mark.parametrize("method", ["learned", "manual", "otsu", "exposure-unet"])
def test_merges_with_any_mask_are_close_to_the_truth(method, shoot):
    """Whoever finds what is well exposed, a merge of still frames shows the scene."""
    shot = shoot()
    bracket, plan = planned(shot.paths, exposure_mask=method)

    merged = render_plan(bracket, plan).pixels
    error = abs(merged / plan.relative[1] - shot.truth) / (shot.truth + 0.01)

    assert float(torch.from_numpy(error).median()) < 0.05


def test_methods_of_old_take_no_masks():
    """A mask that would have no say is refused."""
    with pytest.raises(SettingsError, match="method debevec takes no masks"):
        MergeSettings(method="debevec", exposure_mask="learned")


def test_learned_masks_trust_codes_nearer_to_white(shoot):
    """A merge by them rests on more of the bright frame than one by codes alone."""
    bracket, plan = planned(shoot().paths)
    learned = replace(plan, exposure_mask="learned")

    one, other = render_plan(bracket, plan).pixels, render_plan(bracket, learned).pixels

    assert (one != other).any()
    assert abs(one - other).mean() < 0.02 * one.mean()


def test_what_moved_is_followed_only_to_what_is_well_exposed(shoot):
    """With flow, a frame that a mask leaves out adds nothing from elsewhere either."""
    shot = shoot(ball=12)
    chosen = MergeSettings(align="flow", pixel_type="float")
    bracket = open_bracket(shot.paths, chosen)
    plan = plan_merge(bracket, chosen)
    nothing = [torch.zeros(240, 320)] * 3

    followed = make_guides(plan, plan.prepared).flows
    masked = make_guides(plan, plan.prepared, exposed=nothing).flows

    assert any(guide is not None for guide in followed)
    for guide in masked:
        assert guide is None or guide.usable.eq(0).all()
