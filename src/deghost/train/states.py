"""States of optimisers and schedules, taken apart into tensors and what JSON can hold."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor


TENSOR, PAIRS, TUPLE = "__tensor__", "__pairs__", "__tuple__"


def take_apart(state: Any, prefix: str) -> tuple[Any, dict[str, Tensor]]:
    """Split nested dictionaries, lists and tuples into plain data and the tensors in them.

    Example:
        >>> plain, tensors = take_apart({"lr": 0.1, "state": {0: torch.ones(1)}}, "adam")
        >>> plain["lr"], tensors
        (0.1, {'adam.state.0': tensor([1.])})
    """
    tensors: dict[str, Tensor] = {}
    return _plain(state, prefix, tensors), tensors


def put_together(plain: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Undo `take_apart`."""
    if isinstance(plain, list):
        return [put_together(value, tensors) for value in plain]
    if not isinstance(plain, dict):
        return plain
    if TENSOR in plain:
        return tensors[plain[TENSOR]]
    if TUPLE in plain:
        return tuple(put_together(value, tensors) for value in plain[TUPLE])
    if PAIRS in plain:
        return {key: put_together(value, tensors) for key, value in plain[PAIRS]}
    return {key: put_together(value, tensors) for key, value in plain.items()}


def _plain(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        tensors[name] = value.detach()
        return {TENSOR: name}
    if isinstance(value, Mapping):
        inner = {key: _plain(part, f"{name}.{key}", tensors) for key, part in value.items()}
        if all(isinstance(key, str) for key in inner):
            return inner
        return {PAIRS: list(inner.items())}
    if isinstance(value, list | tuple):
        parts = [_plain(part, f"{name}.{k}", tensors) for k, part in enumerate(value)]
        return {TUPLE: parts} if isinstance(value, tuple) else parts
    return value
