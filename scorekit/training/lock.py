"""One run at a time in a folder of checkpoints."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from scorekit.errors import CheckpointError

fcntl: Any
try:
    fcntl = importlib.import_module("fcntl")
except ImportError:  # Windows: nothing is locked there
    fcntl = None

__all__ = ["lock"]

_LOCK = ".lock"
_held: set[int] = set()


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the folder until the end of the block or of the process, however it ends.

    Raises:
        CheckpointError: another run holds it; the message names its process.
    """
    if fcntl is None:
        yield
        return
    try:
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise CheckpointError(f"cannot lock {folder} ({error.strerror}): choose a folder you may write to.") from error
    _held.add(handle)
    try:
        _take(handle, folder)
        yield
    finally:
        _held.discard(handle)
        os.close(handle)


def _take(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(handle, 20).decode(errors="replace").strip() or "unknown"
        raise CheckpointError(
            f"{folder} is in use: the process {holder} trains there. Wait until it is done, or choose another folder."
        ) from error
    except OSError:  # a file system that knows no locks
        return
    with suppress(OSError):  # a full disk: the lock holds without a name on it
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())


def _let_go() -> None:
    """A forked child, such as a worker that loads data, must not hold the folder after its parent has died."""
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
