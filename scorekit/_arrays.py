"""What every room needs of arrays: checks at the door, and the two reductions that know the layout.

The event of a sample is every axis but the first. It is summed here (:func:`event_sum`) and a value
a sample is lined up with it here (:func:`align`), and nowhere else.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError
from scorekit.protocols import Array, Backend, Rng, RngLike, Sigma
from scorekit.registry import array_namespace, backend, backend_of, describe

__all__ = [
    "align",
    "as_rng",
    "as_sigma",
    "check_batch",
    "check_count",
    "check_like",
    "check_number",
    "check_option",
    "check_path",
    "check_positive",
    "constant",
    "event_dot",
    "event_size",
    "event_sum",
    "host",
    "no_tape",
    "own",
    "readable",
    "weighted_mean",
]


# ---------------------------------------------------------------- layout


def event_sum(x: Array) -> Array:
    """The sum over every axis but the first: ``(n, *event) -> (n,)``."""
    return array_namespace(x).sum(x, axis=tuple(range(1, x.ndim)))


def event_dot(a: Array, b: Array) -> Array:
    """The inner product of each sample of ``a`` with that of ``b``: ``(n, *event) -> (n,)``."""
    return event_sum(a * b)


def event_size(x: Array) -> int:
    """The number of numbers in one sample, ``d``."""
    return math.prod(x.shape[1:])


def align(value: Any, x: Array) -> Any:
    """``value`` of shape ``(n,)`` with as many axes as ``x``; a scalar, or None, as it is."""
    if value is None or getattr(value, "ndim", 0) == 0:
        return value
    return array_namespace(value).reshape(value, (-1,) + (1,) * (x.ndim - 1))


def constant(value: Any, like: Array) -> Array:
    """``value`` (numbers, or a NumPy array) as an array with the framework, dtype and device of ``like``."""
    xp = array_namespace(like)
    try:
        owner = backend_of(like)
    except InvalidTypeError:
        return xp.asarray(value, dtype=like.dtype)
    return owner.asarray(value, like=like)


def own(x: Array) -> Array:
    """A copy for a function that may write into its argument; the derivative passes through."""
    return 1 * x


def host(x: Any) -> Any:
    """The values of an array of any framework, or of a number, as NumPy float64, cut from any graph."""
    if isinstance(x, (int, float)):
        return np.float64(x)
    try:
        values = backend_of(x).to_numpy(x)
    except InvalidTypeError:  # an array of the standard that no backend owns
        values = np.asarray(x)
    return values.astype(np.float64, copy=False)


def readable(x: Array) -> bool:
    """Can a value of ``x`` be looked at? Its backend knows; an array that nobody owns is readable."""
    try:
        return backend_of(x).readable(x)
    except InvalidTypeError:
        return True


def no_tape(x: Array) -> Callable[[], AbstractContextManager[None]]:
    """What makes the context in which the backend of ``x`` keeps no tape; an array that nobody owns has none."""
    try:
        return backend_of(x).no_grad
    except InvalidTypeError:
        return nullcontext


# ---------------------------------------------------------------- checks at the door


def check_batch(x: Array, name: str = "x", *, finite: bool = True) -> Array:
    """``x`` itself, if it is a batch ``(n, *event)`` of real floating-point numbers, all finite."""
    xp = array_namespace(**{name: x})
    if x.ndim < 2:
        hint = f" For one feature use {name}[:, None], for one sample {name}[None]." if x.ndim == 1 else ""
        raise ShapeError(f"{name} has shape {tuple(x.shape)}: expected (n, …), the first axis is the batch.{hint}")
    _check_precision(xp, x, name)
    if getattr(getattr(x, "device", None), "type", None) == "meta":
        raise InvalidTypeError(f"{name} is on the device meta, where arrays have no values: make it on another one.")
    if math.prod(x.shape) == 0:
        raise ShapeError(f"{name} has shape {tuple(x.shape)}: expected at least one sample and one feature, got none.")
    if finite and readable(x):
        _check_finite(xp, x, name)
    return x


def _check_precision(xp: Any, x: Array, name: str) -> None:
    if not xp.isdtype(x.dtype, "real floating"):
        way = "astype(float)" if hasattr(x, "astype") else "double()"
        raise InvalidTypeError(f"{name} has dtype {x.dtype}: expected a real floating dtype. Convert it: {name}.{way}.")
    if getattr(x.dtype, "itemsize", 4) < 4:  # x + sigma z would be rounded to a grid that is as wide as sigma z
        way = "astype('float32')" if hasattr(x, "astype") else "float()"
        raise InvalidTypeError(
            f"{name} has dtype {x.dtype}, in which small noise and steps are lost to rounding: expected float32 or "
            f"float64. Convert it: {name}.{way}; a model may use half precision inside."
        )


def _check_finite(xp: Any, x: Array, name: str) -> None:
    if _sums_to_a_number(xp, x):  # and so every number is finite; a sum of finite numbers may overflow
        return
    finite = xp.isfinite(x)
    if bool(xp.all(finite)):
        return
    rows = ~xp.all(xp.reshape(finite, (x.shape[0], -1)), axis=1)
    bad = int(xp.sum(xp.astype(rows, xp.int64)))
    raise InvalidValueError(
        f"{name} holds NaN or infinity in {bad} of {x.shape[0]} rows: expected finite numbers. "
        f"Drop those rows: {name}[numpy.isfinite({name}).reshape(len({name}), -1).all(axis=1)]."
    )


def _sums_to_a_number(xp: Any, x: Array) -> bool:
    if isinstance(x, np.ndarray):
        with np.errstate(over="ignore", invalid="ignore"):
            return math.isfinite(x.sum())
    total = xp.sum(x)
    return math.isfinite(total.item()) if hasattr(total, "item") else bool(total - total == 0)


def check_count(value: Any, name: str, minimum: int = 1) -> int:
    """``value`` as an int that is at least ``minimum``."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise InvalidTypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__}).")
    if value < minimum:
        raise InvalidValueError(f"{name} must be at least {minimum}, got {value}.")
    if value > _MOST:
        raise InvalidValueError(f"{name} must be at most {_MOST}, got a number of {int(value).bit_length()} bits.")
    return int(value)


