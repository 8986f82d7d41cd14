"""Arrays and their description on disk: complete and verified, or refused; never executed.

A folder holds ``arrays.safetensors`` and ``manifest.json``. The manifest carries a SHA-256 of every array and
one of itself. A folder is written under another name, flushed and then renamed, so that a run that is killed
while it writes leaves the folder that was there before.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from scorekit import models
from scorekit._arrays import check_path
from scorekit.errors import CheckpointError, InvalidTypeError, ScorekitError
from scorekit.models._view import View
from scorekit.protocols import Array, ScoreModel
from scorekit.registry import backend, backend_of, describe, provided

__all__ = ["load", "read_folder", "save", "writable_folder", "write_folder"]

_ARRAYS, _MANIFEST, _FORMAT = "arrays.safetensors", "manifest.json", 1
_VIEWS = ("DenoiserModel", "EnergyModel", "Preconditioned")


# ---------------------------------------------------------------- folders


def writable_folder(folder: str | os.PathLike[str], hint: str) -> Path:
    """The folder, made when it is missing; ``CheckpointError`` with a ``hint`` when nothing can be written there."""
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
    """Write NumPy arrays and a JSON description to the new folder ``path``, in one rename."""
    from safetensors.numpy import save_file

    partial = path.with_name(path.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        plain = {name: np.asarray(value, order="C") for name, value in arrays.items()}
        save_file(plain, partial / _ARRAYS)
        content = {
            "format": _FORMAT,
            "description": dict(description),
            "sha256": {name: _digest(value) for name, value in plain.items()},
        }
        (partial / _MANIFEST).write_text(json.dumps(content | {"checksum": _checksum(content)}, indent=1))
        for name in (_ARRAYS, _MANIFEST):
            _flush(partial / name)
        _flush(partial)
        os.rename(partial, path)
        _flush(path.parent)
    except OSError as error:
        raise CheckpointError(
            f"cannot write {path} ({error.strerror or error}): choose a folder that does not exist yet, in a place "
            "that you may write to."
        ) from error


def read_folder(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays and the description that :func:`write_folder` wrote; anything else raises ``CheckpointError``."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        content = json.loads((path / _MANIFEST).read_text())
        checksum = content.pop("checksum")
        if checksum != _checksum(content):
            raise CheckpointError(f"{path} is damaged: its manifest does not match its checksum.")
        if content["format"] != _FORMAT:
            raise CheckpointError(f"{path} has format {content['format']}: this version reads format {_FORMAT}.")
        arrays = load_file(path / _ARRAYS)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read ({type(error).__name__}: {error}).") from error
    _verify(path, arrays, content["sha256"])
    return arrays, content["description"]


def _verify(path: Path, arrays: Mapping[str, Any], digests: Mapping[str, str]) -> None:
    found = {name: _digest(value) for name, value in arrays.items()}
    wrong = sorted(name for name in found.keys() | digests.keys() if found.get(name) != digests.get(name))
    if wrong:
        raise CheckpointError(f"{path} is damaged: {', '.join(wrong)} do not match their SHA-256.")


def _digest(value: Any) -> str:
    head = f"{value.dtype.str}{value.shape}".encode()
    return hashlib.sha256(head + value.tobytes()).hexdigest()


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ---------------------------------------------------------------- models


def save(model: ScoreModel, folder: str | os.PathLike[str]) -> None:
    """Save a network, alone or inside the views of ``sk.models``, to a new folder.

    Weights go to a safetensors file, the rest to JSON; nothing that is read back can execute.

    Args:
        model: a network that a backend provides, such as ``scorekit_numpy.MLP``, or a view of one.
        folder: a folder that does not exist yet.

    Raises:
        TypeError: the model holds a function, which cannot be written down.
        CheckpointError: the folder exists or cannot be written.

    >>> import tempfile, scorekit as sk
    >>> from scorekit_numpy import MLP
    >>> with tempfile.TemporaryDirectory() as place:
    ...     sk.save(MLP(2, hidden=(8,)), place + "/model")
    ...     sk.load(place + "/model")
    MLP(2, hidden=(8,), conditional=True, dtype='float64')
    """
    path = check_path(folder, "folder")
    if os.path.lexists(path):
        raise CheckpointError(f"{path} exists already: choose a new folder, or remove that one first.")
    network, views = _unwrap(model)
    arrays = _arrays_of(network)
    owner = backend_of(next(iter(arrays.values())))
    description = {
        "kind": "model",
        "backend": owner.name,
        "network": type(network).__name__,
        "config": network.config(),
        "views": views,
    }
    write_folder(path, {name: owner.to_numpy(value) for name, value in arrays.items()}, description)


def load(folder: str | os.PathLike[str]) -> Any:
    """The model that :func:`save` wrote to ``folder``.

    Raises:
        CheckpointError: the folder is missing, damaged, or not a saved model.
    """
    path = check_path(folder, "folder")
    arrays, description = read_folder(path)
    if description.get("kind") != "model":
        raise CheckpointError(f"{path} holds a {description.get('kind')}, not a model written by sk.save.")
    try:
        model = _filled(_network(description), _like_backend(description["backend"], arrays))
        for view in reversed(description["views"]):
            model = getattr(models, _VIEWS[_VIEWS.index(view["view"])])(model, **view["fields"])
    except ScorekitError:
        raise
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} describes no model that this version can make ({error}).") from error
    return model


def _unwrap(model: Any) -> tuple[Any, list[dict[str, Any]]]:
    """The network inside, and the views around it from the outside in."""
    views = []
    while isinstance(model, View):
        name = type(model).__name__
        if name not in _VIEWS:
            raise InvalidTypeError(f"cannot save a {name}: save the model that it views, and view it after loading.")
        others = [f.name for f in fields(model) if f.name != model._inner]
        views.append({"view": name, "fields": {key: getattr(model, key) for key in others}})
        model = model.inner
    if not (hasattr(model, "config") and hasattr(model, "parameters")):
        raise InvalidTypeError(
            f"cannot save a {describe(model)}: only networks with config() and parameters() can be written down, "
            "such as scorekit_numpy.MLP, alone or inside the views of sk.models."
        )
    return model, views


def _arrays_of(network: Any) -> dict[str, Array]:
    """The arrays of a network by name; a module has them in ``state_dict()``, buffers too."""
    return dict(network.state_dict() if hasattr(network, "state_dict") else network.parameters())


def _filled(network: Any, arrays: Mapping[str, Array]) -> Any:
    """The network with these arrays: a module takes them in, any other makes a new one."""
    if not hasattr(network, "load_state_dict"):
        return network.with_parameters(arrays)
    network.load_state_dict(arrays)
    return network


def _network(description: Mapping[str, Any]) -> Any:
    """A network of the saved shape. Only what the backend exports can be made."""
    return provided(description["backend"], description["network"])(**description["config"])


def _like_backend(name: str, arrays: Mapping[str, Any]) -> dict[str, Array]:
    owner = backend(name)
    return {key: owner.asarray(value) for key, value in arrays.items()}
