"""The processes of a run. A learner that can share its work offers a ``world``; any other works alone."""

from __future__ import annotations

import os
from typing import Any

from scorekit.errors import InvalidValueError
from scorekit.protocols import Array, Backend, Learner, World
from scorekit.registry import offered

__all__ = ["world_here", "world_of"]


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
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ:
        raise InvalidValueError(
            f"the program runs in {os.environ['WORLD_SIZE']} processes, and {type(learner).__name__} trains in one: "
            "start it without torchrun, or train on tensors."
        )
    return _Alone()
