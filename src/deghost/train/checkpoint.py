"""Checkpoints: everything that a run needs to go on as if it had never been stopped.

One safetensors file each, written whole or not at all. Nothing in it is executed when it is read.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deghost.errors import TrainError
from deghost.io.atomic import atomic_write
from deghost.train.loop import Trainee
from deghost.train.processes import Process
from deghost.train.states import put_together, take_apart


FORMAT = "deghost-checkpoint-1"
HEADER = "deghost"
SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Position:
    """Where a run is, besides what its network and optimiser hold."""

    scenes: int = 0  # seen so far, those seen again too; `batch` times the steps
    seconds: float = 0.0  # of training so far, all sessions together
    best: float | None = None  # the best validation so far ...
    best_step: int = 0  # ... and when it was
    run: Mapping[str, Any] = field(default_factory=dict)  # what the run was asked to do


def save_checkpoint(
    folder: Path, trainee: Trainee[Any], position: Position, process: Process, keep: int
) -> Path:
    """Write `folder/STEP.safetensors`; remove all but the last `keep` and the best one.

    All processes must call it; the first one writes. Raises WriteError.
    """
    random = process.gathered(_random_state(process.device))
    path = folder / f"{trainee.step:09d}{SUFFIX}"
    if not process.leads:
        return path
    plain, tensors = take_apart({**_parts(trainee), "random": random}, "")
    stored = {name: t.cpu().clone().contiguous() for name, t in tensors.items()}
    header = {"format": FORMAT, "state": plain, "step": trainee.step, "position": asdict(position)}
    from safetensors.torch import save

    atomic_write(path, save(stored, {HEADER: json.dumps(header)}), force=True)
    for old in checkpoints(folder)[:-keep]:
        if old.stem != f"{position.best_step:09d}":
            old.unlink(missing_ok=True)
    return path


def load_checkpoint(path: Path, trainee: Trainee[Any], process: Process) -> Position:
    """Put a trainee, and PyTorch's random numbers, into the state of a checkpoint.

    Raises TrainError if the file is damaged or is of another network.
    """
    header, tensors = _read(path)
    state = put_together(header["state"], tensors)
    parts = _parts(trainee)
    if set(parts) != set(state) - {"random"}:
        raise TrainError(f"{path.name} was written by another kind of run; choose another --out")
    try:
        for name in parts:
            getattr(trainee, name).load_state_dict(state[name])
    except (RuntimeError, ValueError, KeyError) as error:
        first = " ".join(str(error).split())[:160]
        raise TrainError(f"{path.name} does not fit the network: {first}") from error
    _lay_out_alike(trainee)
    trainee.step = header["step"]
    _restore_random(state["random"], process, trainee.step)
    return Position(**header["position"])


def read_position(path: Path) -> Position:
    """Read only where a run was. Raises TrainError."""
    return Position(**_read(path, numbers=False)[0]["position"])


def checkpoints(folder: Path) -> list[Path]:
    """List the checkpoints of a folder, oldest first."""
    return sorted(p for p in folder.glob(f"*{SUFFIX}") if p.stem.isdigit())


def last_checkpoint(folder: Path) -> Path | None:
    """Find the newest checkpoint."""
    return next(reversed(checkpoints(folder)), None)


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed run left half written."""
    for path in folder.glob(f".*{SUFFIX}"):
        path.unlink(missing_ok=True)


def _parts(trainee: Trainee[Any]) -> dict[str, Any]:
    """The states of what a trainee has."""
    names = ("network", "optimiser", "schedule", "plateau", "average")
    owned = {name: getattr(trainee, name) for name in names}
    return {name: part.state_dict() for name, part in owned.items() if part is not None}


def _read(path: Path, numbers: bool = True) -> tuple[dict[str, Any], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get(HEADER, "{}"))
            names = file.keys() if numbers else ()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError) as error:
        raise TrainError(
            f"{path.name} is damaged or cut short; remove it to go on from the one before"
        ) from error
    if header.get("format") != FORMAT:
        raise TrainError(f"{path.name} is no checkpoint of the format {FORMAT}")
    return header, tensors


def _random_state(device: torch.device) -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _restore_random(states: list[dict[str, Tensor]], process: Process, step: int) -> None:
    """Go on with the random numbers of a checkpoint; with others on another kind of machine."""
    torch.manual_seed(process.rank + process.count * step)
    if len(states) != process.count:
        return
    own = states[process.rank]
    torch.set_rng_state(own["cpu"])
    if process.device.type == "cuda" and "cuda" in own:
        with suppress(RuntimeError):  # of another kind of GPU
            torch.cuda.set_rng_state(own["cuda"], process.device)


def _lay_out_alike(trainee: Trainee[Any]) -> None:
    """Give the optimiser's tensors the memory layout of their parameters, which is faster."""
    for parameter, state in trainee.optimiser.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
