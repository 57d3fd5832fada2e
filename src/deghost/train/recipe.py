"""What a recipe is: everything that decides what a network learns, and from what."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import partial
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from deghost.data.scene_settings import SceneSettings
from deghost.models.zoo import NETWORKS
from deghost.train.fingerprints import begin_told
from deghost.train.loop import Loss
from deghost.train.settings import FREE, TrainSettings
from deghost.train.sources import Prepare, Reuse, Vary


Measure = Callable[[nn.Module, Any], Mapping[str, float]]  # means over a batch, more is better
Picture = Callable[[nn.Module, Any], Float[Tensor, "3 h w"]]  # display values


@dataclass(frozen=True)
class Recipe:
    """How one network is trained. Functions must be importable: worker processes call them."""

    name: str
    about: str  # one line
    network: str  # of the zoo
    prepare: Prepare  # a scene and random numbers -> a batch of one or more
    loss: Loss[Any]  # of the network and a batch
    measure: Measure  # of the network, ready for use, and a batch
    judge: str  # the measure that decides which weights are best
    changes: Mapping[str, Any] = field(default_factory=dict)  # of the network's configuration
    settings: TrainSettings = field(default_factory=TrainSettings)
    scenes: SceneSettings | None = None  # of the simulator; None: from a folder only
    # losses that take over after so many steps, or after a share of all steps below 1
    later: tuple[tuple[float, Loss[Any]], ...] = ()
    vary: Vary | None = None  # changes what was prepared, with random numbers, at every sight
    picture: Picture | None = None  # of a batch to validate on
    begin: Callable[[nn.Module], None] | None = None  # what is done to the fresh network

    def loss_after(self, step: int) -> Loss[Any]:
        """Choose the loss for the step that follows `step`."""
        current = self.loss
        for start, loss in self.later:
            begun = start * self.settings.steps if start < 1 else start
            current = loss if step >= begun else current
        return current

    def reuse(self) -> Reuse:
        """How often scenes are seen."""
        settings = self.settings
        return Reuse(settings.sights, settings.pool, self.vary, settings.seed)

    def configuration(self) -> Any:
        """The network's configuration."""
        return NETWORKS[self.network][1](**self.changes)


def described(value: Any) -> Any:
    """Turn a recipe, or a part of one, into plain data that a person can read.

    Example:
        >>> described((TrainSettings(steps=5).steps, partial(round, ndigits=1)))
        [5, 'round(ndigits=1)']
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: described(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): described(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [described(part) for part in value]
    if isinstance(value, partial):
        bound = [repr(part) for part in value.args]
        bound += [f"{key}={described(part)!r}" for key, part in value.keywords.items()]
        return f"{described(value.func)}({', '.join(bound)})"
    return value.__name__ if callable(value) else value


def identity(recipe: Recipe) -> dict[str, Any]:
    """What must not change between a run and its continuation, as plain data."""
    kept = {key: value for key, value in asdict(recipe.settings).items() if key not in FREE}
    told = described(recipe)
    parts = {key: told[key] for key in ("name", "network", "changes", "scenes")}
    return {**parts, **kept, "beginning": begin_told(recipe.begin)}
