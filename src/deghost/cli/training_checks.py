"""What `deghost train` refuses before any work: numbers that cannot be, options without effect."""

import math
from collections.abc import Mapping
from typing import Any

from deghost.errors import SettingsError
from deghost.train.settings import TrainSettings


LEAST = {  # of whole numbers
    **dict.fromkeys(("steps", "batch", "sights", "pool", "fall_every", "keep"), 1),
    **dict.fromkeys(("log_every", "save_every", "validate_every", "validation_scenes"), 1),
    **dict.fromkeys(("seed", "warm_up", "fall_patience", "patience"), 0),
}
MOST = 2**63 - 1
SMALLEST = 32  # pixels of a side
NO_RECIPE = "without a recipe or --group"
WITHOUT_EFFECT = {
    "with --group": ("--size", "--begin", "--vgg16", "--print"),
    "without --group": ("--rows",),
    "with --scenes": ("--size",),
    "without --scenes": ("--layout",),
}


def check_numbers(settings: TrainSettings, workers: int, size: tuple[int, int] | None) -> None:
    """Raise SettingsError for numbers that cannot be."""
    for name, least in LEAST.items():
        value = getattr(settings, name)
        if value < least:
            raise SettingsError(f"{option_of(name)} {value} is too small; give {least} or more")
        if value > MOST:
            raise SettingsError(f"{option_of(name)} {value} is too large; give {MOST} or less")
    for name, (is_possible, wanted) in _floats(settings).items():
        if not is_possible:
            value = getattr(settings, name)
            raise SettingsError(f"{option_of(name)} {value} is not possible; give {wanted}")
    if workers < 0:
        raise SettingsError(f"--workers {workers} is not possible; give 0 or more")
    if size is not None and min(size) < SMALLEST:
        smallest = f"{SMALLEST} {SMALLEST}"
        raise SettingsError(f"--size {size[0]} {size[1]} is too small; give {smallest} or more")


def check_effect(recipe: str | None, options: Mapping[str, Any]) -> None:
    """Raise SettingsError for an option that does nothing beside the others.

    Example:
        >>> check_effect("vam@simulated", {"--rows": ("A1",)})
        Traceback (most recent call last):
        deghost.errors.SettingsError: --rows has no effect without --group; leave it out
    """
    given = [name for name, value in options.items() if value not in (None, False, ())]
    if recipe is None and "--group" not in given and given:
        raise SettingsError(f"{given[0]} has no effect {NO_RECIPE}; `deghost train` lists both")
    for case, useless in WITHOUT_EFFECT.items():
        relation, deciding = case.split()
        holds = (deciding in given) == (relation == "with")
        for option in useless:
            if holds and option in given:
                raise SettingsError(f"{option} has no effect {case}; leave it out")


def option_of(name: str) -> str:
    """Name a setting as the command line does."""
    return f"--{name.replace('_', '-')}"


def _floats(settings: TrainSettings) -> Mapping[str, tuple[bool, str]]:
    """Tell whether each number is possible, which one that is no number never is, and what is."""
    is_plateau = settings.schedule == "plateau"
    fall = (0 <= settings.fall < 1) if is_plateau else (0 <= settings.fall <= 1)
    return {
        "learning_rate": (0 < settings.learning_rate < math.inf, "a number above 0"),
        "weight_decay": (0 <= settings.weight_decay < math.inf, "0 or more"),
        "clip": (settings.clip > 0, "a number above 0"),
        "average": (0 <= settings.average < 1, "0 to 0.9999"),
        "fall": (fall, "0 to 0.99 for a plateau" if is_plateau else "0 to 1"),
    }
