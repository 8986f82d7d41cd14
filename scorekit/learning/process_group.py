"""The processes of a run. A learner for several processes has an attribute ``processes``; others use one process."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from scorekit.errors import InvalidValueError
from scorekit.protocols import Array, Backend, Learner, ProcessGroup
from scorekit.registry import offered

__all__ = ["Process", "process_group", "process_group_of", "this_process"]


class Process(NamedTuple):
    """``rank``: the index of a process, from 0. ``size``: the number of processes that were started together."""

    rank: int
    size: int


def this_process() -> Process:
    """The rank of this process and the number of processes, as set by torchrun; ``(0, 1)`` without torchrun.

    >>> this_process()
    Process(rank=0, size=1)
    """
    size = int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1
    return Process(int(os.environ["RANK"]) if size > 1 else 0, size)


class _SingleProcess:
    """The process group of a single process."""

    rank, size = 0, 1

    def any(self, flag: bool) -> bool:
        return flag

    def check_same(self, what: str, number: int) -> None:
        del what, number


def process_group(owner: Backend, like: Array) -> ProcessGroup:
    """The process group of a backend, for processes started by torchrun; a single process without torchrun.

    >>> import numpy as np, scorekit as sk
    >>> process_group(sk.backend("numpy"), np.ones(1)).size
    1
    """
    make = offered(owner.name, "ProcessGroup")
    return _SingleProcess() if make is None else make(like.device)


def process_group_of(learner: Learner) -> ProcessGroup:
    """The processes that train together with ``learner``.

    Raises:
        ValueError: the program runs in several processes, but the learner uses only one.

    >>> import scorekit as sk
    >>> from scorekit_numpy import MLP
    >>> learner = sk.backend("numpy").learner(MLP(2, hidden=(4,)), sk.objectives.DenoisingScoreMatching(0.1))
    >>> process_group_of(learner).size
    1
    """
    found: Any = getattr(learner, "processes", None)
    if found is not None:
        return found  # type: ignore[no-any-return]
    if this_process().size > 1:
        raise InvalidValueError(
            f"the program runs in {this_process().size} processes, and {type(learner).__name__} trains in one: "
            "start it without torchrun, or train on tensors with the torch backend."
        )
    return _SingleProcess()
