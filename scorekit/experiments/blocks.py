"""Sample blocks: NPY files with a checksum after the array. Readers of NPY files ignore the bytes after the array."""

from __future__ import annotations

import hashlib
import io
import math
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from scorekit._reading import open_regular
from scorekit.errors import CheckpointError
from scorekit.storage.files import replacing

__all__ = ["read_block", "write_block"]

_MARK = b"SHA-256 "
_SEAL = len(_MARK) + hashlib.sha256().digest_size


def write_block(file: Path, images: Any) -> None:
    """Write images ``(n, c, h, w)`` as float32, with the SHA-256 of the file before it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     write_block(Path(place, "block.npy"), np.ones((2, 1, 4, 4)))
    ...     np.load(Path(place, "block.npy")).shape, read_block(Path(place, "block.npy"))[1]
    ((2, 1, 4, 4), True)
    """
    content = io.BytesIO()
    np.save(content, np.asarray(images, np.float32))
    with replacing(file) as new:
        new.write_bytes(content.getvalue() + _MARK + hashlib.sha256(content.getbuffer()).digest())


def read_block(file: Path) -> tuple[Any, bool]:
    """The images of a block ``(n, c, h, w)``, read-only, and whether it has a checksum, which is verified.

    Raises:
        CheckpointError: the file is damaged; the message gives the file and what to do.
    """
    try:
        with open_regular(file) as opened:
            shape, dtype, start = _header(opened)
            end = start + math.prod(shape) * dtype.itemsize
            sealed = _check_end(opened, end)
        return np.memmap(file, dtype, "r", start, shape), sealed
    except Exception as error:  # NumPy parses the header as Python literals, which raises many exception types
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CheckpointError(
            f"{file} is damaged ({reason}): delete it and run scorekit sample again with the same options, which draws "
            "the missing blocks."
        ) from error


def _header(file: BinaryIO) -> tuple[tuple[int, ...], Any, int]:
    """Shape, dtype and start of the array."""
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"it has NPY version {version[0]}.{version[1]}")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
    if by_columns or dtype.kind != "f" or len(shape) != 4 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise ValueError(f"it holds {dtype} of shape {shape}, expected float32 (n, c, h, w)")
    return shape, dtype, file.tell()


def _check_end(file: BinaryIO, end: int) -> bool:
    """Whether there is a checksum after the array; an error if it is wrong, or if there is anything else."""
    size = os.fstat(file.fileno()).st_size
    if size == end:
        return False
    if size != end + _SEAL:
        raise ValueError(f"it has {size:,} bytes, and its header needs {end:,}")
    file.seek(0)
    found = hashlib.sha256()
    for start in range(0, end, 1 << 20):
        found.update(file.read(min(1 << 20, end - start)))
    if file.read() != _MARK + found.digest():
        raise ValueError("it does not match its checksum")
    return True
