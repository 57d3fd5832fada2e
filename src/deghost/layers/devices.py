"""Which devices PyTorch can compute on here."""

import torch


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
