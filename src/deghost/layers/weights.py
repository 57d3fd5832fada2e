"""Weights files: safetensors whose header says which network they fit and where they come from."""

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deghost.errors import WeightsError, WriteError


FORMAT = "deghost-weights-1"
HEADER = "deghost"  # the one entry of a file's metadata: of several, the order would vary
SUFFIX = ".safetensors"
LARGEST_HALF = 65504.0

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Card:
    """What a user should know of trained weights."""

    training_data: str  # which scenes, how many
    licence: str
    training: str = ""  # steps, hours, hardware
    metrics: Mapping[str, float] = field(default_factory=dict)  # on which set: in the names
    notes: str = ""


@dataclass(frozen=True)
class WeightsHeader:
    """What a weights file says of itself."""

    name: str  # of the network, see `deghost.models.zoo`
    configuration: Mapping[str, Any]  # fields of the network's configuration that JSON can hold
    card: Card
    checksum: str  # SHA-256 of names, types, shapes and values


@dataclass(frozen=True)
class Weights:
    """A weights file, its numbers as single floats."""

    header: WeightsHeader
    state: State


def save_weights(  # noqa: PLR0913, what a file holds
    path: Path, name: str, config: Any, state: State, card: Card, half: bool = True
) -> None:
    """Write the weights of a network, whole or not at all; an existing file is replaced.

    `config` is the network's configuration dataclass, or a mapping. With `half` floats are stored
    as halves, but for tensors with values too large for that. Raises WriteError.
    """
    from safetensors.torch import save

    stored = {key: _stored(tensor, half=half) for key, tensor in state.items()}
    fields = asdict(config) if is_dataclass(config) and not isinstance(config, type) else config
    stated = {
        "format": FORMAT,
        "name": name,
        "configuration": dict(fields),
        "card": asdict(card),
        "checksum": checksum(stored),
    }
    content = save(stored, {HEADER: json.dumps(stated)})
    temporary = path.with_name(f".{secrets.token_hex(8)}{SUFFIX}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise WriteError(
            f"{path.name} cannot be written: {error.strerror}; make room or choose another folder"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def read_header(path: Path) -> WeightsHeader:
    """Read what a weights file says of itself, without its numbers. Raises WeightsError."""
    return _opened(path)[1]


def read_weights(path: Path) -> Weights:
    """Read a weights file whole, floats as single floats.

    Raises WeightsError if it is not one, is damaged or was changed.
    """
    from safetensors import SafetensorError

    file, header = _opened(path)
    try:
        stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118, not a mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path.name} is damaged or cut short; copy it again") from error
    if checksum(stored) != header.checksum:
        raise WeightsError(f"{path.name} is not as it was written; copy it again")
    state = {key: t.float() if t.is_floating_point() else t for key, t in stored.items()}
    return Weights(header, state)


def checksum(state: State) -> str:
    """Hash names, types, shapes and values of tensors, whatever their order.

    Example:
        >>> checksum({"a": torch.zeros(2), "b": torch.ones(1)})[:8]
        'afecaf7f'
    """
    total = hashlib.sha256()
    for key in sorted(state):
        tensor = state[key].detach().cpu().contiguous()
        total.update(f"{key} {tensor.dtype} {list(tensor.shape)}\n".encode())
        total.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _stored(tensor: Tensor, *, half: bool) -> Tensor:
    """A copy as it is written, apart from all others and contiguous."""
    own = tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
    if not own.is_floating_point():
        return own
    fits = half and own.numel() and bool(own.abs().max() <= LARGEST_HALF)
    return own.half() if fits else own.float()


def _opened(path: Path) -> tuple[Any, WeightsHeader]:
    """Open a weights file and read its header."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsError(f"{path.name} is not there; check the path {path}")
    try:
        file = safe_open(path, framework="pt")
        stated = json.loads((file.metadata() or {}).get(HEADER, "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path.name} is damaged or no safetensors file") from error
    if not isinstance(stated, dict) or stated.get("format") != FORMAT:
        raise WeightsError(f"{path.name} holds no weights of the format {FORMAT}")
    try:
        name, checksum = str(stated["name"]), str(stated["checksum"])
        header = WeightsHeader(
            name, dict(stated["configuration"]), Card(**stated["card"]), checksum
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path.name} does not say what it holds; write it again") from error
    return file, header
