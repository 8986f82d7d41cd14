"""A lock that allows one run at a time in a checkpoint folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scorekit._reading import read_bytes
from scorekit.errors import CheckpointError
from scorekit.storage.files import replacing

__all__ = ["lock"]

_LOCK, _HOLDER = ".lock", ".holder"
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Lock the folder until the end of the block or of the process.

    This is an operating system lock from the package ``filelock``. The package also releases the lock in forked child
    processes, so that a data loading worker does not hold it after its parent has died. The import is here because it
    registers functions that run at a fork. On file systems without locks, nothing is locked.

    Raises:
        CheckpointError: another run has locked the folder (the message gives its process), or the lock file cannot be
            written.
    """
    from filelock import FileLock, Timeout

    held = FileLock(folder / _LOCK)
    try:
        if (folder / _LOCK).is_symlink():  # the lock would be a file outside the folder
            (folder / _LOCK).unlink()
        held.acquire(blocking=False)
        # if the disk is full, the lock works without the process number
        with suppress(OSError), replacing(folder / _HOLDER) as new:
            new.write_text(str(os.getpid()))
    except Timeout as error:
        raise CheckpointError(
            f"{folder} is in use by the training process {_holder(folder)}. Wait until it ends, or choose another "
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
        held.release()  # does nothing if the lock is not held


def _holder(folder: Path) -> str:
    """The number of the process that holds the lock, or "unknown"."""
    try:
        return read_bytes(folder / _HOLDER, 100).decode(errors="replace").strip() or "unknown"
    except OSError:
        return "unknown"
