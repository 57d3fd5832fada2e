"""What a user chooses of a protocol: its metrics, and those that need a file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.errors import SettingsError
from deghost.evaluate.demosaic import Demosaic, load_demosaic
from deghost.evaluate.lpips import Lpips, load_lpips, load_lpips_like
from deghost.evaluate.metrics import EXTRA_METRICS, METRICS
from deghost.evaluate.protocol import Metric, Protocol
from deghost.evaluate.protocols import named_protocol
from deghost.evaluate.reading import APPROXIMATE, Reading
from deghost.evaluate.records import checksum
from deghost.radiometry.tonemap import mu_law


TRIAL = torch.full((3, 64, 64), 0.5)


@dataclass(frozen=True)
class LpipsFiles:
    """The weights of LPIPS: the network as torchvision stores it, the heads as its authors do."""

    alex: tuple[Path, Path] | None = None
    vgg: tuple[Path, Path] | None = None
    like: tuple[Path, Path] | None = None  # SqueezeNet by Caffe: not LPIPS, and not called so


@dataclass(frozen=True)
class Choice:
    """A protocol with the metrics that were asked for."""

    protocol: Protocol
    weights: str = ""  # checksum of the files that metrics and demosaicing were loaded from
    demosaic: Demosaic | None = None

    @property
    def reading(self) -> Reading:
        """How files are read."""
        return Reading.of(self.protocol, self.demosaic)


def choose(
    name: str,
    metrics: tuple[str, ...],
    lpips: LpipsFiles | None = None,
    demosaic: Path | None = None,
) -> Choice:
    """Find a protocol; keep some of its metrics, or take others of the same pictures.

    `demosaic` is the file of the network by which BracketIRE develops mosaics.

    Raises SettingsError for names that do not exist, WeightsError for files that do not fit.
    """
    protocol = named_protocol(name)
    found = _selected(protocol, metrics) if metrics else dict(protocol.metrics)
    files = lpips or LpipsFiles()
    paths: list[Path] = []
    for pair, load in (
        (files.alex, partial(load_lpips, "alex")),
        (files.vgg, partial(load_lpips, "vgg")),
        (files.like, load_lpips_like),
    ):
        if pair is not None:
            distance = load(*pair)
            found[distance.name] = _on_codes(distance, protocol)
            paths += pair
    masked = tuple(name for name in protocol.masked if name in found)
    develop = None if demosaic is None else _demosaic(demosaic, protocol)
    paths += [] if demosaic is None else [demosaic]
    weights = checksum(*(checksum(str(path.read_bytes())) for path in paths)) if paths else ""
    return Choice(replace(protocol, metrics=found, masked=masked), weights, develop)


def _demosaic(path: Path, protocol: Protocol) -> Demosaic:
    """Read the network that develops, for a protocol that has use for it."""
    if protocol.values != "mu-law" or protocol.name == APPROXIMATE:
        raise SettingsError(
            f"{protocol.name} has no use for --demosaic; give it with --protocol bracketire"
        )
    return load_demosaic(path)


def _selected(protocol: Protocol, names: tuple[str, ...]) -> dict[str, Metric]:
    """The metrics of some names: the protocol's own, or, of light, any."""
    others = {**METRICS, **EXTRA_METRICS} if protocol.values == "linear" else {}
    known = {**others, **protocol.metrics}
    for name in names:
        if name not in known:
            raise SettingsError(
                f"{protocol.name} has no metric {name!r}; there are: {', '.join(known)}"
            )
        if name in EXTRA_METRICS:
            EXTRA_METRICS[name](TRIAL, TRIAL)  # now, if its package is missing, and not 32 times
    return {name: known[name] for name in names}


def _on_codes(distance: Lpips, protocol: Protocol) -> Metric:
    """LPIPS of what a protocol compares; of light after mu-law, as most papers do."""
    if protocol.values != "linear":
        return distance
    return partial(_after_mu_law, distance=distance)


def _after_mu_law(
    test: Float[Tensor, "3 h w"],
    truth: Float[Tensor, "3 h w"],
    distance: Callable[[Tensor, Tensor], Tensor],
) -> Float[Tensor, ""]:
    return distance(*(mu_law(image.clamp(0, 1)) for image in (test, truth)))
