"""Which devices PyTorch can compute on here, and in which numbers."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch


FORMATS = ("amx_bf16", "avx512_bf16")  # of processors that multiply short numbers fast


def find_device(name: str) -> torch.device | None:
    """Choose a device; `auto` takes the fastest there is. None if there is none of that name.

    Example:
        >>> find_device("cpu")
        device(type='cpu')
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, present in there.items() if present))
    return torch.device(name) if there[name] else None


def short_numbers(device: torch.device) -> AbstractContextManager[object]:
    """Multiply in bfloat16 where that is fast; networks leave by single floats."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    capabilities: Callable[[], dict[str, object]] = getattr(
        torch.cpu, "get_capabilities", dict
    )  # older PyTorch lacks it
    if device.type == "cpu" and any(capabilities().get(name) for name in FORMATS):
        return torch.autocast("cpu", torch.bfloat16)
    return nullcontext()
