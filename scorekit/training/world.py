"""The processes of a run. A learner that can share its work offers a ``world``; any other works alone."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from scorekit.errors import InvalidValueError
from scorekit.protocols import Array, Backend, Learner, World
from scorekit.registry import offered

__all__ = ["Process", "process", "world_here", "world_of"]


class Process(NamedTuple):
    """The number of a process, from 0, and how many were started together."""

    rank: int
    size: int


def process() -> Process:
    """Which of the processes that torchrun started this is; the only one where it started none.

    >>> process()
    Process(rank=0, size=1)
    """
    size = int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1
    return Process(int(os.environ["RANK"]) if size > 1 else 0, size)


class _Alone:
    """One process."""

    rank, size = 0, 1

    def any(self, flag: bool) -> bool:
        return flag

    def check_same(self, what: str, number: int) -> None:
        del what, number


def world_here(owner: Backend, like: Array) -> World:
    """The processes that torchrun started, as the package of a backend sees them; this one alone without any."""
    make = offered(owner.name, "World")
    return _Alone() if make is None else make(like.device)


def world_of(learner: Learner) -> World:
    """The processes that a learner shares its work with."""
    found: Any = getattr(learner, "world", None)
    if found is not None:
        return found  # type: ignore[no-any-return]
    if process().size > 1:
        raise InvalidValueError(
            f"the program runs in {process().size} processes, and {type(learner).__name__} trains in one: "
            "start it without torchrun, or train on tensors."
        )
    return _Alone()
