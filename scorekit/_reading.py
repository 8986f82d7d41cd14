"""Bounded reads of files that may be damaged or malicious: regular files only, and no more bytes than expected."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import BinaryIO

__all__ = ["check_depth", "open_regular", "parse_json", "read_bytes"]

_DEEPEST = 100


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file, or a link to one, for reading.

    A pipe would block the reader, and a device such as ``/dev/zero`` has no end.

    Raises:
        OSError: the file cannot be opened, or is a folder, a pipe, a socket or a device.

    >>> import os
    >>> open_regular(Path(os.devnull))
    Traceback (most recent call last):
        ...
    OSError: it is not a regular file
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a pipe opens without a writer
    handle = os.open(path, flags)
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(21, "Is a directory")
        if not stat.S_ISREG(mode):
            raise OSError("it is not a regular file")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_bytes(path: Path, at_most: int) -> bytes:
    """The content of a regular file of at most ``at_most`` bytes.

    Raises:
        OSError: the file is larger, cannot be read, or is not a regular file.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > at_most:
            raise OSError(f"it has {size:,} bytes: expected at most {at_most:,}")
        content = file.read(size + 1)
    if len(content) != size:
        raise OSError("it changed while it was read")
    return content


def parse_json(text: str | bytes) -> object:
    """The value of a JSON text. Text that nests too deeply is a ``ValueError``, like other invalid text.

    >>> parse_json("[" * 100_000)
    Traceback (most recent call last):
        ...
    ValueError: it nests too deeply
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it nests too deeply") from None
    check_depth(value)
    return value


def check_depth(value: object) -> None:
    """Raise ``ValueError`` for lists and dicts that nest too deeply for ``repr``, ``copy`` or ``json``."""
    level, depth = [value], 0
    while level:
        children = (v.values() if isinstance(v, dict) else v for v in level if isinstance(v, (dict, list)))
        level, depth = [child for held in children for child in held], depth + 1
        if depth > _DEEPEST:
            raise ValueError("it nests too deeply")