_MOST = 1 << 48  # nothing that is counted here can be that many, and sizes made of it still fit into 64 bits


def check_number(value: Any, name: str, kind: str = "number") -> float:
    """``value`` as a float, if it is one real number; True and "0.5" are not."""
    if isinstance(value, (bool, np.bool_, str, bytes)):
        raise InvalidTypeError(f"{name} must be a {kind}, got {value!r} ({type(value).__name__}).")
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(f"{name} must be a {kind}, got {describe(value)}.") from error


def check_positive(value: Any, name: str, hint: str = "") -> float:
    """``value`` as a positive, finite float whose square is that too."""
    number = check_number(value, name, "positive number")
    if not _SMALLEST <= number <= 1 / _SMALLEST:
        if 0 < number < math.inf:
            hint = f"Its square must be too: from {_SMALLEST:g} to {1 / _SMALLEST:g} it is."
        raise InvalidValueError(f"{name} must be positive and finite, got {number}.{' ' + hint if hint else ''}")
    return number


_SMALLEST = 1e-150


def check_path(value: Any, name: str) -> Path:
    """``value`` as a path; the empty name, which would be the working folder, is refused."""
    try:
        given = os.fspath(value)
    except TypeError as error:
        raise InvalidTypeError(
            f"{name} is a {describe(value)}: expected a path, as a str or a pathlib.Path."
        ) from error
    if not isinstance(given, str):
        raise InvalidTypeError(f"{name} is {value!r}: expected a path, as a str or a pathlib.Path.")
    if not given or "\0" in given:
        raise InvalidValueError(f"{name} is {value!r}: expected the name of a file or folder.")
    return Path(given)


def check_option(value: Any, name: str, known: tuple[Any, ...]) -> None:
    """Refuse a ``value`` that is not one of the ``known`` ones (names, True, False, None), and list them."""
    if not isinstance(value, (str, bool, np.bool_, type(None))) or value not in known:
        listed = ", ".join(repr(k) for k in known)
        raise InvalidValueError(f"unknown {name} {value!r}: expected one of {listed}.")


