"""Numerically stable sums of exponentials, and loops over blocks of rows, for arrays of any framework."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from scorekit.protocols import Array
from scorekit.registry import array_namespace

__all__ = ["by_rows", "exp_below_max", "log_sum_exp", "row_blocks", "softmax", "to_column"]

ENTRIES_AT_ONCE = 1 << 18
"""Entries of the largest temporary array in :func:`by_rows`: 2 MiB of float64, which fit into the cache (measured)."""


def exp_below_max(a: Array, axis: int) -> Array:
    """exp(a − max a) along an axis, the softmax before normalization.

    >>> import numpy as np
    >>> exp_below_max(np.array([1000.0, 1000.0]), axis=0).tolist()
    [1.0, 1.0]
    """
    xp = array_namespace(a)
    return xp.exp(a - xp.max(a, axis=axis, keepdims=True))


def softmax(a: Array, axis: int) -> Array:
    """exp(a)/Σ exp(a) along an axis, without overflow.

    >>> import numpy as np
    >>> softmax(np.array([1000.0, 1000.0]), axis=0).tolist()
    [0.5, 0.5]
    """
    shares = exp_below_max(a, axis)
    return shares / array_namespace(shares).sum(shares, axis=axis, keepdims=True)


def log_sum_exp(a: Array, axis: int) -> Array:
    """The logarithm of Σ exp(a) along an axis, without overflow.

    >>> import numpy as np
    >>> round(float(log_sum_exp(np.array([1000.0, 1000.0]), axis=0)) - 1000, 9)  # log 2
    0.693147181
    """
    xp = array_namespace(a)
    top = xp.max(a, axis=axis, keepdims=True)
    return xp.log(xp.sum(xp.exp(a - top), axis=axis)) + xp.squeeze(top, axis=axis)


def row_blocks(n: int, rows: int) -> Iterator[slice]:
    """Slices of at most ``rows`` rows (at least 1) that cover ``n`` rows in order.

    >>> list(row_blocks(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    rows = max(1, rows)
    return (slice(start, min(start + rows, n)) for start in range(0, n, rows))


def by_rows(f: Callable[..., Array], x: Array, variance: Any, entries_per_row: int) -> Array:
    """``f(x, variance)``, computed in blocks of rows if one call would need too much memory.

    ``variance`` is None, a scalar or ``(n,)``. ``entries_per_row`` is the size of the largest temporary array per row.
    """
    n, rows = x.shape[0], max(1, ENTRIES_AT_ONCE // max(1, entries_per_row))
    if n <= rows:
        return f(x, variance)
    per_row = getattr(variance, "ndim", 0) > 0
    parts = [f(x[part, ...], variance[part] if per_row else variance) for part in row_blocks(n, rows)]
    return array_namespace(x).concat(parts, axis=0)


def to_column(value: Any) -> Any:
    """Per-sample values ``(n,)`` as ``(n, 1)``; a scalar is returned as it is."""
    return value[:, None] if getattr(value, "ndim", 0) else value
