"""Folders of arrays: ``arrays.safetensors`` and ``manifest.json``, written atomically.

Every byte of both files is verified. The manifest contains the SHA-256 of each array, of the header of the array file
and of its own content, and its text is a function of its content. A folder is written under a temporary name, flushed
and then renamed. If the process is killed during the write, the old folder remains. The checksum and the format number
keep their meaning in all later versions of scorekit.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scorekit._checks import check_path
from scorekit._memory import free_bytes, readable_size
from scorekit._reading import open_regular
from scorekit._version import __version__
from scorekit.errors import CheckpointError, reason_of
from scorekit.learning.host_arrays import BFLOAT16
from scorekit.storage.files import replacing
from scorekit.storage.sealed import read_sealed, seal

__all__ = ["NewerFormatError", "read_folder", "writable_folder", "write_folder"]

_ARRAYS, _MANIFEST, _FORMAT = "arrays.safetensors", "manifest.json", 1
_HEADER_AT_MOST = 100_000_000  # bytes, the limit of safetensors
_MANY = 1000  # larger than any future format number
_PARTS = {"format": int, "scorekit": str, "description": dict, "header": str, "sha256": dict, "bfloat16": list}


class NewerFormatError(CheckpointError):
    """The folder is complete, but a newer version of scorekit wrote it."""


def writable_folder(folder: str | os.PathLike[str], hint: str) -> Path:
    """Return the folder as a path, and create it if it is missing.

    Raises:
        CheckpointError: the folder cannot be created or written; the message ends with ``hint``.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     writable_folder(place + "/runs/first", "choose another folder.").is_dir()
    True
    """
    path = check_path(folder, "folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise CheckpointError(f"cannot write to {path} ({error.strerror or error}): {hint}") from error
    return path


def write_folder(path: Path, arrays: Mapping[str, Any], description: Mapping[str, Any]) -> None:
    """Write NumPy arrays and a JSON description to the folder ``path``, and replace it atomically.

    Raises:
        CheckpointError: the folder cannot be written, for instance because the disk is full.

    >>> import pathlib, tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as place:
    ...     write_folder(pathlib.Path(place, "it"), {"a": np.zeros(3)}, {"kind": "example"})
    ...     sorted(path.name for path in pathlib.Path(place, "it").iterdir())
    ['arrays.safetensors', 'manifest.json']
    """
    from safetensors import SafetensorError

    try:
        with replacing(path) as new:
            new.mkdir(parents=True)
            _fill(new, arrays, description)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"cannot write {path} ({getattr(error, 'strerror', None) or error}): choose a folder that you may write "
            "to, on a disk with free space."
        ) from error


def _fill(folder: Path, arrays: Mapping[str, Any], description: Mapping[str, Any]) -> None:
    from safetensors.numpy import save_file

    bits = {name: np.asarray(_bits(value), order="C") for name, value in arrays.items()}
    save_file(bits, folder / _ARRAYS)
    content: dict[str, Any] = {
        "format": _FORMAT,
        "scorekit": __version__,
        "description": json.loads(json.dumps(description)),  # as read back: lists for tuples, keys as strings
        "header": _header(folder / _ARRAYS),
        "sha256": {name: _digest(value) for name, value in bits.items()},
        "bfloat16": [name for name, value in arrays.items() if value.dtype == BFLOAT16],
    }
    (folder / _MANIFEST).write_bytes(seal(content))


def read_folder(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays and the description that :func:`write_folder` wrote.

    Raises:
        CheckpointError: the folder is missing, damaged, or was not written by :func:`write_folder`.
        NewerFormatError: a newer version of scorekit wrote the folder.

    >>> import pathlib, tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as place:
    ...     write_folder(pathlib.Path(place, "it"), {"a": np.arange(3.0)}, {"kind": "example"})
    ...     read_folder(pathlib.Path(place, "it"))
    ({'a': array([0., 1., 2.])}, {'kind': 'example'})
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    content = _manifest(path)
    try:
        if _header(path / _ARRAYS) != content["header"]:
            raise CheckpointError(f"{path} is damaged: the header of {_ARRAYS} does not match its SHA-256.")
        bits = load_file(path / _ARRAYS)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, MemoryError) as error:
        raise CheckpointError(
            f"{path} cannot be read: {_ARRAYS} is not a complete safetensors file ({reason_of(error)})."
        ) from error
    _verify(path, bits, content["sha256"])
    narrow = content["bfloat16"]
    if not all(isinstance(name, str) and name in bits and bits[name].dtype == np.uint16 for name in narrow):
        raise CheckpointError(f"{path} cannot be read: {_MANIFEST} has a list bfloat16 that does not match the arrays.")
    return bits | {name: bits[name].view(BFLOAT16) for name in narrow}, content["description"]


def _manifest(path: Path) -> dict[str, Any]:
    """The verified content of the manifest."""
    content: dict[str, Any]
    try:
        content, sealed = read_sealed(path / _MANIFEST)
    except (FileNotFoundError, NotADirectoryError) as error:
        lacks = "is a file" if path.exists() else "does not exist"
        lacks = f"has no {_MANIFEST}, so scorekit did not write it" if path.is_dir() else lacks
        raise CheckpointError(f"{path} {lacks}: expected a folder that scorekit wrote.") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {_MANIFEST} is not JSON text ({reason_of(error)}).") from error
    if not sealed:
        raise CheckpointError(f"{path} cannot be read: {_MANIFEST} has no checksum, so scorekit did not write it.")
    if type(content.get("format")) is int and _FORMAT < content["format"] < _MANY:
        raise NewerFormatError(
            f"{path} was written by a newer scorekit ({content.get('scorekit')}, format {content['format']}); this one "
            f"is {__version__} and reads format {_FORMAT}. Install that version: "
            "in an up-to-date clone of scorekit, python -m pip install ."
        )
    for name, kind in _PARTS.items():
        if type(content.get(name)) is not kind or content["format"] != _FORMAT:
            raise CheckpointError(f"{path} cannot be read: {_MANIFEST} has no valid {name}.")
    return content


def _header(path: Path) -> str:
    """The SHA-256 of the bytes before the arrays: eight bytes with the header length, and the header."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        free = free_bytes()
        if free is not None and size > free:  # safetensors would abort
            raise ValueError(f"it has {readable_size(size)}, more than the free memory of {readable_size(free)}")
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if length > min(size - 8, _HEADER_AT_MOST):
            raise ValueError(f"its header of {length} bytes does not fit into a file of {size}")
        return hashlib.sha256(start + file.read(length)).hexdigest()


def _verify(path: Path, arrays: Mapping[str, Any], digests: Mapping[str, str]) -> None:
    found = {name: _digest(value) for name, value in arrays.items()}
    wrong = sorted(name for name in found.keys() | digests.keys() if found.get(name) != digests.get(name))
    if wrong:
        raise CheckpointError(f"{path} is damaged: {', '.join(wrong)} in {_ARRAYS} do not match their SHA-256.")


def _digest(value: Any) -> str:
    head = f"{value.dtype.str}{value.shape}".encode()
    return hashlib.sha256(head + value.tobytes()).hexdigest()


def _bits(value: Any) -> Any:
    """The array as stored: bfloat16, which NumPy lacks, is stored as uint16, and the manifest lists these arrays."""
    return value.view(np.uint16) if value.dtype == BFLOAT16 else value
