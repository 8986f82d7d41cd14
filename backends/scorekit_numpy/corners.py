"""Functions whose derivatives are wrong or missing in autograd at zeros, ties and interval ends.

Examples are products with a zero factor, norms and standard deviations of zeros, and the ends of a clip. Derivatives
are correct in both modes and at every order. At a kink they are torch's subgradients (0 for a norm at the origin, 1 at
the end of a clip).
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any, TypeAlias

import autograd.numpy as anp
import numpy as np
from autograd.extend import defjvp, defvjp, primitive
from autograd.numpy.numpy_vjps import unbroadcast_f
from autograd.tracer import getval, isbox

__all__ = ["atan2", "clip", "cumulative_prod", "hypot", "matrix_norm", "prod", "std", "var", "vector_norm", "where"]

Array: TypeAlias = Any


# ---------------------------------------------------------------- functions of two arguments


def _not_zero(x: Array) -> Array:
    """``x`` with 0 replaced by 1, for division."""
    return x + (_values(x) == 0)


def _values(x: Array) -> Any:
    while isbox(x):
        x = getval(x)
    return x


hypot = primitive(np.hypot)
defvjp(
    hypot,
    lambda ans, a, b: unbroadcast_f(a, lambda g: g * a / _not_zero(ans)),
    lambda ans, a, b: unbroadcast_f(b, lambda g: g * b / _not_zero(ans)),
)
defjvp(hypot, lambda g, ans, a, b: g * a / _not_zero(ans), lambda g, ans, a, b: g * b / _not_zero(ans))


atan2 = primitive(np.atan2)
defvjp(
    atan2,
    lambda ans, y, x: unbroadcast_f(y, lambda g: g * x / _not_zero(x * x + y * y)),
    lambda ans, y, x: unbroadcast_f(x, lambda g: -g * y / _not_zero(x * x + y * y)),
)
defjvp(
    atan2,
    lambda g, ans, y, x: g * x / _not_zero(x * x + y * y),
    lambda g, ans, y, x: -g * y / _not_zero(x * x + y * y),
)


def where(condition: Array, x: Any, y: Any) -> Array:
    """``x`` where the condition holds, else ``y``; autograd's own rule is wrong if ``x`` or ``y`` is broadcast."""
    if not (isbox(x) or isbox(y)):
        return anp.where(condition, x, y)
    shape = np.broadcast_shapes(*(np.shape(_values(value)) for value in (condition, x, y)))
    return anp.where(condition, _spread(x, shape), _spread(y, shape))


def _spread(value: Any, shape: tuple[int, ...]) -> Any:
    return value if not isbox(value) or value.shape == shape else value + np.zeros(shape, value.dtype)


def clip(x: Array, min: Any = None, max: Any = None) -> Array:  # noqa: A002
    """``x`` clipped to [min, max]; the derivative at the ends is 1, as inside."""
    if not builtins.any(isbox(value) for value in (x, min, max)):
        return np.clip(x, min, max)
    if min is not None:
        x = where(x < min, min, x)
    return x if max is None else where(x > max, max, x)


# ---------------------------------------------------------------- products


def prod(x: Array, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Array:
    """The product along axes, multiplied in pairs, so that its derivative is correct with zero factors."""
    if not isbox(x):
        return np.prod(x, axis=axis, dtype=dtype, keepdims=keepdims)
    axes = _axes(x, axis)
    kept = [1 if i in axes else size for i, size in enumerate(x.shape)]
    rest = tuple(size for i, size in enumerate(x.shape) if i not in axes)
    factors = anp.reshape(anp.moveaxis(x, axes, range(len(axes))), (-1, *rest))
    while factors.shape[0] > 1:
        half = factors.shape[0] // 2
        factors = anp.concatenate([factors[:half] * factors[half : 2 * half], factors[2 * half :]], axis=0)
    made = factors[0] if factors.shape[0] else anp.ones(rest, dtype=x.dtype)
    made = made if dtype is None else made.astype(dtype)
    return anp.reshape(made, tuple(kept)) if keepdims else made


def _axes(x: Array, axis: Any) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(x.ndim))
    return tuple(a % x.ndim for a in (axis if isinstance(axis, Sequence) else (axis,)))


def cumulative_prod(x: Array, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Array:
    """Running products along an axis."""
    where = (x.ndim - 1 if axis is None else axis) % x.ndim
    if not isbox(x):
        return np.cumulative_prod(x, axis=where, dtype=dtype, include_initial=include_initial)
    moved = anp.moveaxis(x if dtype is None else x.astype(dtype), where, 0)
    running = [anp.ones(moved.shape[1:], dtype=moved.dtype)]
    for factor in moved:
        running.append(running[-1] * factor)
    return anp.moveaxis(anp.stack(running[0 if include_initial else 1 :], axis=0), 0, where)


# ---------------------------------------------------------------- roots of sums


def _root(total: Array, power: float = 0.5) -> Array:
    """``total ** power`` of nonnegative sums, with derivative 0 at zero."""
    zero = _values(total) == 0
    return anp.where(zero, 0.0, anp.where(zero, 1.0, total) ** power)


def var(x: Array, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The variance; autograd's own rule ignores the ``correction`` of the array standard."""
    squared = (x - anp.mean(x, axis=axis, keepdims=True)) ** 2
    mean = anp.mean(squared, axis=axis, keepdims=keepdims)
    return mean * (x.size / mean.size / (x.size / mean.size - correction)) if correction else mean


def std(x: Array, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The standard deviation; its derivative is 0 if all entries are equal."""
    return _root(var(x, axis=axis, correction=correction, keepdims=keepdims))


def vector_norm(x: Array, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Array:  # noqa: A002
    """(Σ |x|^ord)^(1/ord); its derivative is 0 at the origin."""
    if ord == 2:
        return _root(anp.sum(anp.real(x * anp.conj(x)), axis=axis, keepdims=keepdims))
    size = anp.abs(x)
    if ord == 1:
        return anp.sum(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return anp.sum((x != 0).astype(size.dtype), axis=axis, keepdims=keepdims)
    if ord in (np.inf, -np.inf):
        return (anp.max if ord > 0 else anp.min)(size, axis=axis, keepdims=keepdims)
    return _root(anp.sum(size**ord, axis=axis, keepdims=keepdims), 1 / ord)


def matrix_norm(x: Array, keepdims: bool = False, ord: Any = "fro") -> Array:  # noqa: A002
    """The norm of the matrices in the last two axes; only the Frobenius norm is always differentiable here."""
    if ord == "fro":
        return vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    return anp.linalg.matrix_norm(x, keepdims=keepdims, ord=ord)
