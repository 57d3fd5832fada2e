"""Whether the values of a configuration fit the types of its fields."""

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from deghost.errors import SettingsError


def check_values(config: type, values: Mapping[str, Any], name: str) -> None:
    """Raise SettingsError for a value that a field of a configuration cannot have.

    Example:
        >>> from dataclasses import make_dataclass
        >>> Sizes = make_dataclass("Sizes", [("mode", Literal["a", "b"])])
        >>> check_values(Sizes, {"mode": "c"}, "a network")
        Traceback (most recent call last):
        deghost.errors.SettingsError: mode of a network is 'c'; choose from: a, b
    """
    kinds = get_type_hints(config)
    for field, value in values.items():
        kind = kinds.get(field, object)
        if _fits(value, kind) and not (field == "frames" and value is not None and value < 2):
            continue
        choices = ", ".join(map(str, get_args(kind))) if get_origin(kind) is Literal else ""
        remedy = f"choose from: {choices}" if choices else f"give {_words(kind)}"
        raise SettingsError(f"{field} of {name} is {value!r}; {remedy}")


def _fits(value: Any, kind: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return value in inner
    if origin in {Union, UnionType}:
        return any(_fits(value, each) for each in inner)
    if origin in {tuple, Sequence}:
        return isinstance(value, tuple | list) and all(_fits(each, inner[0]) for each in value)
    if kind is float:
        return isinstance(value, int | float)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return isinstance(value, kind) if isinstance(kind, type) else True


def _words(kind: Any) -> str:
    words = {int: "a whole number", float: "a number", bool: "true or false"}
    if get_origin(kind) in {tuple, Sequence}:
        return "whole numbers" if get_args(kind)[0] is int else "numbers"
    return words.get(kind, "another value")
