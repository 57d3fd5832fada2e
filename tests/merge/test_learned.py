"""The learned merge, with tiny networks of random weights."""

from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import final

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from deghost.align.warp import Warp
from deghost.layers.reconstructor import Reconstruction, Reconstructor
from deghost.layers.weights import Card, save_weights
from deghost.merge.blending import extended
from deghost.merge.exposure_guides import ExposureGuide
from deghost.merge.guides import make_guides
from deghost.merge.learned import RIMS, NetworkMerge, Tiling, learned_method, surroundings
from deghost.merge.measured import merge_tile
from deghost.merge.packing import network_frames, otsu_masks, otsu_thresholds, read_batch
from deghost.merge.plan import plan_merge
from deghost.merge.reading import Source
from deghost.merge.render import render
from deghost.merge.scenes import bracket_of, merge_scene
from deghost.merge.settings import NETWORKS, MergeSettings
from deghost.merge.tile_methods import TileMethod
from deghost.merge.tiles import tile_windows
from deghost.models.zoo import NETWORKS as ZOO
from deghost.models.zoo import build_network
from deghost.radiometry.matching import LEVELS, Match
from deghost.segment.exposure import otsu_mask
from deghost.types import Scene


SMALL = {
    "ahdrnet": {"width": 8, "growth": 4, "layers": 2},
    "hdr-transformer": {"width": 12, "heads": 2, "layers": 2, "reduction": 4},
    "segdeghost": {"width": 4, "motion_widths": (2, 4, 4, 4)},
    "tmrnet": {
        **{"layout": "srgb6", "frames": 3, "width": 8, "groups": 2},
        **{"common": 1, "specific": 1, "outer": 1},
    },
    "vam": {},
}
CARD = Card("none: random", "Apache-2.0")
EXPOSURES = torch.tensor([1.0, 4.0, 16.0])
WHOLE = Tiling(side=1024, rim=0, overlap=0)
NARROW = {"ahdrnet": 32, "hdr-transformer": 32, "segdeghost": 64, "tmrnet": 64, "vam": 96}


@pytest.fixture
def weigh(tmp_path):
    """A function that writes weights of a small network, and gives the file's name."""

    def write(name, change=None, **config):
        torch.manual_seed(3)
        network = build_network(name, **{**SMALL[name], **config})
        if change is not None:
            with torch.no_grad():
                change(network)
        path = tmp_path / f"{name}.safetensors"
        save_weights(path, name, network.config, network.state_dict(), CARD, half=False)
        return str(path)

    return write


@pytest.fixture
def exactly(monkeypatch):
    """Keep networks to single floats for a while."""

    @contextmanager
    def keep():
        with monkeypatch.context() as patch:
            patch.setattr("deghost.merge.learned.short_numbers", lambda device: nullcontext())
            yield

    return keep


def scene_of(size=(96, 96), exposures=EXPOSURES, reference=1, seed=0):
    """A scene of seven stops, the upper ones clipped by all frames but the darkest."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 12, 14, generator=generator)
    truth = 0.005 * 2 ** (7 * functional.interpolate(coarse, size, mode="bicubic")[0].clamp(0, 1))
    frames = (truth * exposures[:, None, None, None]).clamp(0, 1)
    codes = (frames ** (1 / 2.2) * 65535).round() / 65535
    return Scene("seven stops", codes, exposures, reference, truth=truth)


def source_of(scene, **settings):
    """What merges a scene: the source, its guides."""
    bracket = bracket_of(scene)
    known = {"align": "none", "reference": scene.reference, "response": "gamma2.2"}
    plan = plan_merge(bracket, MergeSettings(**known, **settings, pixel_type="float"))
    source = Source(bracket, plan, plan.prepared.curves)
    return source, make_guides(plan, plan.prepared)


def rendered(source, guides, method):
    pixels = np.zeros((*source.plan.size, 3), np.float32)
    for tile in render(source, guides, method=method):
        y, x, h, w = tile.window
        pixels[y : y + h, x : x + w] = tile.pixels
    return torch.from_numpy(pixels).permute(2, 0, 1)


@final
class Stub(Reconstructor):
    """A network that computes a function of a batch."""

    def __init__(self, compute):
        super().__init__()
        self.compute = compute

    @property
    def frames(self):
        return None

    def forward(self, batch):
        return Reconstruction(self.compute(batch))


def by_stub(source, guides, compute, tiling=WHOLE):
    merge = NetworkMerge(
        Stub(compute), torch.device("cpu"), network_frames(source, (0, 1, 2)), tiling
    )
    way = TileMethod(merge, (tiling.tile, tiling.tile), tiling.overlap, 1, merge.mending.notes)
    return rendered(source, guides, way), way


def test_every_network_that_merges_is_a_method():
    """The methods are the networks of the zoo that give radiance, and the house's own."""
    reconstructing = {
        name for name, (network, _) in ZOO.items() if issubclass(network, Reconstructor)
    }

    assert set(NETWORKS) == {*reconstructing, "deghostnet"}
    assert set(RIMS) == reconstructing


