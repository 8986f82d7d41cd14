"""A differentiable array-API namespace: autograd's NumPy, with the rules that it lacks.

autograd wraps every function of NumPy, but knows a derivative for only a part of them. What the array
standard names and autograd cannot differentiate is supplied here, either as a rule for the wrapped
function (in forward and in reverse mode) or as a composition of functions that have one.

The names of this module are those of the array standard, so ``sum``, ``max`` and ``any`` are array functions
here: Python's own are reached through ``builtins``.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias

import autograd.numpy as anp
import numpy as np
from autograd.extend import defjvp, defvjp
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


# ---------------------------------------------------------------- rules for functions that autograd wraps


def _transpose_last(x: Array) -> Array:
    return anp.swapaxes(x, -1, -2)


defvjp(anp.matrix_transpose, lambda ans, x: _transpose_last)
defjvp(anp.matrix_transpose, lambda g, ans, x: _transpose_last(g))

defvjp(anp.flip, lambda ans, x, axis=None: lambda g: anp.flip(g, axis=axis))
defjvp(anp.flip, lambda g, ans, x, axis=None: anp.flip(g, axis=axis))

defvjp(anp.positive, lambda ans, x: lambda g: g)
defjvp(anp.positive, lambda g, ans, x: g)

# autograd divides by cosh², which overflows in float32 from |x| = 45 on and costs four times as much
defvjp(anp.tanh, lambda ans, x: lambda g: g * (1 - ans * ans))
defjvp(anp.tanh, lambda g, ans, x: g * (1 - ans * ans))

# the method x.astype(dtype) and the function astype(x, dtype) are two primitives
for _astype in (anp.numpy_wrapper._astype, anp.astype):
    defvjp(_astype, lambda ans, x, dtype, **_: lambda g: anp.astype(g, x.dtype))
    defjvp(_astype, lambda g, ans, x, dtype, **_: anp.astype(g, dtype))


defvjp(anp.broadcast_to, lambda ans, x, shape: unbroadcast_f(x, lambda g: g))

defjvp(
    anp.linalg.solve,
    lambda g, ans, a, b: -anp.linalg.solve(a, anp.matmul(g, ans)),
    lambda g, ans, a, b: anp.linalg.solve(a, g),
)
defjvp(anp.linalg.inv, lambda g, ans, a: -anp.matmul(anp.matmul(ans, g), ans))


def _cholesky_jvp(g: Array, ans: Array, a: Array) -> Array:
    """DL = L Φ(L⁻¹ dA L⁻ᵀ), Φ the lower triangle with half the diagonal."""
    half = anp.linalg.solve(ans, _transpose_last(anp.linalg.solve(ans, g)))
    mask = np.tril(np.ones(a.shape[-2:])) - 0.5 * np.eye(a.shape[-1])
    return anp.matmul(ans, half * mask)


defjvp(anp.linalg.cholesky, _cholesky_jvp)


# ---------------------------------------------------------------- compositions


def asarray(x: Any, dtype: Any = None, **kwargs: Any) -> Array:
    """An array; a traced value stays traced."""
    if isbox(x):
        return x if dtype is None or x.dtype == dtype else x.astype(dtype)
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
    """Join arrays along a new axis; autograd's own way costs twice as much where nothing is traced."""
    return (anp.stack if builtins.any(isbox(a) for a in arrays) else np.stack)(list(arrays), axis=axis)


def take(x: Array, indices: Array, axis: int | None = None) -> Array:
    """Entries along an axis, by indexing, which has a derivative."""
    where = x.ndim - 1 if axis is None else axis % x.ndim
    return x[(slice(None),) * where + (np.asarray(indices),)]


def take_along_axis(x: Array, indices: Array, axis: int = -1) -> Array:
    """Entries chosen separately for each position along an axis, by indexing."""
    where = axis % x.ndim
    grid = list(np.ogrid[tuple(slice(size) for size in indices.shape)])
    grid[where] = np.asarray(indices)
    return x[tuple(grid)]


def sort(x: Array, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """The entries in order along an axis; equal ones keep theirs."""
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
    total = anp.cumsum(x if dtype is None else anp.astype(x, dtype), axis=where)
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
linalg.matrix_transpose = anp.matrix_transpose
linalg.vecdot = vecdot
linalg.vector_norm = corners.vector_norm
linalg.matrix_norm = corners.matrix_norm
linalg.trace = _trace
linalg.diagonal = _diagonal
linalg.outer = anp.outer
