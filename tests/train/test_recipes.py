"""What holds for every recipe."""

import json
import pickle
from dataclasses import replace

import pytest

from deghost.models.zoo import NETWORKS
from deghost.train.optimisers import rate_at
from deghost.train.recipe import described, identity
from deghost.train.recipes import RECIPES
from deghost.train.settings import TrainSettings


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_can_be_printed_sent_and_built(name):
    """It is plain data in print, goes to worker processes, and fits its network."""
    recipe = RECIPES[name]

    assert json.loads(json.dumps(described(recipe)))["name"] == name
    assert json.dumps(identity(recipe))
    assert pickle.loads(pickle.dumps(recipe.prepare)) is not None
    assert isinstance(recipe.configuration(), NETWORKS[recipe.network][1])


def test_losses_take_over_in_turn():
    """Before a start the one before it holds."""
    recipe = RECIPES["motion-unet@simulated"]

    def second(network, batch):
        raise AssertionError

    def third(network, batch):
        raise AssertionError

    staged = replace(recipe, later=((10, second), (20, third)))

    chosen = [staged.loss_after(step) for step in (0, 9, 10, 19, 20, 99)]

    assert chosen == [recipe.loss] * 2 + [second] * 2 + [third] * 2


def test_rates_fall_as_asked():
    """Exponential: by the factor every so many steps; constant: not at all."""
    falling = TrainSettings(schedule="exponential", fall=0.5, fall_every=10, warm_up=0)

    assert [rate_at(step, falling) for step in (0, 10, 30)] == [1, 0.5, 0.125]
    assert rate_at(999, TrainSettings(schedule="constant")) == 1
