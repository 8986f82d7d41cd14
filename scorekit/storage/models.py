"""Save and load models: the weights of the network, and its configuration."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from scorekit import models
from scorekit._checks import check_path
from scorekit._tables import short
from scorekit.errors import CheckpointError, InvalidTypeError, MissingBackendError, ScorekitError, describe
from scorekit.learning.host_arrays import from_host
from scorekit.learning.trained_levels import set_trained_levels, trained_levels_of
from scorekit.learning.views import View, innermost
from scorekit.learning.zeros import Zeros, check_sizes
from scorekit.protocols import ScoreModel
from scorekit.registry import backend, offered, provided
from scorekit.storage.folders import read_folder, write_folder
from scorekit.storage.foreign import not_a_model
from scorekit.storage.networks import (
    check_into,
    config_of,
    filled,
    host_arrays,
    missing_into,
    name_of_class,
    unwrapped,
    warn_of_class,
)

__all__ = ["load", "save"]

_VIEWS = {  # by the class of a view, the name in sk.models that makes it
    "DenoiserModel": "DenoiserModel",
    "EnergyModel": "EnergyModel",
    "Preconditioned": "Preconditioned",
    "Standardized": "standardized",
}


def save(model: ScoreModel, folder: str | os.PathLike[str]) -> None:
    """Save a network, alone or wrapped by views of ``sk.models``, to a new folder.

    Weights are stored in a safetensors file, the rest as JSON. Loading never executes content of the files.

    Args:
        model: a network of a backend, such as ``scorekit_numpy.MLP``, which :func:`load` can rebuild; or any other
            ``nn.Module`` or model with ``parameters()``, which needs the argument ``into`` of :func:`load`. Its
            ``state_dict()`` is saved, with the name of its class, and ``config()`` if it has one. Wrappers that only
            run a network (``torch.compile``, ``DataParallel``) are taken off.
        folder: a folder that does not exist yet.

    Raises:
        TypeError: the model is a function, a view that cannot be saved, or has entries that are not arrays with values.
        ValueError: the model has no parameters and no buffers.
        NonFiniteError: a weight is NaN or infinite.
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
        raise CheckpointError(f"{path} exists already: choose a new folder, or remove this one first.")
    network, views = _unwrap(model)
    owner, arrays = host_arrays(network)
    ours = _provided(owner.name, network)
    description = {
        "kind": "model",
        "backend": owner.name,
        "network": type(network).__name__ if ours else name_of_class(network),
        "provided": ours,
        "config": network.config() if ours else config_of(network),
        "views": views,
        "trained_levels": trained_levels_of(network),
    }
    write_folder(path, arrays, description)


def load(folder: str | os.PathLike[str], into: Any = None) -> Any:
    """The model that :func:`save` wrote to ``folder``.

    Args:
        folder: the folder of a saved model.
        into: a network of your own class, made with the same arguments as the saved one. An ``nn.Module`` is modified
            in place. None for a network of a backend. Views of ``sk.models`` around it must be those of the saved
            model.

    Returns:
        The network with the saved weights, wrapped by the views that it was saved with.

    Raises:
        CheckpointError: the folder is missing, damaged, or not a saved model, and the message says what it is; the
            weights or the views do not fit ``into``; or ``into`` is None and the network is not one of a backend.
            ``into`` is not modified then.
        TypeError: ``into`` is not a network.
        MissingBackendError: the backend of the model is not installed.

    >>> import tempfile, numpy as np, scorekit as sk
    >>> from scorekit_numpy import MLP
    >>> model = sk.models.Preconditioned(MLP(2, hidden=(8,)), sigma_data=2.0)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     sk.save(model, place + "/model")
    ...     again = sk.load(place + "/model")
    >>> x = np.ones((3, 2))
    >>> bool((again(x, 0.5) == model(x, 0.5)).all())
    True
    """
    path = check_path(folder, "folder")
    if into is not None:
        check_into(innermost(into))
    wrong = not_a_model(path)
    if wrong is not None:
        raise CheckpointError(wrong)
    arrays, description = read_folder(path)
    if description.get("kind") != "model":
        raise CheckpointError(f"{path} contains a {description.get('kind')}: expected a model written by sk.save.")
    try:
        numbers = sum(value.size for value in arrays.values())
        _check_views(into, description["views"])
        network = _network(description, numbers) if into is None else innermost(into)
        model = filled(network, from_host(backend(description["backend"]), arrays), rebuilt=into is None)
        set_trained_levels(model, description.get("trained_levels"))
        for view in reversed(description["views"]):
            model = getattr(models, _VIEWS[view["view"]])(model, **view["fields"])
    except MissingBackendError:
        raise
    except (ScorekitError, AttributeError, KeyError, RuntimeError, TypeError, ValueError, MemoryError) as error:
        raise CheckpointError(f"{path} is not a model that this version of scorekit can load: {error}") from error
    if into is not None:
        warn_of_class(str(description["network"]), unwrapped(network), stacklevel=3)
    return model


