"""Conversion of the arrays of a model or a learner for saving and loading, without change of dtype, shape or bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scorekit.errors import CheckpointError, InvalidTypeError
from scorekit.protocols import Array, Backend

__all__ = ["BFLOAT16", "check_same_arrays", "check_whole", "from_host", "on_host"]

BFLOAT16 = np.dtype([("bfloat16", np.uint16)])
"""bfloat16 on the host, which NumPy lacks: the upper half of a float32."""

_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_KEPT = ("bool", *_INTEGERS, "float16", "float32", "float64", "complex64")
_SHOWN = 6  # differences that a message lists


def on_host(owner: Backend, arrays: Mapping[str, Array]) -> dict[str, Any]:
    """The arrays as NumPy arrays; bfloat16 as its bits.

    Raises:
        TypeError: a dtype cannot be saved.

    >>> import numpy as np, scorekit as sk
    >>> on_host(sk.backend("numpy"), {"w": np.ones(2)})
    {'w': array([1., 1.])}
    """
    return {name: _host(owner, name, value) for name, value in arrays.items()}


def _host(owner: Backend, name: str, value: Array) -> Any:
    dtype = _dtype(value)
    if dtype == "bfloat16":
        wide = np.ascontiguousarray(owner.to_numpy(value), dtype=np.float32).reshape(tuple(value.shape))
        return (wide.view(np.uint32) >> 16).astype(np.uint16).view(BFLOAT16)
    if dtype not in _KEPT:
        raise InvalidTypeError(f"{name} has dtype {dtype}: expected bfloat16 or one of {', '.join(_KEPT)} to write it.")
    made = np.asarray(owner.to_numpy(value))
    return made.astype(made.dtype.newbyteorder("="), copy=False)


def from_host(owner: Backend, arrays: Mapping[str, Any]) -> dict[str, Array]:
    """The inverse of :func:`on_host`: arrays of ``owner``.

    Raises:
        CheckpointError: an array is bfloat16, which ``owner`` lacks.

    >>> import numpy as np, scorekit as sk
    >>> from_host(sk.backend("numpy"), {"w": np.ones(2)})
    {'w': array([1., 1.])}
    """
    return {name: _array(owner, value) for name, value in arrays.items()}


def _array(owner: Backend, value: Any) -> Array:
    if value.dtype != BFLOAT16:
        return owner.xp.asarray(value)
    if not hasattr(owner.xp, "bfloat16"):
        raise CheckpointError(
            f"the arrays are bfloat16, which the {owner.name} backend lacks: load them with another backend, as torch."
        )
    wide = (value.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return owner.xp.asarray(wide, dtype=owner.xp.bfloat16)


def check_same_arrays(given: Mapping[str, Array], expected: Mapping[str, Array]) -> None:
    """Raise ``CheckpointError`` with a list of differences unless both have the same names, shapes and dtypes.

    >>> import numpy as np
    >>> check_same_arrays({"w": np.ones(2)}, {"w": np.ones(3)})
    Traceback (most recent call last):
        ...
    scorekit.errors.CheckpointError: 1 tensor differs: w is (2,), the model has (3,); nothing was changed.
    """
    names = [*expected, *(name for name in given if name not in expected)]
    wrong = [text for name in names if (text := _difference(name, given.get(name), expected.get(name)))]
    if wrong:
        count = "1 tensor differs" if len(wrong) == 1 else f"{len(wrong)} tensors differ"
        more = f"; … and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise CheckpointError(f"{count}: {'; '.join(wrong[:_SHOWN])}{more}; nothing was changed.")


def _difference(name: str, came: Array | None, here: Array | None) -> str:
    if here is None:
        return f"{name} is not in the model"
    if came is None:
        return f"{name} is missing, the model has {tuple(here.shape)}"
    if tuple(came.shape) != tuple(here.shape):
        return f"{name} is {tuple(came.shape)}, the model has {tuple(here.shape)}"
    if _dtype(came) != _dtype(here):
        return f"{name} is {_dtype(came)}, the model has {_dtype(here)}"
    return ""


def _dtype(x: Array) -> str:
    """The name of a dtype as in the array standard, without the name of its framework."""
    return str(x.dtype).rpartition(".")[2]


def check_whole(whole: bool) -> None:
    """Raise ``CheckpointError`` for the state of a learner whose last step ended inside its update.

    >>> check_whole(True)
    """
    if not whole:
        raise CheckpointError(
            "the last step was stopped while it changed the weights, so the optimizer and the weights do not fit "
            "together"
        )
