"""Atomic writes: write to a temporary name, then rename. The old content stays until the new one is complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scorekit.errors import CheckpointError

__all__ = ["remove", "replacing"]


@contextmanager
def replacing(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """A temporary path for a new file or folder, which replaces ``path`` at the end of the block.

    If the block raises an error, ``path`` does not change. All content is flushed to disk before the rename. If the
    process is killed, a file or folder with ``.partial`` added to its name may remain, and the old folder may have
    ``.old`` added to its name.

    Args:
        path: the file or folder to write.
        shared: True if several processes may write ``path`` at the same time. The last one wins.

    Raises:
        OSError: the file system does not allow the write.
        CheckpointError: an old temporary file or folder cannot be removed.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with replacing(Path(place, "numbers.txt")) as new:
    ...         _ = new.write_text("1 2 3")
    ...     [entry.name for entry in Path(place).iterdir()]
    ['numbers.txt']
    """
    new = path.with_name(f"{path.name}.{os.getpid()}.partial" if shared else f"{path.name}.partial")
    remove(new)
    try:
        yield new
        for entry in (*new.rglob("*"), new):
            _flush(entry)
        _put(new, path)
        _flush(path.parent)
    except BaseException:
        with suppress(CheckpointError):
            remove(new)
        raise


def _put(new: Path, path: Path) -> None:
    if not (new.is_dir() and os.path.lexists(path)):
        new.replace(path)
        return
    old = path.with_name(path.name + ".old")  # a non-empty folder cannot be replaced by one rename
    remove(old)
    path.rename(old)
    new.rename(path)
    remove(old)


def remove(path: Path) -> None:
    """Remove the folder, file or link at ``path``, if it exists.

    Raises:
        CheckpointError: the operating system does not allow it.
    """
    try:
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)
    except OSError as error:
        raise CheckpointError(
            f"cannot remove {path} ({error.strerror or error}): use a separate folder for each run, and write "
            "nothing else to it."
        ) from error


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
