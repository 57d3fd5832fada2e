import cv2
import numpy as np
import pytest
import torch

from deghost.data.scene_settings import SceneSettings
from deghost.data.synthetic import make_scene
from deghost.data.views import make_panorama
from deghost.errors import SettingsError
from deghost.layers.weights import read_header
from deghost.models.exposure_net import ExposureNet
from deghost.models.exposure_unet import ExposureUNet
from deghost.models.zoo import load_network
from deghost.segment.exposure import manual_mask
from deghost.train.exposure_data import (
    FramePool,
    exposed_batches,
    exposed_frames,
    pool_of_scenes,
    ruled_batches,
    ruled_masks,
    simulated_pool,
)
from deghost.train.exposure_runs import PoolSource, budget_of, make_pools, save_unets
from deghost.train.exposure_tables import (
    MEASURES,
    PUBLISHED,
    score_unet,
    train_all,
    train_here,
    write_tables,
)
from deghost.train.recipes_exposure import (
    EXPOSURE_RECIPES,
    HOUSE,
    UNetTraining,
    exposure_net_loss,
    unet_loss,
    unet_trainings,
    with_budget,
)
from deghost.types import Scene


@pytest.fixture(scope="module")
def panoramas():
    rng = np.random.default_rng(2)
    picture = cv2.resize(rng.random((24, 48, 3), np.float32), (512, 256)) ** 4
    return (make_panorama("room", picture * 5),)


@pytest.fixture(scope="module")
def pool(panoramas):
    return simulated_pool(panoramas, 48, 1, 8)


@pytest.fixture(scope="module")
def scene(panoramas):
    return make_scene(panoramas, SceneSettings(size=(64, 64)), 1, 0)


def test_all_frames_of_a_scene_are_prepared_with_their_truth(scene):
    """Codes, light of the same codes, two numbers of noise, and the simulator's truth."""
    frames = exposed_frames(scene)

    assert torch.equal(frames.codes, scene.frames)
    assert torch.equal(frames.well_exposed, scene.well_exposed)
    assert frames.noise.shape == (3, 2)
    assert (frames.linear <= 1).all()


def test_a_scene_without_physical_truth_is_refused(scene):
    """The house's network is for scenes that know what is well exposed."""
    with pytest.raises(SettingsError, match="simulate"):
        exposed_frames(Scene("read", scene.frames, scene.exposures, 1))


def test_a_pool_holds_the_darkest_and_the_brightest_frames(pool):
    """One frame of either kind a scene, the bright ones brighter."""
    assert pool.dark.shape == pool.bright.shape == (8, 3, 48, 48)
    assert pool.dark.float().mean() < pool.bright.float().mean()


def test_frames_of_data_sets_are_cut_into_tiles(scene):
    """A frame of 64 pixels gives four tiles of 30; one of 200 is reduced first."""
    assert len(pool_of_scenes([scene], 30).dark) == 4
    large = Scene("large", torch.rand(3, 3, 200, 400), torch.tensor([1.0, 2, 4]), 1)
    assert len(pool_of_scenes([large], 40).dark) == 8


def test_frames_smaller_than_tiles_are_refused(scene):
    """There is nothing to learn from."""
    with pytest.raises(SettingsError, match="smaller --size"):
        pool_of_scenes([scene], 100)


def test_batches_pair_frames_with_their_masks(pool):
    """However they are mixed and mirrored, a mask is that of its frame."""
    masks = ruled_masks(pool.bright, "bright", "manual")
    batches = ruled_batches(pool.bright, masks, 4, seed=3)

    for _ in range(6):
        batch = next(batches)
        for codes, mask in zip(batch.codes, batch.well_exposed, strict=True):
            assert torch.equal(manual_mask(codes, "bright"), mask)


def test_batches_depend_on_their_seed_alone(pool):
    """The same seed, the same frames in the same order."""
    masks = ruled_masks(pool.dark, "dark", "otsu")
    once, again, other = (ruled_batches(pool.dark, masks, 3, seed) for seed in (1, 1, 2))

    assert torch.equal(next(once).codes, next(again).codes)
    assert not torch.equal(next(once).codes, next(other).codes)


