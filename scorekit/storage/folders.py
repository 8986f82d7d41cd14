"""A folder of arrays: ``arrays.safetensors`` and ``manifest.json``, written whole or not at all.

Every byte of both files is accounted for. The manifest carries a SHA-256 of each array, one of the header of the
arrays' file and one of itself, and its text is the only one that its content can have. A folder is written under
another name, flushed and then renamed, so that a run that is killed while it writes leaves the folder that was there
before. The checksum and the number of the format keep their meaning in every later version of scorekit.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scorekit._checks import check_path
from scorekit._version import __version__
from scorekit.errors import CheckpointError
from scorekit.learning.host_arrays import BFLOAT16
from scorekit.storage.files import replacing

__all__ = ["NewerFormatError", "read_folder", "writable_folder", "write_folder"]

_ARRAYS, _MANIFEST, _FORMAT = "arrays.safetensors", "manifest.json", 1
_MANY = 1000  # no format will have such a number
_PARTS = {"format": int, "scorekit": str, "description": dict, "header": str, "sha256": dict, "bfloat16": list}


class NewerFormatError(CheckpointError):
    """A folder that is whole, and that a later version of scorekit wrote."""


def writable_folder(folder: str | os.PathLike[str], hint: str) -> Path:
    """The folder, made when it is missing; ``CheckpointError`` with a ``hint`` when nothing can be written there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     writable_folder(place + "/runs/first", "choose another folder.").is_dir()
    True
    """
    path = check_path(folder, "the folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".write-test"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CheckpointError(f"cannot write to {path} ({error.strerror or error}): {hint}") from error
    return path


def write_folder(path: Path, arrays: Mapping[str, Any], description: Mapping[str, Any]) -> None:
    """Write NumPy arrays and a JSON description to the folder ``path``, in one rename; what was there is replaced.

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
            f"cannot write {path} ({getattr(error, 'strerror', None) or error}): choose a folder in a place that you "
            "may write to and that has room."
        ) from error


def _fill(folder: Path, arrays: Mapping[str, Any], description: Mapping[str, Any]) -> None:
    from safetensors.numpy import save_file

    bits = {name: np.asarray(_bits(value), order="C") for name, value in arrays.items()}
    save_file(bits, folder / _ARRAYS)
    content: dict[str, Any] = {
        "format": _FORMAT,
        "scorekit": __version__,
        "description": json.loads(json.dumps(description)),  # as it will be read: tuples are lists, keys are text
        "header": _header(folder / _ARRAYS),
        "sha256": {name: _digest(value) for name, value in bits.items()},
        "bfloat16": [name for name, value in arrays.items() if value.dtype == BFLOAT16],
    }
    (folder / _MANIFEST).write_bytes(_text(content))


def read_folder(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays and the description that :func:`write_folder` wrote.

    Raises:
        CheckpointError: anything else is there; the message names the file and what is wrong with it.

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
            raise CheckpointError(f"{path} is damaged: the header of {_ARRAYS} is not the one that was written.")
        bits = load_file(path / _ARRAYS)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} cannot be read: {_ARRAYS} is not a whole safetensors file ({_reason(error)})."
        ) from error
    _verify(path, bits, content["sha256"])
    narrow = content["bfloat16"]
    if not all(isinstance(name, str) and name in bits and bits[name].dtype == np.uint16 for name in narrow):
        raise CheckpointError(f"{path} cannot be read: {_MANIFEST} has a list bfloat16 that does not fit the arrays.")
    return bits | {name: bits[name].view(BFLOAT16) for name in narrow}, content["description"]


def _manifest(path: Path) -> dict[str, Any]:
    """The content of the manifest, when every byte of it is as it was written and it is one that we can read."""
    try:
        text = (path / _MANIFEST).read_bytes()
        content = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read: {_MANIFEST} is not JSON text ({_reason(error)}).") from error
    if not isinstance(content, dict) or not isinstance(content.get("checksum"), str):
        raise CheckpointError(f"{path} cannot be read: {_MANIFEST} was not written by scorekit, it has no checksum.")
    del content["checksum"]
    if text != _text(content):
        raise CheckpointError(f"{path} is damaged: {_MANIFEST} does not match its checksum.")
    if type(content.get("format")) is int and _FORMAT < content["format"] < _MANY:
        raise NewerFormatError(
            f"{path} was written by a newer scorekit ({content.get('scorekit')}, format {content['format']}); this one "
            f"is {__version__} and reads format {_FORMAT}. Upgrade: python -m pip install --upgrade scorekit"
        )
    for name, kind in _PARTS.items():
        if type(content.get(name)) is not kind or content["format"] != _FORMAT:
            raise CheckpointError(f"{path} cannot be read: {_MANIFEST} has no valid {name}.")
    return content


def _text(content: Mapping[str, Any]) -> bytes:
    """The one text of a manifest: its content and the SHA-256 of that."""
    checksum = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps({**content, "checksum": checksum}, indent=1).encode()


def _header(path: Path) -> str:
    """The SHA-256 of all that precedes the arrays: eight bytes of length, and the header of that length."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if length > size - 8:
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
    """bfloat16 has no name in NumPy: its bits are stored, and the manifest says which arrays they are."""
    return value.view(np.uint16) if value.dtype == BFLOAT16 else value


def _reason(error: BaseException) -> str:
    """What went wrong, in one line that stays short whatever the file holds."""
    text = getattr(error, "strerror", None) or str(error)
    return f"{type(error).__name__}: {text}".splitlines()[0][:200]
