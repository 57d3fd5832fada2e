"""The networks by name, and the trained weights that come with the package."""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from deghost.errors import SettingsError, WeightsError
from deghost.layers.values import check_values
from deghost.layers.weights import SUFFIX, Weights, read_weights
from deghost.models.ahdrnet import AHDRNet, AHDRNetConfig
from deghost.models.deghostnet import DeghostNet, DeghostNetConfig
from deghost.models.exposure_net import ExposureNet, ExposureNetConfig
from deghost.models.exposure_unet import ExposureUNet, ExposureUNetConfig
from deghost.models.hdr_transformer import HDRTransformer, HDRTransformerConfig
from deghost.models.motion_net import MotionNet, MotionNetConfig
from deghost.models.motion_unet import MotionUNet, MotionUNetConfig
from deghost.models.segdeghost import SegDeghost, SegDeghostConfig
from deghost.models.tmrnet import TMRNet, TMRNetConfig
from deghost.models.vam import VAM, VAMConfig


# name: (network, its configuration); a network is built from its configuration alone
NETWORKS: dict[str, tuple[type[nn.Module], type]] = {
    "ahdrnet": (AHDRNet, AHDRNetConfig),
    "deghostnet": (DeghostNet, DeghostNetConfig),
    "exposure-net": (ExposureNet, ExposureNetConfig),
    "exposure-unet": (ExposureUNet, ExposureUNetConfig),
    "hdr-transformer": (HDRTransformer, HDRTransformerConfig),
    "motion-net": (MotionNet, MotionNetConfig),
    "motion-unet": (MotionUNet, MotionUNetConfig),
    "segdeghost": (SegDeghost, SegDeghostConfig),
    "tmrnet": (TMRNet, TMRNetConfig),
    "vam": (VAM, VAMConfig),
}

SHIPPED = Path(__file__).parent / "weights"


def build_network(name: str, **changes: Any) -> nn.Module:
    """Build a network by name with fresh weights; `changes` are fields of its configuration.

    Raises KeyError that lists the names there are, SettingsError for a value that fits no field.
    """
    if name not in NETWORKS:
        raise KeyError(f"no network named {name!r}; there are: {', '.join(sorted(NETWORKS))}")
    network, kind = NETWORKS[name]
    check_values(kind, changes, name)
    return network(kind(**changes))


def shipped_weights() -> dict[str, Path]:
    """The weights files that come with the package, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob(f"*{SUFFIX}"))}


def find_weights(name: str | Path) -> Path:
    """Find weights by the name of a shipped file or by a path. Raises WeightsError."""
    shipped = shipped_weights()
    if str(name) in shipped:
        return shipped[str(name)]
    path = Path(name)
    if path.suffix != SUFFIX and not path.exists():
        raise WeightsError(
            f"no weights named {name}; there are: {', '.join(shipped) or 'none'}; "
            f"or give a {SUFFIX} file"
        )
    return path


def load_network(name: str | Path) -> nn.Module:
    """Build the network of shipped weights or of a weights file, ready to be used (`eval`).

    Raises WeightsError.
    """
    path = find_weights(name)
    return network_of(read_weights(path), path.name)


@cache
def shared_network(name: str) -> nn.Module:
    """Load the network of shipped weights once, laid out for convolutions; callers share it.

    Raises WeightsError.
    """
    return load_network(name).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def network_of(weights: Weights, source: str) -> nn.Module:
    """Build the network that weights were trained for. Raises WeightsError naming `source`."""
    header = weights.header
    if header.name not in NETWORKS:
        raise WeightsError(
            f"{source} is for the network {header.name}, which this version does not have; "
            f"it has: {', '.join(sorted(NETWORKS))}"
        )
    known = {field.name for field in fields(NETWORKS[header.name][1])}
    unknown = sorted(set(header.configuration) - known)
    if unknown:
        raise WeightsError(
            f"{source} sets {', '.join(unknown)} of {header.name}, which this version does not "
            "know; use the version that wrote it"
        )
    try:
        network = build_network(header.name, **_frozen(header.configuration))
    except (SettingsError, ValueError) as error:
        raise WeightsError(f"{source} cannot be what it says: {error}; copy it again") from error
    try:
        network.load_state_dict(dict(weights.state))
    except RuntimeError as error:
        first = " ".join(str(error).split())[:160]
        raise WeightsError(f"{source} does not fit the network {header.name}: {first}") from error
    return network.eval()


def _frozen(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn JSON's lists back into the tuples that they were."""
    return {key: _tuples(value) for key, value in values.items()}


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
