"""A differentiable array-API namespace: autograd's NumPy, with additional derivative rules.

autograd wraps every function of NumPy, but has derivatives for only some of them. This module adds the missing
functions of the array standard, either with rules for forward and reverse mode, or as compositions of differentiable
functions. autograd itself is not changed.

A model written with ``autograd.numpy``, or with methods of arrays, has autograd's own rules, with these gaps:

- in both modes: ``flip``, ``matrix_transpose``, ``positive``, ``asarray``, ``take``, ``take_along_axis``, ``vecdot``,
  ``unstack``, ``cumulative_sum``, ``copysign``, ``linalg.vector_norm``; ``std`` and ``var`` are wrong with a
  ``correction``, ``broadcast_to`` adds no axes, and ``tanh`` overflows in float32 from |x| = 45 on;
- in reverse mode: ``diagonal``;
- in forward mode, which computes traces with probes: ``astype`` and ``x.astype``, ``hypot``, ``linalg.solve``,
  ``linalg.inv``, ``linalg.cholesky``.

``sk.array_namespace(x)`` returns this namespace, for plain arrays and under a derivative.

The names in this module are those of the array standard, so ``sum``, ``max`` and ``any`` are array functions. Python's
own functions are used through ``builtins``.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias

import autograd.numpy as anp
import numpy as np
from autograd.extend import defjvp, defvjp, primitive
from autograd.numpy.numpy_vjps import unbroadcast_f
from autograd.tracer import getval, isbox

from scorekit_numpy import corners

Array: TypeAlias = Any

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


globals().update({name: value for name, value in vars(anp).items() if not name.startswith("_") and hasattr(np, name)})
globals().update({name: getattr(corners, name) for name in corners.__all__})
# autograd replaces the integer dtypes by subclasses, which are no longer dtypes to NumPy
globals().update({name: value for name, value in vars(np).items() if isinstance(value, type)})


# ---------------------------------------------------------------- new functions
#
# autograd's own functions keep their rules, for all other code of the process.


def matrix_transpose(x: Array) -> Array:
    """The matrices in the last two axes, transposed."""
    return anp.swapaxes(x, -1, -2)


flip = primitive(np.flip)
defvjp(flip, lambda ans, x, axis=None: lambda g: flip(g, axis=axis))
defjvp(flip, lambda g, ans, x, axis=None: flip(g, axis=axis))


positive = primitive(np.positive)
defvjp(positive, lambda ans, x: lambda g: g)
defjvp(positive, lambda g, ans, x: g)

# autograd divides by cosh², which overflows in float32 for |x| >= 45 and takes four times as long
tanh = primitive(np.tanh)
defvjp(tanh, lambda ans, x: lambda g: g * (1 - ans * ans))
defjvp(tanh, lambda g, ans, x: g * (1 - ans * ans))


astype = primitive(np.astype)
defvjp(astype, lambda ans, x, dtype, **_: lambda g: astype(g, x.dtype))
defjvp(astype, lambda g, ans, x, dtype, **_: astype(g, dtype))


broadcast_to = primitive(np.broadcast_to)
defvjp(broadcast_to, lambda ans, x, shape: unbroadcast_f(x, lambda g: g))
defjvp(broadcast_to, lambda g, ans, x, shape: broadcast_to(g, shape))


def _columns(x: Array, a: Array) -> Array:
    """The right-hand side of ``a``, or its solution, as columns."""
    return x if x.ndim == a.ndim else x[..., None]


_inv = primitive(np.linalg.inv)
defvjp(_inv, lambda ans, a: lambda g: -matrix_transpose(ans) @ g @ matrix_transpose(ans))
defjvp(_inv, lambda g, ans, a: -ans @ g @ ans)


_solve = primitive(np.linalg.solve)
defvjp(
    _solve,
    lambda ans, a, b: lambda g: -_columns(_solve(matrix_transpose(a), g), a) @ matrix_transpose(_columns(ans, a)),
    lambda ans, a, b: lambda g: _solve(matrix_transpose(a), g),
)
defjvp(_solve, lambda g, ans, a, b: -_solve(a, g @ ans), lambda g, ans, a, b: _solve(a, g))


def _half_triangle(x: Array) -> Array:
    """Φ: the lower triangle with half the diagonal."""
    return x * (np.tril(np.ones(x.shape[-2:])) - 0.5 * np.eye(x.shape[-1])).astype(x.dtype)


def _cholesky_vjp(ans: Array, _a: Array) -> Any:
    """With S = L⁻ᵀ Φ(Lᵀ G) L⁻¹, (S + Sᵀ)/2 (Murray, arXiv:1602.07527)."""

    def pulled(g: Array) -> Array:
        upper = matrix_transpose(ans)
        half = _solve(upper, matrix_transpose(_solve(upper, matrix_transpose(_half_triangle(upper @ g)))))
        return (half + matrix_transpose(half)) / 2

    return pulled


def _cholesky_jvp(g: Array, ans: Array, _a: Array) -> Array:
    """DL = L Φ(L⁻¹ dA L⁻ᵀ)."""
    return ans @ _half_triangle(_solve(ans, matrix_transpose(_solve(ans, g))))


_cholesky = primitive(np.linalg.cholesky)
defvjp(_cholesky, _cholesky_vjp)
defjvp(_cholesky, _cholesky_jvp)


# ---------------------------------------------------------------- compositions


def asarray(x: Any, dtype: Any = None, **kwargs: Any) -> Array:
    """An array; a traced value stays traced."""
    if isbox(x):
        return x if dtype is None or x.dtype == dtype else astype(x, dtype)
    if isinstance(x, (list, tuple)) and builtins.any(isbox(leaf) for leaf in _leaves(x)):
        return asarray(anp.array(x), dtype)
    return np.asarray(x, dtype=dtype, **kwargs)


def _leaves(x: Any) -> list[Any]:
    return [leaf for item in x for leaf in _leaves(item)] if isinstance(x, (list, tuple)) else [x]


def concat(arrays: Sequence[Array], axis: int | None = 0) -> Array:
    """Join arrays along an axis; flattened first when ``axis`` is None."""
    if axis is None:
        return anp.concatenate([anp.reshape(a, (-1,)) for a in arrays], axis=0)
    return anp.concatenate(list(arrays), axis=axis)


def stack(arrays: Sequence[Array], axis: int = 0) -> Array:
    """Join arrays along a new axis; autograd's function takes twice as long if nothing is traced."""
    return (anp.stack if builtins.any(isbox(a) for a in arrays) else np.stack)(list(arrays), axis=axis)


