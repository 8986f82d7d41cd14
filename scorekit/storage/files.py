"""Write beside, then rename: a file or a folder is there whole, or as it was before."""

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
    """A name beside ``path`` for a new file or folder, which takes the place of ``path`` when the block ends.

    An error in the block leaves what was there. Everything is flushed to the disk before it is renamed. A process that
    is killed leaves at most ``path`` with ``.partial`` added; a folder that was to be replaced may then stand at
    ``path`` with ``.old`` added.

    Args:
        path: the file or the folder to write.
        shared: several processes may write it at the same time; the last one wins.

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
    old = path.with_name(path.name + ".old")  # a folder that is not empty cannot be replaced in one step
    remove(old)
    path.rename(old)
    new.rename(path)
    remove(old)


def remove(path: Path) -> None:
    """Remove the folder, file or link at ``path``; nothing happens when there is none.

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
            f"cannot remove {path} ({error.strerror or error}): give each run a folder of its own, and one in "
            "which nothing else writes."
        ) from error


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
