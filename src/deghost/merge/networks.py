"""Which network merges a bracket: its weights, its frames, its device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from pathlib import Path

import torch

from deghost.errors import BracketError, PlanError, SettingsError, WeightsError
from deghost.layers.devices import find_device
from deghost.layers.reconstructor import Reconstructor
from deghost.layers.weights import read_header, read_weights
from deghost.merge.settings import NETWORKS, Device, MergeSettings
from deghost.models.deghostnet import DeghostNet
from deghost.radiometry.exposure import ev100


WIDEST_STEP = 4.0  # stops between the frames that a network is given, where there is a choice


@dataclass(frozen=True)
class NetworkUse:
    """A network's part in a plan. Plain data."""

    weights: str  # the name of weights that come with deghost, or a file
    checksum: str  # of the weights
    frames: tuple[int, ...]  # of the bracket, darkest first
    device: Device

    def __post_init__(self) -> None:
        if len(self.frames) < 2 or list(self.frames) != sorted(set(self.frames)):
            raise ValueError(f"a network needs two frames or more in order, not {self.frames}")

    def moved(self, name: Callable[[Path], Path]) -> "NetworkUse":
        """Name the file of the weights as seen from elsewhere; weights with a name keep it."""
        from deghost.models.zoo import shipped_weights

        if self.weights in shipped_weights():
            return self
        return replace(self, weights=name(Path(self.weights)).as_posix())


def find_network(settings: MergeSettings, count: int) -> NetworkUse | None:
    """Find the network that the settings name, for all frames; None if their method is none.

    Raises WeightsError, SettingsError, or BracketError for fewer frames than it takes.
    """
    method = settings.method
    if method not in NETWORKS:
        return None
    from deghost.models.zoo import find_weights

    choose_device(settings.device)
    weights = settings.weights or default_weights(method)
    use = NetworkUse(weights, "", tuple(range(count)), settings.device)
    needed = open_network(use, method).frames
    if needed is not None and count < needed:
        raise BracketError(
            f"{method} takes {needed} frames, but the bracket has {count}; add frames, or use "
            "--method weighted"
        )
    return replace(use, checksum=read_header(find_weights(use.weights)).checksum)


def with_frames(
    use: NetworkUse | None, method: str, relative: Sequence[float], reference: int
) -> tuple[NetworkUse | None, list[str]]:
    """Choose the frames that a network, if there is one, is given, and say why.

    `relative` are the exposures of all frames relative to the reference.
    """
    if use is None:
        return None, []
    network = open_network(use, method)
    needed = network.frames or len(relative)
    frames = choose_frames(needed, relative, reference)
    notes = []
    if needed < len(relative):
        names = ", ".join(map(str, frames))
        notes.append(
            f"method {method} takes {needed} frames: {names} of 0 to {len(relative) - 1}, the "
            "reference and those that cover the range best"
        )
    at_end = needed > 2 and reference in (frames[0], frames[-1])
    if at_end and isinstance(network, Reconstructor):
        end = "darkest" if reference == frames[0] else "brightest"
        notes.append(
            f"method {method}: the reference is the {end} frame; networks are trained with one "
            "in the middle, which --reference can choose"
        )
    return replace(use, frames=frames), notes


def choose_frames(needed: int, relative: Sequence[float], reference: int) -> tuple[int, ...]:
    """Choose frames around a reference, darkest first.

    The reference lies in the middle if it can, steps are at most `WIDEST_STEP` if they can, the
    range is the widest there is, and the steps are even.

    Example:
        >>> choose_frames(3, [0.0625, 0.25, 1.0, 4.0, 8.0], 2)
        (0, 2, 4)
    """
    stops = [-ev100(exposure) for exposure in relative]

    def cost(frames: tuple[int, ...]) -> tuple[float, ...]:
        steps = [stops[b] - stops[a] for a, b in pairwise(frames)]
        off_middle = abs(frames.index(reference) - needed // 2)
        return off_middle, max(0.0, max(steps) - WIDEST_STEP), -sum(steps), max(steps)

    others = [k for k in range(len(relative)) if k != reference]
    chosen = (tuple(sorted((reference, *some))) for some in combinations(others, needed - 1))
    return min(chosen, key=cost)


def open_network(use: NetworkUse, method: str) -> Reconstructor | DeghostNet:
    """Read the network that a method uses. Raises WeightsError, or PlanError if it has changed."""
    from deghost.models.zoo import find_weights, network_of

    weights = read_weights(find_weights(use.weights))
    header = weights.header
    if header.name != method:
        raise WeightsError(
            f"{use.weights} is for {header.name}, not for {method}; give other weights or another "
            "method"
        )
    if use.checksum not in ("", header.checksum):
        raise PlanError(f"{use.weights} has changed since the plan was made; plan again")
    network = network_of(weights, use.weights)
    if isinstance(network, DeghostNet):
        return network
    assert isinstance(network, Reconstructor)  # as all other methods that are networks
    if network.layout != "srgb6" or network.scale != 1:
        kind = "mosaics" if network.layout == "raw4" else "enlarging"
        raise WeightsError(
            f"{use.weights} is for {kind}; merging needs weights for RGB frames (layout srgb6, "
            "scale 1)"
        )
    return network


def default_weights(method: str) -> str:
    """Give the name of the weights of a network that come with deghost. Raises WeightsError."""
    from deghost.models.zoo import shipped_weights

    names = [name for name, path in shipped_weights().items() if read_header(path).name == method]
    if not names:
        raise WeightsError(
            f"no weights of {method} come with deghost; give a file with --weights, as "
            "`deghost train` writes it"
        )
    return method if method in names else names[0]


def choose_device(device: Device) -> torch.device:
    """Choose where a network runs; `auto` takes the fastest there is. Raises SettingsError."""
    found = find_device(device)
    if found is None:
        raise SettingsError(f"PyTorch finds no {device} here; use --device auto or cpu")
    return found
