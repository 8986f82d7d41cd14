"""The IDX format of MNIST: two zero bytes, a type, the number of axes, each one's length as uint32, the values."""

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
    """The uint8 array of ``axes`` axes in an IDX file, raw or gzip.

    The file must hold exactly what its header declares; nothing beyond that is decompressed.
    """
    with open_payload(path) as file:
        shape = _shape(path, file.read(4 + 4 * axes), axes)
        declared = math.prod(shape)
        if declared > min(_LARGEST, possible_payload(path)):
            raise DatasetError(
                f"{path} declares {_times(shape)} = {declared:,} bytes, more than it can hold. Fetch it again."
            )
        values = file.read(declared + 1)
    if len(values) < declared:
        raise DatasetError(
            f"{path} is truncated: it declares {_times(shape)} = {declared:,} bytes after its header and has "
            f"{len(values):,}. Fetch it again."
        )
    if len(values) > declared:
        raise DatasetError(f"{path} goes on after the {_times(shape)} bytes that it declares: it is no such IDX file.")
    return np.frombuffer(values, np.uint8).reshape(shape)


def _shape(path: Path, header: bytes, axes: int) -> tuple[int, ...]:
    expected = bytes([0, 0, _BYTE, axes])
    if header[:4] != expected:
        raise DatasetError(
            f"{path} begins with {header[:4].hex(' ') or 'nothing'}: expected {expected.hex(' ')}, the magic number of "
            f"an IDX file of bytes with {axes} {'axis' if axes == 1 else 'axes'}."
        )
    if len(header) < 4 + 4 * axes:
        raise DatasetError(f"{path} is truncated: it ends within its header. Fetch it again.")
    shape = struct.unpack(f">{axes}I", header[4:])
    if not all(shape):
        raise DatasetError(f"{path} declares {_times(shape)}: expected at least one entry.")
    return shape


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(str(length) for length in shape)