def take(x: Array, indices: Array, axis: int | None = None) -> Array:
    """Entries along an axis, by indexing, which is differentiable."""
    where = x.ndim - 1 if axis is None else axis % x.ndim
    return x[(slice(None),) * where + (np.asarray(indices),)]


def take_along_axis(x: Array, indices: Array, axis: int = -1) -> Array:
    """Entries along an axis, selected separately for each position, by indexing."""
    where = axis % x.ndim
    grid = list(np.ogrid[tuple(slice(size) for size in indices.shape)])
    grid[where] = np.asarray(indices)
    return x[tuple(grid)]


def sort(x: Array, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """The entries sorted along an axis; the order of equal entries is kept."""
    values = np.asarray(getval(x))
    return take_along_axis(x, np.argsort(-values if descending else values, axis=axis, stable=stable), axis=axis)


def vecdot(a: Array, b: Array, axis: int = -1) -> Array:
    """The inner product along an axis."""
    return anp.sum(anp.conj(a) * b, axis=axis)


def unstack(x: Array, axis: int = 0) -> tuple[Array, ...]:
    """The slices along an axis."""
    moved = anp.moveaxis(x, axis, 0)
    return tuple(moved[i] for i in range(moved.shape[0]))


def cumulative_sum(x: Array, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Array:
    """Running sums along an axis."""
    where = x.ndim - 1 if axis is None else axis
    total = anp.cumsum(x if dtype is None else astype(x, dtype), axis=where)
    if not include_initial:
        return total
    start = np.zeros([1 if i == where % x.ndim else size for i, size in enumerate(x.shape)], dtype=total.dtype)
    return concat([start, total], axis=where)


def copysign(a: Array, b: Array) -> Array:
    """The magnitude of ``a`` with the sign of ``b``."""
    return anp.abs(a) * np.copysign(1.0, getval(b)).astype(a.dtype)


def _diagonal(x: Array, offset: int = 0) -> Array:
    rows, columns = x.shape[-2:]
    down, right = builtins.max(-offset, 0), builtins.max(offset, 0)
    index = np.arange(builtins.max(0, builtins.min(rows - down, columns - right)))
    return x[..., index + down, index + right]


def _trace(x: Array, offset: int = 0) -> Array:
    return anp.sum(_diagonal(x, offset), axis=-1)


linalg = SimpleNamespace(**{name: value for name, value in vars(anp.linalg).items() if hasattr(np.linalg, name)})
linalg.matmul = anp.matmul
linalg.tensordot = anp.tensordot
linalg.matrix_transpose = matrix_transpose
linalg.inv = _inv
linalg.solve = _solve
linalg.cholesky = _cholesky
linalg.vecdot = vecdot
linalg.vector_norm = corners.vector_norm
linalg.matrix_norm = corners.matrix_norm
linalg.trace = _trace
linalg.diagonal = _diagonal
linalg.outer = anp.outer
