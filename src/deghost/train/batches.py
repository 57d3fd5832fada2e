"""Batches are plain records of tensors: how they are joined, moved and cut."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor


T = TypeVar("T")


def joined(batches: Sequence[T]) -> T:
    """Join batches along the first axis of their tensors; what is no tensor must be the same.

    Example:
        >>> joined([(torch.zeros(1, 2), "a"), (torch.ones(2, 2), "a")])[0].shape
        torch.Size([3, 2])
    """
    return _mapped(_join, batches)


def moved(batch: T, device: torch.device) -> T:
    """Move the tensors of a batch to a device, without waiting where the device allows it."""
    if device.type == "cuda":
        return _mapped(lambda t: _pinned(t[0]).to(device, non_blocking=True), [batch])
    return _mapped(lambda t: t[0].to(device), [batch])


def batch_size(batch: Any) -> int:
    """Count along the first axis of the first tensor.

    Example:
        >>> batch_size({"name": "a", "maps": (torch.zeros(3, 2),)})
        3
    """
    return len(next(_tensors(batch)))


def _tensors(value: Any) -> Iterator[Tensor]:
    """Find the tensors of a record, in order."""
    if isinstance(value, Tensor):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _tensors(getattr(value, field.name))
    elif isinstance(value, dict | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part)


def _pinned(tensor: Tensor) -> Tensor:
    return tensor if tensor.is_cuda else tensor.pin_memory()


def _join(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))


def _mapped(function: Callable[[Sequence[Tensor]], Any], values: Sequence[Any]) -> Any:
    """Apply a function to the tensors that stand in the same place of several records."""
    first = values[0]
    if isinstance(first, Tensor):
        return function(values)
    if is_dataclass(first) and not isinstance(first, type):
        names = [field.name for field in fields(first)]
        return type(first)(
            **{
                name: _mapped(function, [getattr(value, name) for value in values])
                for name in names
            }
        )
    if isinstance(first, dict):
        return {key: _mapped(function, [value[key] for value in values]) for key in first}
    if isinstance(first, tuple):
        return tuple(_mapped(function, list(parts)) for parts in zip(*values, strict=True))
    if any(value != first for value in values):
        raise ValueError(f"a batch cannot hold both {first!r} and another value in one place")
    return first
