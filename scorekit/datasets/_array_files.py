"""The arrays of a .npy, .npz or HDF5 file: their shapes first, and their values when they are read."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from scorekit._memory import free_bytes, readable_size
from scorekit._optional import optional
from scorekit._reading import open_regular
from scorekit.errors import DatasetError, ScorekitError

__all__ = ["Stored", "open_arrays"]

_RATIO_AT_MOST, _NEVER_A_BOMB = 1032, 1 << 20  # the largest factor of deflate
_PACKED_RATIO, _PACKED_AT_MOST = 100, 1 << 28  # of compressed members
_NPY, _ZIP, _HDF5 = b"\x93NUMPY", b"PK", b"\x89HDF\r\n\x1a\n"


class Stored(NamedTuple):
    """The shape and the kind (as ``numpy.dtype.kind``) of an array in a file, and a function that reads it."""

    shape: tuple[int, ...]
    kind: str
    read: Callable[[], Any]


@contextmanager
def open_arrays(path: Path) -> Iterator[dict[str, Stored]]:
    """The arrays of a file by name. Damage raises ``DatasetError``; Python objects are not read."""
    try:
        with open_regular(path) as file:
            start = file.read(8)
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read ({error.strerror or error}): expected a .npy, .npz or HDF5 file."
        ) from error
    try:
        if start.startswith(_NPY):
            yield _npy(path)
        elif start.startswith(_ZIP):
            with zipfile.ZipFile(path) as archive:
                yield _npz(path, archive)
        elif start == _HDF5:
            with _h5py().File(path, "r") as file:
                yield _hdf5(file)
        else:
            raise DatasetError(f"{path} begins with {start.hex(' ') or 'nothing'}: expected a .npy, .npz or HDF5 file.")
    except ScorekitError:
        raise
    except Exception as error:  # the headers are Python literals, and damaged ones raise many exception types
        reason = str(error) or type(error).__name__
        raise DatasetError(f"{path} is damaged or holds Python objects ({reason}). Write it again.") from error


def _npy(path: Path) -> dict[str, Stored]:
    with path.open("rb") as file:
        shape, dtype = _header(file, path.stat().st_size)
    return {"array": Stored(shape, dtype.kind, lambda: np.load(path, allow_pickle=False))}


def _npz(path: Path, archive: zipfile.ZipFile) -> dict[str, Stored]:
    found = {}
    for member in archive.infolist():
        if member.filename.endswith(".npy"):
            if member.file_size > max(_PACKED_AT_MOST, _PACKED_RATIO * member.compress_size):
                raise ValueError(
                    f"its member {member.filename} declares {readable_size(member.file_size)} in "
                    f"{readable_size(member.compress_size)}, which looks like a zip bomb; if you trust it, unpack it"
                )
            with archive.open(member) as file:
                shape, dtype = _header(file, member.file_size)
            found[member.filename.removesuffix(".npy")] = Stored(shape, dtype.kind, _reader(archive, member))
    if not found:
        raise DatasetError(f"{path} is a zip archive without arrays. For a zip archive of images use image_folder.")
    return found


def _reader(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], Any]:
    def read() -> Any:
        with archive.open(member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    return read


def _header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], Any]:
    """Shape and dtype of an array in NumPy's format, which must fit into ``size`` bytes."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    needed = math.prod(shape) * dtype.itemsize
    if needed > size:
        raise ValueError(f"an array declares {shape} of {dtype} in {size:,} bytes")
    _check_free(needed)
    return shape, dtype


def _check_free(needed: int) -> None:
    free = free_bytes()
    if free is not None and needed > free:
        raise ValueError(f"an array needs {readable_size(needed)}, more than the free memory of {readable_size(free)}")


def _h5py() -> Any:
    return optional("h5py", "reading HDF5", "h5py")


def _hdf5(file: Any) -> dict[str, Stored]:
    found: dict[str, Stored] = {}

    def note(name: str, item: Any) -> None:
        if hasattr(item, "dtype") and hasattr(item, "shape"):
            found[name] = Stored(tuple(item.shape), item.dtype.kind, lambda: _values(item))

    file.visititems(note)
    return found


def _values(item: Any) -> Any:
    """The values of a data set of HDF5, whose file can declare values that it does not hold."""
    held = item.id.get_storage_size()
    if item.nbytes > max(_NEVER_A_BOMB, _RATIO_AT_MOST * held):
        raise ValueError(f"an array declares {item.shape} of {item.dtype} in {held:,} bytes")
    _check_free(item.nbytes)
    return item[...]
