"""Atomic writes: write to a temporary name, then rename. The old content stays until the new one is complete.

A symbolic link with the name of a file or folder to write is replaced, and what it points to does not change. Inside a
run folder, a link to a folder raises an error (:func:`own_folder`); the run folder itself may be a link.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scorekit.errors import CheckpointError

__all__ = ["own_folder", "remove", "replacing"]


@contextmanager
def replacing(path: Path, *, shared: bool = False, ending: str = "") -> Iterator[Path]:
    """A temporary path for a new file or folder, which replaces ``path`` at the end of the block.

    If ``path`` is a symbolic link, the link is replaced, and the file or folder that it points to does not change. If
    the block raises an error, ``path`` does not change. All content is flushed to disk before the rename. If the
    process is killed, a file or folder with ``.partial`` added to its name may remain, and the old folder may have
    ``.old`` added to its name.

    Args:
        path: the file or folder to write.
        shared: True if several processes may write ``path`` at the same time. The last one wins.
        ending: the end of the temporary name, for libraries that choose a format by it.

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
    owner = f".{os.getpid()}" if shared else ""
    new = path.with_name(f"{path.name}{owner}.partial{ending}")
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


def own_folder(parent: Path, *names: str) -> Path:
    """A folder inside ``parent``, created if it is missing.

    Raises:
        CheckpointError: it is a symbolic link, so its files would be written outside ``parent``; or a file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     own_folder(Path(place), "samples", "first").is_dir()
    True
    """
    path = parent
    for name in names:
        path = path / name
        if path.is_symlink():
            raise CheckpointError(
                f"{path} is a symbolic link: nothing is written through links inside {parent}. Remove the link. To "
                "keep the files on another disk, link the whole folder."
            )
        path.mkdir(parents=True, exist_ok=True)
    return path


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
