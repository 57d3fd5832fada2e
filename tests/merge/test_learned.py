"""The learned merge, with tiny networks of random weights."""

from dataclasses import replace
from typing import final

import numpy as np
import pytest
import torch
from torch.nn import functional

from deghost.errors import BracketError, PlanError, SettingsError, WeightsError
from deghost.layers.reconstructor import Reconstruction, Reconstructor
from deghost.layers.weights import Card, save_weights
from deghost.merge.guides import make_guides
from deghost.merge.learned import NetworkMerge, Tiling, learned_method, surroundings
from deghost.merge.measured import merge_tile
from deghost.merge.merged import merge_files, render_plan
from deghost.merge.networks import choose_device, choose_frames, find_network
from deghost.merge.packing import network_frames
from deghost.merge.plan import plan_merge
from deghost.merge.plan_files import load_plan, plan_from_json, plan_to_json, relative_to
from deghost.merge.reading import Source
from deghost.merge.render import render
from deghost.merge.scenes import bracket_of, merge_scene
from deghost.merge.settings import NETWORKS, MergeSettings
from deghost.merge.tile_methods import TileMethod
from deghost.models.zoo import NETWORKS as ZOO
from deghost.models.zoo import build_network
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
RIMS = {"ahdrnet": 32, "hdr-transformer": 32, "segdeghost": 64, "tmrnet": 64, "vam": 96}


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
    way = TileMethod(merge, (tiling.tile, tiling.tile), tiling.overlap, 1, merge.notes)
    return rendered(source, guides, way), way


def test_every_network_that_merges_is_a_method():
    """The methods are the networks of the zoo that give radiance."""
    assert set(NETWORKS) == {
        name for name, (network, _) in ZOO.items() if issubclass(network, Reconstructor)
    }


@pytest.mark.parametrize("name", SMALL)
def test_tiles_make_the_picture_that_the_whole_makes(name, weigh):
    """Within 60 dB, and with no seam above a thousandth of the range."""
    source, guides = source_of(scene_of((64, 224)), method=name, weights=weigh(name))
    cut = Tiling(side=32 + 2 * RIMS[name], rim=RIMS[name], overlap=8)
    methods = (learned_method(source, tiling) for tiling in (WHOLE, cut))
    exact = [replace(way, compute=replace(way.compute, single=True)) for way in methods]

    whole, tiled = (rendered(source, guides, way) for way in exact)

    span = float(whole.max() - whole.min())
    error = (tiled - whole) / span
    assert span > 0
    assert -10 * float(error.square().mean().log10()) > 60
    assert max(float(error.diff(dim=axis).abs().max()) for axis in (1, 2)) < 1e-3
