"""Array helpers for the whole library: argument checks, and operations that depend on the batch layout.

The first axis is the batch axis; all others are the event of a sample. Only :func:`event_sum` sums over the event, and
only :func:`expand` aligns per-sample values with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from scorekit._checks import check_positive
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.protocols import Array, Backend, Rng, RngLike, Sigma
from scorekit.registry import array_namespace, backend, backend_of

__all__ = [
    "as_rng",
    "as_sigma",
    "check_batch",
    "check_finite",
    "check_like",
    "check_rng",
    "constant",
    "event_dot",
    "event_size",
    "event_sum",
    "expand",
    "filled",
    "host",
    "no_grad",
    "own",
    "per_row",
    "readable",
    "weighted_mean",
]


# ---------------------------------------------------------------- layout


def event_sum(x: Array) -> Array:
    """The sum over every axis but the first: ``(n, *event) -> (n,)``.

    >>> import numpy as np
    >>> event_sum(np.ones((2, 3, 4))).tolist()
    [12.0, 12.0]
    """
    return array_namespace(x).sum(x, axis=tuple(range(1, x.ndim)))


def event_dot(a: Array, b: Array) -> Array:
    """The inner product of ``a`` and ``b`` for each sample: ``(n, *event) -> (n,)``.

    >>> import numpy as np
    >>> event_dot(np.ones((2, 3)), np.ones((2, 3))).tolist()
    [3.0, 3.0]
    """
    return event_sum(a * b)


def event_size(x: Array) -> int:
    """The dimension of one sample, ``d``.

    >>> import numpy as np
    >>> event_size(np.ones((5, 1, 8, 8)))
    64
    """
    return math.prod(x.shape[1:])


def expand(value: Any, x: Array) -> Any:
    """Reshape ``value`` from ``(n,)`` to ``(n, 1, …)``, so that it broadcasts to ``x``; scalars and None are unchanged.

    A formula with ``expand(sigma, x)`` works for one noise level and for one level per sample.

    Args:
        value: a noise level: a number, an array ``(n,)``, or None.
        x: a batch ``(n, *event)``.

    Returns:
        An array ``(n, 1, …)`` with as many axes as ``x``; or ``value`` itself.

    Raises:
        ShapeError: ``value`` is an array whose shape is neither ``()`` nor ``(n,)``.

    >>> import numpy as np
    >>> x = np.ones((3, 2))
    >>> expand(np.array([1.0, 2.0, 3.0]), x).shape, expand(0.5, x)
    ((3, 1), 0.5)
    """
    shape = getattr(value, "shape", ())
    if shape == ():
        return value
    if not hasattr(x, "shape"):
        raise InvalidTypeError(f"x is a {describe(x)}: expected a batch, an array (n, *event).")
    if tuple(shape) != (x.shape[0],):
        raise ShapeError(
            f"the value has shape {tuple(shape)} for x of shape {tuple(x.shape)}: expected a number or ({x.shape[0]},)."
        )
    return array_namespace(value).reshape(value, (-1,) + (1,) * (x.ndim - 1))


def per_row(value: Any, x: Array) -> Array:
    """A noise level as an array ``(n,)`` with the dtype and device of ``x``; an array ``(n,)`` is unchanged."""
    if getattr(value, "ndim", 0):
        return value
    if hasattr(value, "ndim"):
        xp = array_namespace(value)
        return xp.broadcast_to(xp.reshape(value, (1,)), (x.shape[0],))
    return filled(value, x, x.dtype)


def filled(value: float, x: Array, dtype: Any) -> Array:
    """An array ``(n,)`` filled with ``value``, on the device of ``x``."""
    return array_namespace(x).full((x.shape[0],), value, dtype=dtype, device=getattr(x, "device", None))


def constant(value: Any, like: Array) -> Array:
    """``value`` (numbers, or a NumPy array) as an array with the framework, dtype and device of ``like``.

    >>> import numpy as np
    >>> constant([1, 2], np.ones(1, np.float32)).dtype
    dtype('float32')
    """
    xp = array_namespace(like)
    try:
        owner = backend_of(like)
    except InvalidTypeError:
        return xp.asarray(value, dtype=like.dtype)
    return owner.asarray(value, like=like)


def own(x: Array) -> Array:
    """A copy of ``x``, for functions that may modify their argument; gradients flow through it."""
    return 1 * x


def host(x: Any) -> Any:
    """A number or an array of any framework as NumPy float64, detached from the graph."""
    if isinstance(x, (int, float)):
        return np.float64(x)
    try:
        values = backend_of(x).to_numpy(x)
    except InvalidTypeError:  # an array-API array that no backend owns
        values = np.asarray(x)
    return values.astype(np.float64, copy=False)


def readable(x: Array) -> bool:
    """Whether the values of ``x`` can be read. Its backend decides; an array without a backend is readable."""
    try:
        return backend_of(x).readable(x)
    except InvalidTypeError:
        return True


def no_grad(x: Array) -> Callable[[], AbstractContextManager[None]]:
    """The ``no_grad`` context manager of the backend of ``x``; a null context for an array without a backend."""
    try:
        return backend_of(x).no_grad
    except InvalidTypeError:
        return nullcontext


# ---------------------------------------------------------------- argument checks


def check_batch(x: Array, name: str = "x", *, finite: bool = True) -> Array:
    """Check that ``x`` is a batch ``(n, *event)`` of finite real floating-point numbers, and return it.

    >>> import numpy as np
    >>> check_batch(np.ones(3))
    Traceback (most recent call last):
        ...
    scorekit.errors.ShapeError: x has shape (3,): expected (n, …), the first axis is the batch. ...
    """
    xp = array_namespace(**{name: x})
    if x.ndim < 2:
        hint = f" For one feature use {name}[:, None], for one sample {name}[None]." if x.ndim == 1 else ""
        raise ShapeError(f"{name} has shape {tuple(x.shape)}: expected (n, …), the first axis is the batch.{hint}")
    _check_precision(xp, x, name)
    if getattr(getattr(x, "device", None), "type", None) == "meta":
        raise InvalidTypeError(f"{name} is on the meta device, where arrays have no values: use another device.")
    if math.prod(x.shape) == 0:
        raise ShapeError(f"{name} has shape {tuple(x.shape)}: expected at least one sample and one feature, got none.")
    if finite and readable(x):
        check_finite(x, name)
    return x


def _check_precision(xp: Any, x: Array, name: str) -> None:
    if not xp.isdtype(x.dtype, "real floating"):
        raise InvalidTypeError(f"{name} has dtype {x.dtype}: expected a real floating dtype. {_to_floating(x, name)}")
    if not getattr(x.dtype, "isnative", True):
        raise InvalidTypeError(
            f"{name} has dtype {x.dtype}, whose byte order is not that of this machine: expected "
            f"{x.dtype.newbyteorder('=')}. Convert it: {_variable(name)}.astype('{x.dtype.newbyteorder('=')}')."
        )
    if getattr(x.dtype, "itemsize", 4) < 4:  # x + sigma z would be rounded to a grid as coarse as sigma z
        way = "astype('float32')" if hasattr(x, "astype") else "float()"
        raise InvalidTypeError(
            f"{name} has dtype {x.dtype}, in which small noise and steps are lost to rounding: expected float32 or "
            f"float64. Convert it: {_variable(name)}.{way}; a model may use half precision inside."
        )


def _to_floating(x: Array, name: str) -> str:
    """How to make ``x`` floating point: bytes are the values of pixels, complex numbers are two real ones."""
    variable, kind = _variable(name), str(x.dtype).rpartition(".")[2]
    if kind == "uint8":
        return f"For images write {variable} / 255, which is in [0, 1]."
    if kind.startswith("complex"):
        return f"Use its real and imaginary parts: {variable}.real, {variable}.imag."
    return f"Convert it: {variable}.{'astype(float)' if hasattr(x, 'astype') else 'double()'}."


def _variable(name: str) -> str:
    """``name`` if it can be written in code, else x."""
    return name if name.isidentifier() else "x"


def check_finite(x: Array, name: str) -> Array:
    """Check that all values of ``x`` are finite, and return it; the error says which rows are not."""
    bad = nonfinite_rows(x)
    if not bad:
        return x
    raise InvalidValueError(
        f"{name} holds NaN or infinity in {len(bad)} of {x.shape[0]} rows ({listed(bad)}): expected finite numbers. "
        "Drop those rows"
        + (f": {name}[numpy.isfinite({name}).reshape(len({name}), -1).all(axis=1)]." if name.isidentifier() else ".")
    )


def nonfinite_rows(x: Array) -> list[int]:
    """The indices of the rows of ``x`` that contain NaN or infinity.

    >>> import numpy as np
    >>> nonfinite_rows(np.array([[1.0], [np.nan], [np.inf]]))
    [1, 2]
    """
    xp = array_namespace(x)
    if _sums_to_a_number(xp, x):  # then every value is finite; the sum may overflow even if all are
        return []
    rows = xp.all(xp.reshape(xp.isfinite(x), (x.shape[0], -1)), axis=1)
    return [int(i) for i in np.flatnonzero(~np.asarray(backend_of(x).to_numpy(rows)))]


def listed(numbers: Sequence[int]) -> str:
    """The first numbers of a list as text.

    >>> listed([4]), listed([4, 7, 9, 11])
    ('4', '4, 7, 9, …')
    """
    return ", ".join(map(str, numbers[:3])) + (", …" if len(numbers) > 3 else "")


def _sums_to_a_number(xp: Any, x: Array) -> bool:
    if isinstance(x, np.ndarray):
        with np.errstate(over="ignore", invalid="ignore"):
            return math.isfinite(x.sum())
    total = xp.sum(x)
    return math.isfinite(total.item()) if hasattr(total, "item") else bool(total - total == 0)


_NOISELESS = "For noiseless data use ImplicitScoreMatching or SlicedScoreMatching."


def as_sigma(sigma: Sigma, x: Array) -> Sigma:
    """A noise level for the batch ``x``: None, a positive float, or a positive array ``(n,)`` like ``x``.

    >>> import numpy as np
    >>> as_sigma(0.5, np.ones((3, 2)))
    0.5
    """
    if sigma is None:
        return None
    if isinstance(sigma, (int, float, np.generic)):
        return check_positive(sigma, "sigma", _NOISELESS)
    if not hasattr(sigma, "shape"):
        raise InvalidTypeError(
            f"sigma is a {describe(sigma)}: expected None, a positive number, or an array ({x.shape[0]},) like x."
        )
    if isinstance(sigma, np.ndarray) and sigma.ndim == 0:
        return check_positive(sigma[()], "sigma", _NOISELESS)
    xp = array_namespace(x=x, sigma=sigma)
    if sigma.shape not in ((), (x.shape[0],)):
        raise ShapeError(
            f"sigma has shape {tuple(sigma.shape)} for x of shape {tuple(x.shape)}: "
            f"expected None, a scalar or shape ({x.shape[0]},), one level per sample."
        )
    if sigma.dtype != x.dtype and not xp.isdtype(sigma.dtype, ("real floating", "integral")):
        raise InvalidTypeError(f"sigma has dtype {sigma.dtype}: expected real numbers.")
    if readable(sigma):
        low, high = xp.min(sigma), xp.max(sigma)  # NaN if any value is NaN
        if not (bool(low > 0) and bool(high < math.inf)):
            shown = f"got values from {float(host(low))} to {float(host(high))}. "
            raise InvalidValueError(f"sigma must be positive and finite, {shown}{_NOISELESS}")
    return sigma if sigma.dtype == x.dtype else xp.astype(sigma, x.dtype)


def as_rng(rng: RngLike, like: Array | None, name: str) -> Rng:
    """An :class:`Rng` from an Rng, an int seed or None (fresh entropy), for the backend of ``like``.

    ``name`` is the name of the public function: equal int seeds in two functions give independent streams.

    >>> as_rng(0, None, "noise").normal((2,)).shape
    (2,)
    """
    check_rng(rng)
    if rng is None:
        return _home(like).rng(None)
    return _home(like).rng((name, int(rng))) if isinstance(rng, (int, np.integer)) else rng


def check_rng(rng: RngLike) -> None:
    """Raise an error if ``rng`` is not an Rng, an int seed or None."""
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        if rng < 0:
            raise InvalidValueError(f"rng must be a non-negative seed, got {rng}.")
    elif isinstance(rng, type) or not (rng is None or (hasattr(rng, "normal") and hasattr(rng, "rademacher"))):
        raise _no_rng(rng)


def _no_rng(rng: Any) -> InvalidTypeError:
    return InvalidTypeError(
        f"rng is a {describe(rng)}: expected a scorekit Rng, an int seed or None. Write rng=0, or sk.rng(0, like=x)."
    )


def check_like(like: Array) -> Array:
    """Check that ``like`` has a real floating dtype that scorekit accepts, and return it."""
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
    if not hasattr(weights, "shape"):
        raise InvalidTypeError(f"weights is a {describe(weights)}: expected an array ({values.shape[0]},) like x.")
    xp = array_namespace(x=values, weights=weights)
    shape = tuple(weights.shape)
    if shape != tuple(values.shape):
        raise ShapeError(f"weights have shape {shape} for {values.shape[0]} samples: expected ({values.shape[0]},).")
    if not xp.isdtype(weights.dtype, ("real floating", "integral", "bool")):
        raise InvalidTypeError(f"weights have dtype {weights.dtype}: expected real numbers.")
    w = xp.astype(weights, values.dtype)
    return _check_weight_values(xp, w) if readable(w) else w


def _check_weight_values(xp: Any, w: Array) -> Array:
    if not bool(xp.all((w >= 0) & xp.isfinite(w))):
        raise InvalidValueError(f"weights must be finite and not negative, the smallest is {float(xp.min(w))}.")
    largest = xp.max(w)
    if not float(largest) > 0:
        raise InvalidValueError("weights sum to zero: expected at least one positive weight.")
    return w / largest if float(largest) > 1e30 else w  # avoids overflow of the sum
