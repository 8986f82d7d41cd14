"""Training in several processes that torchrun started."""

from __future__ import annotations

import atexit
import os
from typing import TypeAlias

import torch
import torch.distributed as dist
from torch import nn

from scorekit.errors import CheckpointError, InvalidValueError
from scorekit.learning import this_process

__all__ = ["ProcessGroup", "home", "shared"]

Array: TypeAlias = torch.Tensor


class ProcessGroup:
    """The processes that train together; a single process without torchrun.

    ``rank``: the index of this process. ``size``: the number of processes.

    >>> processes = ProcessGroup(torch.device("cpu"))  # not started by torchrun
    >>> processes.rank, processes.size, processes.any(True)
    (0, 1, True)
    """

    def __init__(self, device: torch.device) -> None:
        self.rank, self.size = this_process()
        self._device = device
        if self.size > 1:
            _join(device)

    def sum(self, numbers: Array) -> Array:
        """The sum over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(numbers)
        return numbers

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is True in any process; all processes must call it."""
        return flag if self.size == 1 else bool(self.sum(torch.tensor(float(flag), device=self._device)))

    def check_same(self, what: str, number: int) -> None:
        """Raise ``CheckpointError`` if ``number`` differs between processes; ``what`` names it."""
        if self.size == 1:
            return
        found = [torch.zeros((), dtype=torch.int64, device=self._device) for _ in range(self.size)]
        dist.all_gather(found, torch.tensor(number, dtype=torch.int64, device=self._device))
        numbers = [int(each) for each in found]
        if len(set(numbers)) > 1:
            raise CheckpointError(
                f"the processes disagree about {what}: {numbers} by rank. Give all of them the same arguments, and a "
                "checkpoint folder that they share."
            )


def _join(device: torch.device) -> None:
    """Initialize the process group on first use; it is destroyed at the end of the program."""
    if dist.is_initialized():
        return
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    except (RuntimeError, ValueError) as error:
        raise InvalidValueError(
            f"RANK and WORLD_SIZE are set, and the processes cannot find each other ({error}): start the program with "
            "torchrun --nproc-per-node N, or unset them."
        ) from error
    atexit.register(_leave)


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def home(device: torch.device) -> torch.device:
    """The device on which this process trains: on CUDA, the device of LOCAL_RANK."""
    if device.type != "cuda" or "LOCAL_RANK" not in os.environ:
        return device
    own = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(own)
    return own


def shared(module: nn.Module, processes: ProcessGroup) -> nn.Module:
    """The module, wrapped in ``DistributedDataParallel`` if there is more than one process."""
    if processes.size == 1:
        return module
    return nn.parallel.DistributedDataParallel(module)
