"""The IDX format of MNIST: two zero bytes, a type code, the number of axes, their lengths as uint32, the values."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

from scorekit.datasets._files import open_payload, possible_payload
from scorekit.errors import DatasetError

__all__ = ["read_idx"]

_LARGEST = 1 << 32
_BYTE = 0x08


def read_idx(path: Path, axes: int) -> Any:
    """The uint8 array with ``axes`` axes in an IDX file, raw or gzip.

    The file must contain exactly the bytes that its header declares. Nothing beyond them is decompressed.
    """
    with open_payload(path) as file:
        shape = _shape(path, file.read(4 + 4 * axes), axes)
        declared = math.prod(shape)
        if declared > min(_LARGEST, possible_payload(path)):
            raise DatasetError(
                f"{path} declares {_times(shape)} = {declared:,} bytes, more than it can contain: it is damaged, or a "
                "decompression bomb. Download it again; if you trust it, decompress it first, with gunzip."
            )
        values = file.read(declared + 1)
    if len(values) < declared:
        raise DatasetError(
            f"{path} is truncated: it declares {_times(shape)} = {declared:,} bytes after its header and has "
            f"{len(values):,}. Download it again."
        )
    if len(values) > declared:
        raise DatasetError(f"{path} has more bytes than the {_times(shape)} it declares: not a valid IDX file.")
    return np.frombuffer(values, np.uint8).reshape(shape)


def _shape(path: Path, header: bytes, axes: int) -> tuple[int, ...]:
    expected = bytes([0, 0, _BYTE, axes])
    if header[:4] != expected:
        raise DatasetError(
            f"{path} begins with {header[:4].hex(' ') or 'nothing'}: expected {expected.hex(' ')}, the magic number of "
            f"an IDX file of bytes with {axes} {'axis' if axes == 1 else 'axes'}."
        )
    if len(header) < 4 + 4 * axes:
        raise DatasetError(f"{path} is truncated: it ends within its header. Download it again.")
    shape = struct.unpack(f">{axes}I", header[4:])
    if not all(shape):
        raise DatasetError(f"{path} declares {_times(shape)}: expected at least one entry.")
    return shape


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(str(length) for length in shape)
