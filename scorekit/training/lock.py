"""One run at a time in a folder of checkpoints."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scorekit.errors import CheckpointError

__all__ = ["lock"]

_LOCK, _HOLDER = ".lock", ".holder"
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the folder until the end of the block or of the process, however it ends.

    The lock is one of the operating system's, by way of the package ``filelock``, which also releases it in children
    that a process forks: a worker that loads data does not hold the folder after its parent has died. It is imported
    here, not with scorekit, because it registers functions that run at a fork. On a file system without locks nothing
    is locked.

    Raises:
        CheckpointError: another run holds the folder (the message names its process), or the lock cannot be written.
    """
    from filelock import FileLock, Timeout

    held = FileLock(folder / _LOCK)
    try:
        held.acquire(blocking=False)
        with suppress(OSError):  # a full disk: the lock holds without a name on it
            (folder / _HOLDER).write_text(str(os.getpid()))
    except Timeout as error:
        raise CheckpointError(
            f"{folder} is in use: the process {_holder(folder)} trains there. Wait until it is done, or choose another "
            "folder."
        ) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise CheckpointError(
                f"cannot lock {folder} ({error.strerror}): choose a folder you may write to."
            ) from error
    try:
        yield
    finally:
        held.release()  # nothing, where nothing is held


def _holder(folder: Path) -> str:
    """The process that wrote its number beside the lock."""
    try:
        return (folder / _HOLDER).read_text(errors="replace").strip() or "unknown"
    except OSError:
        return "unknown"
