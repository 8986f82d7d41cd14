"""The processes of a run. A learner that can share its work offers a ``processes``; any other works alone."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from scorekit.errors import InvalidValueError
from scorekit.protocols import Array, Backend, Learner, ProcessGroup
from scorekit.registry import offered

__all__ = ["Process", "process_group", "process_group_of", "this_process"]


class Process(NamedTuple):
    """The number of a process, from 0, and how many were started together."""

    rank: int
    size: int


def this_process() -> Process:
    """Which of the processes that torchrun started this is; the only one where it started none.

    >>> this_process()
    Process(rank=0, size=1)
    """
    size = int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1
    return Process(int(os.environ["RANK"]) if size > 1 else 0, size)


class _SingleProcess:
    """One process."""

    rank, size = 0, 1

    def any(self, flag: bool) -> bool:
        return flag

    def check_same(self, what: str, number: int) -> None:
        del what, number


def process_group(owner: Backend, like: Array) -> ProcessGroup:
    """The processes that torchrun started, as the package of a backend sees them; this one alone without any.

    >>> import numpy as np, scorekit as sk
    >>> process_group(sk.backend("numpy"), np.ones(1)).size
    1
    """
    make = offered(owner.name, "ProcessGroup")
    return _SingleProcess() if make is None else make(like.device)


def process_group_of(learner: Learner) -> ProcessGroup:
    """The processes that a learner shares its work with.

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
            "start it without torchrun, or train on tensors."
        )
    return _SingleProcess()
