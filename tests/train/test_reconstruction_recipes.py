"""Recipes of the networks that reconstruct, and what they are made of."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from deghost.data.scene_settings import SceneSettings
from deghost.data.synthetic import make_scene
from deghost.errors import TrainError, WeightsError
from deghost.evaluate.lpips_networks import VGG16
from deghost.layers.reconstructor import Reconstruction, Reconstructor
from deghost.layers.weights import Card, save_weights
from deghost.models.motion_unet import MotionUNet, MotionUNetConfig
from deghost.models.segdeghost import SegDeghost, SegDeghostConfig
from deghost.models.zoo import NETWORKS, build_network
from deghost.train.batches import joined
from deghost.train.beginnings import begin_from
from deghost.train.brackets import as_batch, turned_batch
from deghost.train.losses import mu_l1
from deghost.train.losses_radiance import clipped_radiance_loss, perceptual_loss, radiance_loss
from deghost.train.measures import radiance_measures
from deghost.train.recipes_motion import pair_loss
from deghost.train.recipes_reconstruction import (
    MOTION_START,
    PAPERS,
    RECONSTRUCTION_RECIPES,
    SIMULATED,
    STREAM,
)
from deghost.train.reconstruction_data import crop, resized, varied, whole


SMALL = {
    "ahdrnet": {"width": 8, "growth": 4, "layers": 1},
    "hdr-transformer": {"width": 12, "heads": 2, "layers": 2},
    "tmrnet": {"width": 8, "common": 1, "specific": 1, "outer": 1, "groups": 2},
    "segdeghost": {"width": 4, "motion_widths": (4, 8), "stack_depth": 1, "fusion_depth": 1},
}


@pytest.fixture(scope="module")
def scene(panoramas):
    return make_scene(panoramas, SceneSettings(size=(48, 64), stops=(2.0, 2.0)), 1, 3)


class Answer(Reconstructor):
    """Says what it was told to say."""

    def __init__(self, radiance):
        super().__init__()
        self.radiance = radiance

    @property
    def frames(self):
        return None

    def forward(self, batch):
        return Reconstruction(self.radiance)


def prepared(recipe, panoramas):
    """What a recipe makes of a scene of the kind that it is for, in small crops."""
    raw = recipe.configuration().layout == "raw4" if "layout" in recipe.changes else False
    raw |= recipe.network == "tmrnet" and "layout" not in recipe.changes
    count = 5 if raw else 3
    kind = {"layout": "raw", "reference": "first"} if raw else {}
    settings = SceneSettings(size=(64, 64), counts=(count,), **kind)
    prepare = recipe.prepare
    small = type(prepare)(prepare.func, **{**prepare.keywords, "side": 32})
    scenes = [make_scene(panoramas, settings, 1, k) for k in range(2)]
    if getattr(recipe.configuration(), "scale", 1) > 1:
        larger = [s.truth.repeat_interleave(4, -1).repeat_interleave(4, -2) for s in scenes]
        scenes = [replace(s, truth=t) for s, t in zip(scenes, larger, strict=True)]
    return joined([small(s, np.random.default_rng(1)) for s in scenes])


@pytest.mark.parametrize("recipe", RECONSTRUCTION_RECIPES, ids=lambda recipe: recipe.name)
def test_every_recipe_learns_measures_and_draws(recipe, panoramas):
    """A batch of its scenes gives every loss a gradient, measures, and a picture."""
    changes = {**recipe.changes, **SMALL.get(recipe.network, {})}
    network = build_network(recipe.network, **changes)
    batch = prepared(recipe, panoramas)

    for _, loss in ((0, recipe.loss), *recipe.later):
        network.zero_grad()
        loss(network, batch).backward()
        assert any(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())
    with torch.no_grad():
        measured = recipe.measure(network.eval(), batch)
        drawn = recipe.picture(network, batch)

    assert recipe.judge in measured
    assert drawn.shape[0] == 3
    if recipe.vary is not None:
        assert recipe.vary(batch, np.random.default_rng(2)).truth.shape == batch.truth.shape


def test_every_network_that_reconstructs_has_recipes_of_both_kinds():
    """One as its paper trains it, and one on the simulator."""
    names = {n for n, (network, _) in NETWORKS.items() if issubclass(network, Reconstructor)}

    assert {recipe.network for recipe in PAPERS} >= names
    assert {recipe.network for recipe in SIMULATED} >= names


def test_what_is_ranked_sees_the_same_scenes_for_as_many_steps():
    """Recipes on three frames differ in rate at most."""
    ranked = [recipe for recipe in SIMULATED if recipe.scenes == STREAM]

    assert len(ranked) >= 6
    assert len({(r.settings.steps, r.settings.batch, r.settings.seed) for r in ranked}) == 1


def test_published_numbers_are_in_the_recipes():
    """Epochs, rates, batches as SPEC has them."""
    recipes = {recipe.name: recipe for recipe in PAPERS}
    vam, seg, transformer = (
        recipes[n].settings
        for n in ("vam@ntire", "segdeghost@kalantari", "hdr-transformer@kalantari")
    )

    assert (vam.batch, vam.learning_rate, vam.schedule, vam.fall_patience) == (
        16,
        1e-3,
        "plateau",
        25,
    )
    assert vam.steps == 100 * 1294 // 16
    assert (seg.batch, seg.learning_rate, seg.fall) == (4, 1e-4, 0.96)
    assert seg.steps // seg.fall_every == 200
    assert (transformer.batch, transformer.learning_rate) == (16, 2e-4)
    assert transformer.steps // transformer.validate_every == 100
    assert recipes["tmrnet@bracketire"].settings.optimiser == "adamw"


def test_masks_are_of_the_named_kind(scene):
    """Ones believe all; others leave something out; the reference is always believed."""
    made = {
        name: crop(scene, np.random.default_rng(1), 32, name).bracket.masks
        for name in ("otsu", "manual", "exposure-unet", "ones")
    }

    assert made["ones"].min() == 1
    assert all(masks.shape == (1, 3, 32, 32) for masks in made.values())
    assert all(masks[:, 1].min() == 1 for masks in made.values())
    assert made["otsu"].min() == 0
    assert ((made["exposure-unet"] > 0) & (made["exposure-unet"] < 1)).any()


def test_light_and_truth_still_fit_after_resizing(scene):
    """The mean of light is kept, and codes are those of the light."""
    batch = as_batch(scene)
    small = resized(batch, 16)

    codes, radiance = small.bracket.frames.chunk(2, dim=2)
    linear = radiance * small.bracket.exposures[:, :, None, None, None]
    assert torch.allclose(codes**2.2, linear, atol=1e-5)
    assert torch.allclose(small.truth.mean((-2, -1)), batch.truth.mean((-2, -1)), rtol=1e-4)
    assert torch.allclose(
        radiance.mean((-2, -1)), batch.bracket.frames[:, :, 3:].mean((-2, -1)), rtol=1e-4
    )


def test_whole_frames_are_mirrored_four_ways(scene):
    """Both ways, at random; nothing is turned."""
    first = as_batch(scene)
    small = resized(first, 16).truth
    seen = {
        tuple(whole(scene, np.random.default_rng(seed), 16, "ones").truth[0, 0, 0, :2].tolist())
        for seed in range(30)
    }

    corners = [small, small.flip(-1), small.flip(-2), small.flip(-2, -1)]
    assert seen == {tuple(c[0, 0, 0, :2].tolist()) for c in corners}


def test_a_truth_is_cut_only_where_asked(scene):
    """On the simulator no network is asked for what no frame shows."""
    bright = replace(scene, truth=scene.truth * 100)

    assert crop(bright, np.random.default_rng(1), 32).truth.max() > 1
    assert crop(bright, np.random.default_rng(1), 32, clipped=True).truth.max() <= 1


def test_turning_a_batch_turns_all_of_it(scene):
    """Frames, masks, motion and truth go together; mosaics stay."""
    batch = crop(scene, np.random.default_rng(1), 32, "otsu", moved=True)
    marked = replace(batch, truth=batch.bracket.masks[:, :3].clone(), motion=batch.bracket.masks)

    for seed in range(8):
        other = varied(marked, np.random.default_rng(seed))
        assert torch.equal(other.truth, other.bracket.masks)
        assert torch.equal(other.motion, other.bracket.masks)
    mosaic = replace(batch, bracket=replace(batch.bracket, frames=batch.bracket.frames[:, :, :4]))
    assert turned_batch(mosaic, [-1], 1) is mosaic


def test_losses_of_radiance(scene):
    """L1 after the mu-law; the clipped form does not see what is brighter than 1."""
    batch = crop(scene, np.random.default_rng(1), 32, clipped=True)
    made = Answer(batch.truth + 3)

    assert torch.allclose(radiance_loss(made, batch), mu_l1(batch.truth + 3, batch.truth))
    assert clipped_radiance_loss(Answer(torch.full_like(batch.truth, 7)), batch) == mu_l1(
        torch.ones_like(batch.truth), batch.truth
    )
    assert clipped_radiance_loss(Answer(batch.truth), batch) == 0


def test_measures_end_at_white(scene):
    """What is brighter than any frame shows neither helps nor hurts; mosaics are averaged."""
    batch = crop(scene, np.random.default_rng(1), 32, clipped=True)
    batch = replace(batch, truth=batch.truth.clamp(max=0.9) + 0.2)
    near = radiance_measures(Answer(batch.truth - 0.05), batch)
    bright = torch.where(batch.truth > 1, batch.truth + 5, batch.truth - 0.05)

    assert radiance_measures(Answer(bright), batch)["psnr-l"] >= near["psnr-l"]
    four = replace(batch, truth=batch.truth[:, [0, 1, 1, 2]])
    greens = four.truth + torch.tensor([0, 0.05, -0.05, 0]).view(1, 4, 1, 1)
    assert radiance_measures(Answer(greens), four)["psnr-mu"] > 60


def test_the_perceptual_loss_sees_features(scene, tmp_path):
    """It is that of radiance plus a hundredth of how far features are apart."""
    torch.manual_seed(1)
    state = {f"features.{k}": v.contiguous() for k, v in VGG16.build().state_dict().items()}
    path = tmp_path / "vgg16.safetensors"
    save_file(state, path)
    batch = crop(scene, np.random.default_rng(1), 32, clipped=True)
    found = (batch.truth * 0.5).requires_grad_()

    loss = perceptual_loss(Answer(found), batch, path)
    loss.backward()

    assert perceptual_loss(Answer(batch.truth), batch, path) == 0
    assert loss > radiance_loss(Answer(found), batch)
    assert found.grad.abs().max() > 0


def test_a_network_starts_from_weights(tmp_path):
    """Its own ones whole; those of a motion U-Net go into SegDeghost's motion networks."""
    torch.manual_seed(1)
    trained = MotionUNet(MotionUNetConfig(widths=(4, 8)))
    path = tmp_path / "motion.safetensors"
    save_weights(path, "motion-unet", trained.config, trained.state_dict(), Card("", ""), False)
    network = SegDeghost(SegDeghostConfig(**SMALL["segdeghost"]))

    begin_from(network, path)

    for inside in network.motion:
        assert torch.equal(inside.body.last.weight, trained.body.last.weight)
    own = MotionUNet(MotionUNetConfig(widths=(4, 8)))
    begin_from(own, path)
    assert torch.equal(own.body.last.weight, trained.body.last.weight)
    with pytest.raises(WeightsError, match="motion.safetensors does not fit"):
        begin_from(SegDeghost(), path)
    with pytest.raises(TrainError, match="motion.safetensors is of a MotionUNet"):
        begin_from(build_network("ahdrnet", **SMALL["ahdrnet"]), path)


def test_the_papers_segdeghost_wants_trained_motion_networks():
    """Without them it would be ablation A2, so it is refused."""
    for recipe in (*PAPERS, *SIMULATED):
        if recipe.network == "segdeghost":
            with pytest.raises(TrainError, match="--begin FILE"):
                recipe.begin(SegDeghost())


def test_a_loss_to_start_with_leaves_full_masks(panoramas):
    """Where a network finds that everything has moved, Dice gives hardly any gradient; it does."""
    scenes = [make_scene(panoramas, SceneSettings(size=(128, 128)), 1, k) for k in range(2)]
    batch = joined([MOTION_START.prepare(s, np.random.default_rng(1)) for s in scenes])
    torch.manual_seed(1)
    network = MotionUNet(MotionUNetConfig(widths=(4, 8)))
    torch.nn.init.constant_(network.body.last.bias, 12.0)
    pulls = []
    for loss in (pair_loss, MOTION_START.loss):
        network.zero_grad()
        loss(network, batch).backward()
        pulls.append(float(network.body.last.bias.grad))

    assert abs(pulls[0]) < 1e-4
    assert pulls[1] > 0.1
