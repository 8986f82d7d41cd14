"""The arrays of a network for saving, and how saved arrays enter a network."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from scorekit.errors import CheckpointError, InvalidTypeError, InvalidValueError, NonFiniteError, describe
from scorekit.learning.host_arrays import BFLOAT16, check_same_arrays, on_host
from scorekit.protocols import Array, Backend
from scorekit.registry import backend_of

__all__ = [
    "check_into",
    "config_of",
    "filled",
    "host_arrays",
    "missing_into",
    "name_of_class",
    "unwrapped",
    "warn_of_class",
]

_WRAPPERS = {
    "OptimizedModule": "_orig_mod",  # of torch.compile
    "DataParallel": "module",
    "DistributedDataParallel": "module",
}


def unwrapped(network: Any) -> Any:
    """The network inside the wrappers of torch that only run it: ``compile``, ``DataParallel`` and its kin."""
    while (name := _WRAPPERS.get(type(network).__name__, "")) and hasattr(network, name):
        network = getattr(network, name)
    return network


def name_of_class(network: Any) -> str:
    """The qualified name of the class of a network."""
    return f"{type(network).__module__}.{type(network).__qualname__}"


def config_of(network: Any) -> Any:
    """The arguments that the network was made with, from its ``config()``; None without, or if they are not JSON."""
    try:
        return json.loads(json.dumps(network.config()))
    except (AttributeError, TypeError, ValueError, RecursionError):
        return None


def _arrays_of(network: Any) -> dict[str, Array]:
    """The arrays of a network by name: ``state_dict()`` of a module, including buffers, else ``parameters()``."""
    return dict(network.state_dict() if hasattr(network, "state_dict") else network.parameters())


def host_arrays(network: Any) -> tuple[Backend, dict[str, Any]]:
    """The backend of a network, and its arrays as NumPy arrays, if all of them can be written.

    Raises:
        TypeError: an entry is not an array, has no values yet, or has a dtype that cannot be written.
        ValueError: there are none.
        NonFiniteError: a parameter is NaN or infinite, or a buffer NaN. Infinite buffers are usual in masks.
    """
    arrays, name = _arrays_of(network), type(network).__name__
    if not arrays:
        raise InvalidValueError(f"this {name} has no parameters and no buffers: there is nothing to save.")
    for key, value in arrays.items():
        _check_array(key, value, name)
    owner = backend_of(next(iter(arrays.values())))
    made = on_host(owner, arrays)
    buffers = {key for key, _ in network.named_buffers()} if hasattr(network, "named_buffers") else set()
    for key, value in made.items():
        wrong = _not_finite(value, nan_only=key in buffers)
        if wrong:
            raise NonFiniteError(
                f"{key} of this {name} holds {wrong} values that are NaN or infinite: such a model returns no numbers. "
                "Nothing was written. Save the model of an earlier checkpoint."
            )
    return owner, made


def _check_array(key: str, value: Any, name: str) -> None:
    try:
        backend_of(value)
    except InvalidTypeError as error:
        raise InvalidTypeError(
            f"{key} of this {name} is a {describe(value)}: expected arrays only. Keep it as a buffer, or save it "
            "yourself."
        ) from error
    if "Uninitialized" in type(value).__name__ or str(getattr(value, "device", "")) == "meta":
        raise InvalidTypeError(
            f"{key} of this {name} has no values yet: call a lazy network once, and move one from the device meta, "
            "before it is saved."
        )


def _not_finite(value: Any, nan_only: bool) -> int:
    """How many values are NaN, or infinite."""
    if value.dtype == BFLOAT16:
        value = (value.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    if value.dtype.kind not in "fc":
        return 0
    return int(np.sum(np.isnan(value) if nan_only else ~np.isfinite(value)))


def check_into(into: Any) -> None:
    """Raise ``TypeError`` unless ``into`` is a network that arrays can enter."""
    if isinstance(into, type):
        name = into.__name__
        raise InvalidTypeError(f"into is the class {name}: expected an instance, made as the saved one, {name}(…).")
    if not callable(getattr(into, "parameters", None)):
        raise InvalidTypeError(
            f"into is a {describe(into)}: expected a network of the class of the saved one, made with the same "
            "arguments."
        )


def filled(network: Any, arrays: Mapping[str, Array], rebuilt: bool) -> Any:
    """The network with these arrays: a module is modified in place, any other network is copied.

    A network that was ``rebuilt`` from its arguments takes the dtype of the arrays, which a user may have changed.
    """
    if rebuilt and callable(getattr(network, "to", None)):
        kinds = {v.dtype for v in arrays.values() if backend_of(v).xp.isdtype(v.dtype, "real floating")}
        network = network.to(*kinds) if len(kinds) == 1 else network
    inside = unwrapped(network)
    own = _arrays_of(inside)
    check_same_arrays(arrays, own)
    if not hasattr(inside, "load_state_dict"):
        return inside.with_parameters({name: arrays[name] for name in own})  # in the order of the network
    inside.load_state_dict(arrays)
    return network


def warn_of_class(saved: str, into: Any, stacklevel: int) -> None:
    """Warn if the weights fit, but were saved from a class of another name."""
    mine = type(into).__qualname__
    if saved.rpartition(".")[2] != mine.rpartition(".")[2]:
        warnings.warn(
            f"the folder holds the weights of a {saved}, and into is a {mine}: names and shapes are the same, but the "
            "layers may compute something else.",
            UserWarning,
            stacklevel=stacklevel,
        )


def missing_into(description: Mapping[str, Any]) -> CheckpointError:
    """The error for a network that only its author can make."""
    name, config = description["network"], description["config"]
    arguments = ", ".join(f"{key}={value!r}" for key, value in config.items()) if isinstance(config, dict) else "…"
    short = str(name).rpartition(".")[2]
    return CheckpointError(
        f"it contains the weights of a {name}, which no backend exports: make that network, {short}({arguments}), and "
        "write sk.load(folder, into=network)."
    )