@pytest.mark.parametrize("name", SMALL)
def test_tiles_make_the_picture_that_the_whole_makes(name, weigh, exactly):
    """Within 60 dB, and with no seam above a thousandth of the range."""
    source, guides = source_of(scene_of((64, 224)), method=name, weights=weigh(name))
    cut = Tiling(side=32 + 2 * NARROW[name], rim=NARROW[name], overlap=8)
    methods = [learned_method(source, tiling) for tiling in (WHOLE, cut)]

    with exactly():
        whole, tiled = (rendered(source, guides, way) for way in methods)

    span = float(whole.max() - whole.min())
    error = (tiled - whole) / span
    assert span > 0
    assert -10 * float(error.square().mean().log10()) > 60
    assert max(float(error.diff(dim=axis).abs().max()) for axis in (1, 2)) < 1e-3


def test_a_constant_stays_constant_through_all_tiles(weigh):
    """Weights of overlapping tiles add up to 1; the result is in the merge's scale."""

    def only_bias(network):
        network.last.weight.zero_()
        network.last.bias.fill_(-8.0)

    path = weigh("ahdrnet", only_bias)
    source, guides = source_of(scene_of((64, 224)), method="ahdrnet", weights=path)

    made = rendered(source, guides, learned_method(source, Tiling(96, 32, 8)))

    expected = torch.tensor(-8.0).sigmoid() * 4  # the reference's exposure, four darkest ones
    assert torch.allclose(made, expected.expand_as(made), rtol=1e-5)


@pytest.mark.parametrize("reference", [0, 1, 2])
def test_radiance_keeps_its_scale(reference):
    """A network that gives the darkest frame's light back gives the scene in the merge's scale."""
    scene = scene_of(reference=reference)
    source, guides = source_of(scene)

    made, _ = by_stub(source, guides, lambda batch: batch.frames[:, 0, 3:], Tiling(64, 16, 8))

    assert torch.allclose(made, scene.truth * EXPOSURES[reference], rtol=0.01, atol=1e-4)


def test_frames_are_shown_as_in_training():
    """Exposures are relative to the darkest, codes are roots, radiance is light by exposure."""
    scene = scene_of()
    source, _ = source_of(scene)

    batch = read_batch(source, network_frames(source, (0, 1, 2)), (10, 20, 30, 40))

    linear = (scene.truth * EXPOSURES[:, None, None, None]).clamp(max=1)[..., 10:40, 20:60]
    assert batch.exposures.tolist() == [[1, 4, 16]]
    assert batch.reference == 1
    assert torch.allclose(batch.frames[0, :, :3], linear ** (1 / 2.2), atol=1e-3)
    shown = batch.frames[0, :, 3:] * EXPOSURES[:, None, None, None]
    assert torch.allclose(shown, linear, atol=1e-3)


def test_what_a_frame_does_not_show_is_taken_from_the_reference():
    """Beyond the edge of a shifted frame stands the reference's light at the frame's exposure."""
    source, _ = source_of(scene_of())
    shift = Warp(np.array([[1.0, 0, 12], [0, 1, 0], [0, 0, 1]]), source.plan.size, "shift")
    plan = replace(source.plan, warps=(shift, *source.plan.warps[1:]))

    batch = read_batch(
        replace(source, plan=plan), network_frames(source, (0, 1, 2)), (0, 0, 96, 96)
    )

    darkest, reference = batch.frames[0, 0], batch.frames[0, 1]
    assert torch.allclose(darkest[3:, :, 84:], reference[3:, :, 84:], rtol=1e-5)
    assert not torch.allclose(darkest[3:, :, :84], reference[3:, :, :84], rtol=0.1)


def test_a_matched_frame_clips_at_one_again():
    """Its exposure takes the gain of matching instead, so that its radiance stays."""
    scene = scene_of()
    source, _ = source_of(scene)
    gain = Match(((0.5,) * len(LEVELS),) * 3, remaining=0.0, before=0.5)
    plan = replace(source.plan, matches=(None, None, gain))
    curve = source.curves[2]
    table = curve.table.copy()
    table[..., :3] *= 2**0.5
    curves = (*source.curves[:2], replace(curve, table=table, match=gain))

    chosen = network_frames(replace(source, plan=plan, curves=curves), (0, 1, 2))
    batch = read_batch(replace(source, plan=plan, curves=curves), chosen, (0, 0, 96, 96))

    assert batch.exposures[0].tolist() == pytest.approx([1, 4, 16 / 2**0.5])
    assert batch.frames[0, 2, :3].max().item() == pytest.approx(1)
    unmatched = read_batch(source, network_frames(source, (0, 1, 2)), (0, 0, 96, 96))
    assert torch.allclose(batch.frames[0, 2, 3:], unmatched.frames[0, 2, 3:] * 2**0.5)


