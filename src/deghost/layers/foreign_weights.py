"""Weights that others published: tensors by name, from a file that is not ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deghost.errors import WeightsError


Shape = tuple[int, ...]


def read_foreign(path: Path, shapes: Mapping[str, Shape]) -> dict[str, Tensor]:
    """Read tensors of given names and shapes from a safetensors file or a PyTorch one.

    Others in the file are left out; no code in it is run. A PyTorch file holds the dictionary
    itself, or under "state_dict". Raises WeightsError if it cannot be read or one is absent.
    """
    stored = _stored(path)
    chosen = {}
    for name, shape in shapes.items():
        tensor = stored.get(name)
        if not isinstance(tensor, Tensor):
            raise WeightsError(f"{path.name} has no {name}; it is of another network")
        if tensor.shape != shape:
            sizes = " but not ".join("x".join(map(str, each)) for each in (tensor.shape, shape))
            raise WeightsError(f"{path.name}: {name} is {sizes}; it is of another network")
        chosen[name] = tensor.float()
    return chosen


def _stored(path: Path) -> Mapping[str, Any]:
    from safetensors.torch import load_file

    if not path.is_file():
        raise WeightsError(f"{path.name} is not there; check the path {path}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged pickle raises is anyone's guess
        raise WeightsError(
            f"{path.name} is damaged or holds more than tensors; copy it again or convert it to "
            "safetensors"
        ) from error
    stored = stored.get("state_dict", stored) if isinstance(stored, Mapping) else {}
    return stored if isinstance(stored, Mapping) else {}
