"""Where training runs: one process and device, or several started by PyTorch's `torchrun`."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed, nn

from deghost.errors import TrainError
from deghost.layers.devices import find_device
from deghost.train.settings import DeviceName


@dataclass(frozen=True)
class Process:
    """One of the processes that train a network together; each works on a part of every batch."""

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and tells the user."""
        return self.rank == 0

    def share(self, batch: int) -> range:
        """Tell which of the items of a batch are this process's.

        Example:
            >>> Process(torch.device("cpu"), rank=1, count=2).share(6)
            range(3, 6)
        """
        if batch % self.count:
            raise TrainError(
                f"a batch of {batch} cannot be shared evenly by {self.count} processes; "
                f"give --batch a multiple of {self.count}"
            )
        part = batch // self.count
        return range(self.rank * part, (self.rank + 1) * part)

    def parallel(self, network: nn.Module) -> nn.Module:
        """Wrap a network so that the gradients of all processes are averaged."""
        if self.count == 1:
            return network
        return nn.parallel.DistributedDataParallel(network)

    def gathered(self, value: Any) -> list[Any]:
        """Collect a value of every process, in the order of their ranks."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        distributed.all_gather_object(values, value)
        return values

    def from_leader(self, value: Any) -> Any:
        """Give every process the leader's value."""
        if self.count == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0, device=self.device)
        return values[0]


@contextmanager
def joined_processes(name: DeviceName = "auto") -> Iterator[Process]:
    """Join the processes that `torchrun` started, or else work alone. Raises TrainError."""
    device = _device(name)
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Process(device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Process(device, distributed.get_rank(), count)
        distributed.barrier()  # who leaves first must not cut the others off
    finally:
        gc.collect()  # wrapped networks, which still hold on to the group
        distributed.destroy_process_group()


def _device(name: DeviceName) -> torch.device:
    """Choose a device: `auto` takes a GPU if there is one. Raises TrainError."""
    found = find_device(name)
    if found is None:
        raise TrainError(f"PyTorch finds no {name} device here; use --device cpu")
    return found