def test_nothing_much_brighter_than_the_frames_is_invented():
    """A network gone wild gives four times what the brightest frame shows close by, no more."""
    scene = scene_of()
    source, guides = source_of(scene)

    made, _ = by_stub(source, guides, lambda batch: torch.full_like(batch.frames[:, 0, 3:], 1e6))

    brightest = functional.max_pool2d(scene.truth.amax(0)[None], 5, 1, 2) * 4
    assert torch.allclose(made, (4 * brightest).expand_as(made), rtol=0.01, atol=1e-3)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_where_a_network_fails_the_weighted_merge_stands(bad):
    """Numbers that are not finite are replaced, and a note says so."""
    source, guides = source_of(scene_of())

    def partly(batch):
        radiance = batch.frames[:, 1, 3:].clone()
        radiance[:, 1, 10:20, 30:50] = bad
        return radiance

    made, way = by_stub(source, guides, partly)

    whole = merge_tile(source, guides, (0, 0, *source.plan.size))
    assert made.isfinite().all()
    assert torch.equal(made[:, 10:20, 30:50], whole[:, 10:20, 30:50])
    assert way.notes() == (
        "the network gave no finite number in 200 pixels; the weighted merge stands there",
    )


def test_masks_of_tiles_are_those_of_the_whole():
    """Otsu's threshold is that of the whole frame, and the reference is believed everywhere."""
    source, _ = source_of(scene_of())
    chosen = network_frames(source, (0, 1, 2))
    thresholds = otsu_thresholds(source, chosen)
    whole = read_batch(source, chosen, (0, 0, 96, 96))
    part = read_batch(source, chosen, (32, 16, 40, 48))

    masks = otsu_masks(whole, thresholds)

    assert torch.equal(otsu_masks(part, thresholds), masks[..., 32:72, 16:64])
    assert masks[0, 1].all()
    for k, side in ((0, "dark"), (2, "bright")):
        assert (masks[0, k] != otsu_mask(whole.frames[0, k, :3], side)).float().mean() < 0.01


def test_masks_that_were_asked_for_go_to_the_network(weigh):
    """Masks of what is well exposed, found or imported, take the place of Otsu's."""
    source, guides = source_of(scene_of(), method="vam", weights=weigh("vam"))
    way = learned_method(source, WHOLE)
    ones = torch.ones_like(guides.still[0])
    told = ExposureGuide(0.25 * ones, ones, ones)

    batch = way.compute.read(source, replace(guides, exposed=(told, told, None)), (0, 0, 32, 32))

    assert batch.masks[0, 0].unique().tolist() == [0.25]
    assert batch.masks[0, 1].unique().tolist() == [1]
    assert set(batch.masks[0, 2].unique().tolist()) <= {0, 1}


def test_short_numbers_change_little(weigh, exactly):
    """What the machine makes in its fast format is the same picture."""
    source, guides = source_of(scene_of(), method="segdeghost", weights=weigh("segdeghost"))
    way = learned_method(source, WHOLE)

    fast = rendered(source, guides, way)
    with exactly():
        exact = rendered(source, guides, way)

    assert (fast - exact).abs().max() < 0.02 * exact.max()


def test_a_scene_is_merged_in_the_scale_of_its_truth(weigh):
    """Settings of a network reach it, and radiance comes back as the truth is told."""

    def only_bias(network):
        network.last.weight.zero_()
        network.last.bias.fill_(-8.0)

    scene = scene_of(exposures=2 * EXPOSURES)
    settings = MergeSettings(method="ahdrnet", weights=weigh("ahdrnet", only_bias), align="none")

    made = merge_scene(scene, settings)

    expected = torch.tensor(-8.0).sigmoid() / 2
    assert torch.allclose(made, expected.expand_as(made), rtol=1e-4)


@given(
    whole=st.tuples(st.integers(1, 900), st.integers(1, 900)),
    side=st.sampled_from([128, 256]),
    overlap=st.integers(0, 16),
    place=st.floats(0, 0.999),
)
@settings(max_examples=40)
def test_surroundings_hold_the_window_and_its_margin(whole, side, overlap, place):
    """They lie in the area and on the grid, and are no larger than the network's window."""
    tiling = Tiling(side, 32, overlap)
    area = (7, 3, *whole)
    tiles = tile_windows(area, (tiling.tile, tiling.tile))
    window = extended(tiles[int(place * len(tiles))], area, overlap)

    part = surroundings(window, area, tiling)

    for axis in (0, 1):
        start, end = part[axis], part[axis] + part[axis + 2]
        assert (start - area[axis]) % 32 == 0
        assert area[axis] <= start <= max(area[axis], window[axis] - 32 + overlap)
        reach = window[axis] + window[axis + 2] + 32 - overlap
        assert min(reach, area[axis] + area[axis + 2]) <= end <= area[axis] + area[axis + 2]
        assert part[axis + 2] <= side