_NOISELESS = "For noiseless data use ImplicitScoreMatching or SlicedScoreMatching."


def as_sigma(sigma: Sigma, x: Array) -> Sigma:
    """A noise level for the batch ``x``: None, a positive float, or a positive array ``(n,)`` like ``x``."""
    if sigma is None:
        return None
    if isinstance(sigma, (int, float, np.generic)):
        return check_positive(sigma, "sigma", _NOISELESS)
    if isinstance(sigma, np.ndarray) and sigma.ndim == 0:
        return check_positive(sigma[()], "sigma", _NOISELESS)
    xp = array_namespace(x=x, sigma=sigma)
    if sigma.shape not in ((), (x.shape[0],)):
        raise ShapeError(
            f"sigma has shape {tuple(sigma.shape)} for x of shape {tuple(x.shape)}: "
            f"expected None, a scalar or shape ({x.shape[0]},), one level a sample."
        )
    if sigma.dtype != x.dtype and not xp.isdtype(sigma.dtype, ("real floating", "integral")):
        raise InvalidTypeError(f"sigma has dtype {sigma.dtype}: expected real numbers.")
    if readable(sigma):
        low, high = xp.min(sigma), xp.max(sigma)  # of NaN both are NaN
        if not (bool(low > 0) and bool(high < math.inf)):
            shown = f"got values from {float(host(low))} to {float(host(high))}. "
            raise InvalidValueError(f"sigma must be positive and finite, {shown}{_NOISELESS}")
    return sigma if sigma.dtype == x.dtype else xp.astype(sigma, x.dtype)


def as_rng(rng: RngLike, like: Array | None = None) -> Rng:
    """An :class:`Rng` from an Rng, an int seed or None (fresh entropy), for the backend of ``like``."""
    if isinstance(rng, bool):
        raise InvalidTypeError(f"rng is {rng}: expected a scorekit Rng, an int seed or None.")
    if isinstance(rng, (int, np.integer)):
        if rng < 0:
            raise InvalidValueError(f"rng must be a non-negative seed, got {rng}.")
        return _home(like).rng(int(rng))
    if rng is None:
        return _home(like).rng(None)
    if hasattr(rng, "normal") and hasattr(rng, "rademacher"):
        return rng
    raise InvalidTypeError(
        f"rng is a {describe(rng)}: expected a scorekit Rng, an int seed or None. Write rng=0, or sk.rng(0, like=x)."
    )


def check_like(like: Array) -> Array:
    """``like`` itself, if arrays of real numbers can be made like it."""
    _check_precision(array_namespace(like=like), like, "like")
    return like


def _home(like: Array | None) -> Backend:
    if like is None:
        return backend("numpy")
    return backend_of(check_like(like))


# ---------------------------------------------------------------- reduction over the batch


def weighted_mean(values: Array, weights: Array | None = None) -> Array:
    """``sum(w v) / sum(w)`` of per-sample values ``(n,)``; the plain mean without weights."""
    xp = array_namespace(values)
    if weights is None:
        return xp.mean(values)
    w = _check_weights(weights, values)
    return xp.sum(w * values) / xp.sum(w)


def _check_weights(weights: Array, values: Array) -> Array:
    xp = array_namespace(x=values, weights=weights)
    shape = tuple(getattr(weights, "shape", ()))
    if shape != tuple(values.shape):
        raise ShapeError(f"weights have shape {shape} for {values.shape[0]} samples: expected ({values.shape[0]},).")
    if not xp.isdtype(weights.dtype, ("real floating", "integral", "bool")):
        raise InvalidTypeError(f"weights have dtype {weights.dtype}: expected real numbers.")
    w = xp.astype(weights, values.dtype)
    return _check_weight_values(xp, w) if readable(w) else w


def _check_weight_values(xp: Any, w: Array) -> Array:
    if not bool(xp.all((w >= 0) & xp.isfinite(w))):
        raise InvalidValueError(f"weights must be finite and not negative, got a smallest of {float(xp.min(w))}.")
    largest = xp.max(w)
    if not float(largest) > 0:
        raise InvalidValueError("weights sum to zero: expected at least one positive weight.")
    return w / largest if float(largest) > 1e30 else w  # so that their sum cannot overflow
