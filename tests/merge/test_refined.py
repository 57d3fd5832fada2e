from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import max_pool2d

from deghost.merge import refined
from deghost.merge.guides import FILL_LIMIT, make_guides
from deghost.merge.measured import merge_tile
from deghost.merge.plan import plan_merge
from deghost.merge.reading import Source, read_layer
from deghost.merge.refined import finished_by
from deghost.merge.render import render
from deghost.merge.scenes import bracket_of
from deghost.merge.settings import MergeSettings
from deghost.merge.weighted import start_fusion
from deghost.models.deghostnet import (
    DETAIL,
    DEVIATIONS,
    FLOOR,
    REACH,
    DeghostNet,
    DeghostNetConfig,
)
from deghost.segment.learned_motion import COMPRESSION, compressed
from deghost.segment.motion import MotionSettings
from deghost.types import Scene


@pytest.fixture(scope="module")
def prepared():
    """A noisy scene of 96 x 160 pixels, planned."""
    generator = np.random.default_rng(0)
    light = 0.05 * 2 ** (3 * generator.random((3, 12, 20)))
    truth = torch.from_numpy(light.repeat(8, 1).repeat(8, 2).astype(np.float32))
    exposures = torch.tensor([1.0, 4.0])
    frames = []
    for exposure in exposures.tolist():
        noise = torch.from_numpy(generator.normal(0, 0.01, truth.shape).astype(np.float32))
        codes = (truth * exposure + noise).clamp(0, 1) ** (1 / 2.2)
        frames.append((codes * 65535).round() / 65535)
    scene = Scene("blocks", torch.stack(frames), exposures, 1)
    bracket = bracket_of(scene)
    settings = MergeSettings(
        response="gamma2.2", reference=1, align="none", crop=False, pixel_type="float"
    )
    plan = plan_merge(bracket, settings)
    return Source(bracket, plan, plan.prepared.curves), make_guides(plan, plan.prepared)


def picture(prepared, network):
    """The whole refined picture."""
    method = finished_by(network.eval(), torch.device("cpu"))
    source, guides = prepared
    result = np.empty((96, 160, 3), np.float32)
    for tile in render(source, guides, method=method):
        y, x, height, width = tile.window
        result[y : y + height, x : x + width] = tile.pixels
    return torch.from_numpy(result).permute(2, 0, 1)


def wild():
    torch.manual_seed(1)
    network = DeghostNet(DeghostNetConfig(widths=(8, 12)))
    torch.nn.init.normal_(network.leave.weight, std=0.5)
    return network


def test_a_fresh_network_leaves_the_merge_as_it_is(prepared):
    """Nothing is added, and little is taken from the other pictures, which agree."""
    source, guides = prepared
    merged = merge_tile(source, guides, (0, 0, 96, 160))

    assert torch.allclose(picture(prepared, DeghostNet()), merged, rtol=0.02, atol=1e-3)


def test_tiles_do_not_show(prepared, monkeypatch):
    """Cut into tiles a picture is what it is in one piece, within a thousandth of the range."""
    exact = torch.autocast("cpu", enabled=False)
    monkeypatch.setattr(refined, "short_numbers", lambda device: exact)
    whole = picture(prepared, wild())

    monkeypatch.setattr(refined, "TILE", (48, 64))

    assert (picture(prepared, wild()) - whole).abs().max() < 1e-3 * whole.max()


def test_numbers_that_are_none_give_way_to_the_merge(prepared):
    """A broken network harms nothing, and a note says so."""
    source, guides = prepared
    network = DeghostNet(DeghostNetConfig(widths=(8, 12)))
    torch.nn.init.constant_(network.leave.bias, float("nan"))

    merged = merge_tile(source, guides, (0, 0, 96, 160))

    assert torch.allclose(picture(prepared, network), merged)
    method = finished_by(network.eval(), torch.device("cpu"))
    with torch.inference_mode():
        method.compute(source, guides, (0, 0, 16, 20))
    assert method.notes() == (
        "the network gave no finite number in 320 pixels; the weighted merge stands there",
    )