def test_there_is_a_recipe_for_each_of_twelve_trainings_and_for_the_house():
    """Two exposures, three losses, two truths."""
    names = {recipe.name for recipe in EXPOSURE_RECIPES}

    assert len(names) == 13
    assert {"exposure-net", "exposure-unet-high-bce-otsu"} <= names
    assert [training.name in names for training in unet_trainings()] == [True] * 12


@pytest.mark.parametrize("recipe", EXPOSURE_RECIPES, ids=lambda recipe: recipe.name)
def test_every_recipe_prepares_what_its_loss_takes(recipe, scene):
    """From a scene to a loss that a network can learn from."""
    network = {"exposure-net": ExposureNet, "exposure-unet": ExposureUNet}[recipe.network]()
    batch = recipe.prepare(scene, np.random.default_rng(0))

    value = recipe.loss(network, batch)

    assert value.isfinite()
    assert value.requires_grad
    assert recipe.judge in recipe.measure(network.eval(), batch)


def test_a_network_learns_a_rule(pool):
    """A few steps on one batch lower the loss."""
    training = UNetTraining("bright", "dice-bce", "manual")
    masks = ruled_masks(pool.bright, "bright", "manual")
    batch = next(ruled_batches(pool.bright, masks, 8, seed=1))
    torch.manual_seed(1)
    settings = with_budget(training, 25, 8).settings

    steps = train_here(
        ExposureUNet(), [batch] * 25, lambda net, b: unet_loss(net, b, "dice-bce"), settings
    )
    losses = [float(step.loss) for step in steps]

    assert losses[-1] < 0.75 * losses[0]


def test_the_house_network_learns(panoramas):
    """So does the house's, from all frames."""
    scenes = [
        exposed_frames(make_scene(panoramas, SceneSettings(size=(64, 64)), 1, k)) for k in (0, 1)
    ]
    torch.manual_seed(1)

    steps = train_here(ExposureNet(), exposed_batches(scenes, 2, 1), exposure_net_loss, HOUSE)
    losses = [float(next(steps).loss) for _ in range(40)]

    assert losses[-1] < 0.75 * losses[0]


def test_a_perfect_network_has_perfect_scores(pool):
    """Measures are of masks, averaged over frames: all 1 where every mask is right."""

    class Rule(ExposureUNet):
        def forward(self, codes):
            return torch.stack([manual_mask(frame, "bright") for frame in codes]) * 20 - 10

    assert score_unet(Rule(), pool.bright, "bright", "manual") == (1.0,) * 6


def test_published_rows_are_those_of_the_paper():
    """Each with six measures; their mean is AVG, to its last digit, in most."""
    assert len(PUBLISHED) == len(MEASURES) == 6
    means = {key: sum(row[:5]) / 5 - row[5] for key, row in PUBLISHED.items()}

    assert abs(means["dark", "bce"]) < 0.001
    assert sum(abs(gap) < 0.0021 for gap in means.values()) >= 5


def test_tables_show_every_training_beside_the_published_rows(pool, tmp_path):
    """Both tables, our rows and theirs, what was spent, and weights that can be loaded."""
    trainings = [with_budget(training, 1, 2) for training in unet_trainings()[::5]]
    results = list(train_all(trainings, pool, pool))
    budget = budget_of(results, (pool, pool))

    text = write_tables(results, pool, budget)

    assert "3 networks, 1 steps of 2 frames of 48 x 48" in text
    assert "| bce, published | manual | 0.951 | 0.905 |" in text
    assert all(f"| {r.training.loss} | {r.training.rule} |" in text for r in results)
    paths = save_unets(results, budget, tmp_path)
    assert isinstance(load_network(paths[0]), ExposureUNet)
    assert set(read_header(paths[0]).card.metrics) == {f"{name}, validation" for name in MEASURES}


def test_frames_come_from_one_place(tmp_path):
    """Panoramas or a data set, not both and not none."""
    for source in (
        PoolSource(None, None, None, 64, 4),
        PoolSource(tmp_path, None, tmp_path, 64, 4),
    ):
        with pytest.raises(SettingsError, match="one of the two"):
            make_pools(source)


def test_a_pool_knows_its_sides():
    """Dark frames for the dark side."""
    dark, bright = torch.zeros(1, 3, 2, 2, dtype=torch.uint8), torch.ones(1, 3, 2, 2).byte()

    assert FramePool(dark, bright).of("dark") is dark
    assert FramePool(dark, bright).of("bright") is bright
