"""All recipes by name."""

from deghost.train.recipe import Recipe
from deghost.train.recipes_deghostnet import DEGHOSTNET
from deghost.train.recipes_exposure import EXPOSURE_RECIPES
from deghost.train.recipes_motion import MOTION_RECIPES
from deghost.train.recipes_reconstruction import RECONSTRUCTION_RECIPES, STARTS


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        *EXPOSURE_RECIPES,
        *MOTION_RECIPES,
        *STARTS,
        *RECONSTRUCTION_RECIPES,
        DEGHOSTNET,
    )
}


def find_recipe(name: str) -> Recipe:
    """Give the recipe of a name. Raises KeyError that lists the names there are."""
    if name not in RECIPES:
        raise KeyError(f"no recipe named {name!r}; there are: {', '.join(sorted(RECIPES))}")
    return RECIPES[name]