def test_highlights_are_limited(prepared):
    """Whatever the weights say, nothing is brighter than the limit beyond what was measured."""
    source, guides = prepared
    merged = merge_tile(source, guides, (0, 0, 96, 160))

    assert picture(prepared, wild()).max() <= FILL_LIMIT * merged.max() + 1e-5


def test_what_is_told_not_to_have_moved_is_averaged(prepared):
    """With deghosting off, or certain masks, nothing but noise and false detail is taken away."""
    source, guides = prepared
    off = replace(source, plan=replace(source.plan, motion=MotionSettings(strength=0.0)))
    merged = merge_tile(off, guides, (0, 0, 96, 160))
    noise = start_fusion(read_layer(source, 1, (0, 0, 96, 160))).weight.amin().rsqrt()

    finished = picture((off, guides), wild())

    away = (compressed(finished) - compressed(merged)).abs()
    brightness = compressed(merged).mean(0, keepdim=True)
    contrast = max_pool2d(brightness, REACH, 1, REACH // 2)
    contrast = contrast + max_pool2d(-brightness, REACH, 1, REACH // 2)
    limit = DEVIATIONS * noise / (merged + 1e-3) / COMPRESSION + FLOOR + DETAIL * contrast
    assert (away <= 1.2 * limit).all()


def test_grey_frames_stay_grey():
    """A camera without colours gets none."""
    scene = Scene(
        "grey", torch.rand(2, 1, 96, 160).expand(-1, 3, -1, -1), torch.tensor([1.0, 4]), 1
    )
    bracket = bracket_of(scene)
    settings = MergeSettings(response="linear", align="none", crop=False)
    plan = plan_merge(bracket, settings)
    guides = make_guides(plan, plan.prepared)

    grey = picture((Source(bracket, plan, plan.prepared.curves), guides), wild())

    assert torch.equal(grey, grey[:1].expand(3, -1, -1))


def test_frames_that_are_masked_away_for_certain_do_not_count(prepared):
    """What a user has painted out leaves no trace, whatever the weights say."""
    source, guides = prepared
    gone = torch.zeros_like(guides.still[0])
    certain = replace(guides, still=(gone, torch.ones_like(gone)), certain=True)
    first, second = source.bracket.frames
    black = replace(first, pixels=np.zeros_like(first.pixels))
    other = replace(source, bracket=replace(source.bracket, frames=(black, second)))

    assert torch.equal(*(picture((frames, certain), wild()) for frames in (source, other)))


def test_half_floats_are_not_taken_where_highlights_may_exceed_them():
    """A network may give four times what the darkest frame can show, the weighted merge may not."""
    truth = torch.rand(3, 96, 160, generator=torch.Generator().manual_seed(2)) * 20_000 + 5_000
    exposures = torch.tensor([3e-5, 6e-5])
    frames = torch.stack([(truth * exposure).clamp(0, 1) for exposure in exposures])
    bracket = bracket_of(Scene("sun", frames, exposures, 0))

    def pixel_type(method):
        settings = MergeSettings(method=method, response="linear", align="none", scale="absolute")
        return plan_merge(bracket, settings).pixel_type

    assert pixel_type("weighted") == "half"
    assert pixel_type("deghostnet") == "float"


def test_a_network_cannot_darken_what_clips_in_the_reference(prepared):
    """Light is at least what a clipped value shows, less the error of a curve near white."""
    source, guides = prepared
    black = DeghostNet(DeghostNetConfig(widths=(8, 12)))
    torch.nn.init.constant_(black.leave.bias, -100.0)
    reference = start_fusion(read_layer(source, 1, (0, 0, 96, 160)))

    darkened = picture((source, guides), black)

    proven = (reference.level - refined.UNSURE) * reference.clipped
    assert reference.clipped.amax() == 1
    assert bool((darkened >= proven - 1e-6).all())