def _unwrap(model: Any) -> tuple[Any, list[dict[str, Any]]]:
    """The inner network, and its views from the outermost to the innermost."""
    views = []
    while isinstance(model, View):
        name = type(model).__name__
        if name not in _VIEWS:
            raise InvalidTypeError(f"cannot save a {name}: save the inner model, and wrap it again after loading.")
        views.append({"view": name, "fields": _fields_of(model)})
        model = model.inner
    if isinstance(model, type) or not callable(getattr(model, "parameters", None)):
        part = " Pass its .model." if hasattr(model, "model") else " Functions cannot be saved."
        what = f"the class {model.__name__}" if isinstance(model, type) else f"a {describe(model)}"
        raise InvalidTypeError(
            f"cannot save {what}: expected a network with parameters(), alone or wrapped by views of sk.models.{part}"
        )
    return unwrapped(model), views


def _fields_of(view: View) -> dict[str, Any]:
    """The fields of a view without the wrapped model."""
    return {each.name: _plain(getattr(view, each.name)) for each in fields(view) if each.name != view._inner}


def _check_views(into: Any, saved: Sequence[Mapping[str, Any]]) -> None:
    """Raise ``CheckpointError`` if ``into`` has views, and other ones than the saved model."""
    own: list[View] = []
    while isinstance(into, View):
        own.append(into)
        into = into.inner
    names, expected = [type(view).__name__ for view in own], [view["view"] for view in saved]
    if own and names != expected:
        raise CheckpointError(
            f"its views are {', '.join(expected) or 'none'}, and those of into are {', '.join(names)}. Pass the "
            "network alone as into, and use the model that is returned."
        )
    for view, there in zip(own, saved, strict=False):
        for key, value in _fields_of(view).items():
            if value != there["fields"][key]:
                raise CheckpointError(
                    f"its {there['view']} has {key}={short(there['fields'][key])}, and that of into has "
                    f"{key}={short(value)}. Pass the network alone as into, and use the model that is returned."
                )


def _plain(value: Any) -> Any:
    """An array as nested lists of its numbers, which JSON stores exactly."""
    return value.tolist() if hasattr(value, "tolist") else value


def _provided(name: str, network: Any) -> bool:
    """Whether the backend exports the class of this network, so that it can be rebuilt from its config()."""
    return hasattr(network, "config") and offered(name, type(network).__name__) is type(network)


def _network(description: Mapping[str, Any], numbers: int) -> Any:
    """A network from the saved configuration, of about ``numbers`` weights.

    Only classes that the backend exports can be called.
    """
    if not description.get("provided", description["config"] is not None):
        raise missing_into(description)
    make = provided(description["backend"], description["network"])
    if not (isinstance(make, type) and hasattr(make, "config")):
        raise CheckpointError(f"it names {description['network']}, which is not a network class.")
    check_sizes(description["config"], numbers)
    blank = {"rng": Zeros(numbers)} if "rng" in inspect.signature(make).parameters else {}
    return make(**{**description["config"], **blank})
