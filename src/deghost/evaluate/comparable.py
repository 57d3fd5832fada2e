"""What every metric asks of the two pictures that it compares, asked in one place."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from deghost.errors import SettingsError


M = TypeVar("M", bound=Callable[..., Tensor])


def comparable(test: object, truth: object, what: str = "picture") -> tuple[Tensor, Tensor]:
    """Give two pictures in one floating-point type, of at least single precision.

    Raises SettingsError unless both are tensors of finite floating-point numbers and of one shape:
    other ones would be stretched over each other, or give a number that means nothing.

    Example:
        >>> [image.dtype for image in comparable(torch.ones(3, 2, 2).half(), torch.ones(3, 2, 2))]
        [torch.float32, torch.float32]
    """
    for image in (test, truth):
        if not isinstance(image, Tensor):
            raise SettingsError(f"a {what} is a {type(image).__name__}; give a torch.Tensor")
        if not image.is_floating_point():
            raise SettingsError(
                f"a {what} holds {str(image.dtype).removeprefix('torch.')}; give floating-point "
                "values, codes divided by their white"
            )
    pair = cast("tuple[Tensor, Tensor]", (test, truth))
    _check_shapes(*pair, what)
    if not all(image.isfinite().all() for image in pair):
        raise SettingsError(f"a {what} has values that are not finite; mend them before comparing")
    wide = torch.promote_types(torch.float32, torch.promote_types(pair[0].dtype, pair[1].dtype))
    return pair[0].to(wide), pair[1].to(wide)


def comparable_rgb(test: object, truth: object) -> tuple[Tensor, Tensor]:
    """Do the same for pictures of three colours, `*batch 3 h w`. Raises SettingsError."""
    pair = comparable(test, truth)
    shape = pair[0].shape
    if len(shape) < 3 or shape[-3] != 3:
        raise SettingsError(f"{_text(shape)} is no RGB picture; give 3 x height x width")
    return pair


def of_comparable(metric: M) -> M:
    """Let a metric see nothing but RGB pictures that can be compared; others are refused."""

    @wraps(metric)
    def checked(test: object, truth: object, *more: Any, **settings: Any) -> Tensor:
        return metric(*comparable_rgb(test, truth), *more, **settings)

    return cast("M", checked)


def _check_shapes(test: Tensor, truth: Tensor, what: str) -> None:
    if test.shape[-2:] != truth.shape[-2:]:
        sizes = " and ".join(_text(image.shape[-2:][::-1]) for image in (test, truth))
        raise SettingsError(f"{what}s of {sizes} pixels cannot be compared; make them one size")
    if test.shape != truth.shape:
        shapes = " and ".join(_text(image.shape) for image in (test, truth))
        raise SettingsError(f"{what}s of {shapes} cannot be compared; make them of one shape")
    if test.ndim < 2 or not test.numel():
        raise SettingsError(f"a {what} of {_text(test.shape)} has no pixels; give height x width")


def _text(shape: torch.Size) -> str:
    return "x".join(map(str, shape)) or "one number"
