"""Wasserstein distances between two samples: sliced, and exact."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scorekit._arrays import as_rng, host
from scorekit._checks import check_count, check_number
from scorekit._numerics import row_blocks
from scorekit.errors import InvalidValueError, ShapeError
from scorekit.metrics._host import host_pair
from scorekit.protocols import Array, RngLike

__all__ = ["sliced_wasserstein", "wasserstein"]

_HIGHEST = 500
"""Of the orders: one half to this power is still a number."""

_CHUNK = 1 << 22
"""Projected numbers held at once, so that memory is bounded however many directions there are."""


def sliced_wasserstein(a: Array, b: Array, projections: int = 256, order: float = 2, rng: RngLike = None) -> float:
    """The sliced Wasserstein distance of two samples: SW_p = (mean over directions u of W_p(uᵀa, uᵀb)^p)^(1/p).

    W_p on the line is exact, for equal and for different sizes: the integral of |F_a⁻¹ − F_b⁻¹|^p over (0, 1).
    Directions: in two dimensions ``projections`` evenly spaced angles (no randomness; ``rng`` is not used, and for
    smooth laws the error falls much faster than a random set's); in one, the line itself; else random ones, each
    uniform on the sphere, orthogonal to each other in blocks of d, which only lowers the variance.

    Args:
        a: a sample, ``(n, *event)``.
        b: a sample, ``(m, *event)``.
        projections: how many directions, at least 1.
        order: p >= 1.
        rng: an Rng, a seed or None, for the directions in three or more dimensions.

    Returns:
        A float, 0 for equal samples. Two samples of the same law differ too, by about n^(-1/2): compare with that.

    Raises:
        ShapeError, InvalidTypeError, InvalidValueError: for arguments of the wrong shape, kind or value.

    Source: Bonneel, Rabin, Peyré and Pfister, Sliced and Radon Wasserstein barycenters of measures (2015); the
    orthogonal directions are those of Rowland and others, Orthogonal estimation of Wasserstein distances (2019).

    >>> import numpy as np
    >>> a = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    >>> round(sliced_wasserstein(a, a + np.array([3.0, 4.0])), 6)  # a shift by t: |t|/√d
    3.535534
    """
    rows_a, rows_b = host_pair(a, b)
    p = _check_order(order)
    unit = _unit(max(np.abs(rows_a).max(), np.abs(rows_b).max()))
    rows_a, rows_b = rows_a / unit, rows_b / unit
    directions = _directions(rows_a.shape[1], check_count(projections, "projections"), rng)
    parts = row_blocks(directions.shape[1], _CHUNK // (len(rows_a) + len(rows_b)))
    powers = np.concatenate([_powers(rows_a @ directions[:, i], rows_b @ directions[:, i], p) for i in parts])
    return unit * float(np.mean(powers) ** (1 / p))


def wasserstein(a: Array, b: Array, order: float = 2) -> float:
    """The exact Wasserstein distance of two samples of one size.

    W_p = (min over pairings π of mean |a_i − b_π(i)|^p)^(1/p).

    Costs n² memory and up to n³ time (seconds at n = 3,000): for more, :func:`sliced_wasserstein`. In d dimensions
    two samples of the same law differ by about n^(-1/d), so that in many dimensions this says little.

    Args:
        a: a sample, ``(n, *event)``.
        b: a sample of the same shape.
        order: p >= 1; distances are Euclidean over all of a sample's axes.

    Returns:
        A float.

    Raises:
        ShapeError: when the sizes differ.
        InvalidTypeError, InvalidValueError: for arguments of the wrong kind or value.

    >>> import numpy as np
    >>> wasserstein(np.array([[0.0], [1.0]]), np.array([[3.0], [2.0]]))
    2.0
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    rows_a, rows_b = host_pair(a, b)
    p = _check_order(order)
    if len(rows_a) != len(rows_b):
        raise ShapeError(
            f"a has {len(rows_a)} samples, b has {len(rows_b)}: expected as many. "
            f"Cut the longer one, [:{min(len(rows_a), len(rows_b))}], or use sliced_wasserstein, "
            "which takes different sizes."
        )
    distances = cdist(rows_a, rows_b)
    unit = _unit(distances.max())
    cost = (distances / unit) ** p
    return unit * float(np.mean(cost[linear_sum_assignment(cost)]) ** (1 / p))


def _unit(largest: float) -> float:
    """The power of two next above: what is divided by it has the same digits, and powers that do not overflow."""
    return math.ldexp(1.0, math.frexp(largest)[1]) if largest else 1.0


def _check_order(order: Any) -> float:
    p = check_number(order, "order")
    if not 1 <= p <= _HIGHEST:
        raise InvalidValueError(
            f"order must be at least 1, finite and at most {_HIGHEST}, got {p}: expected 1, 2, or more."
        )
    return p


def _directions(d: int, m: int, rng: RngLike) -> Any:
    """Unit vectors as columns, ``(d, m)``."""
    if d == 1:
        return np.ones((1, 1))
    if d == 2:
        angles = np.pi * (np.arange(m) + 0.5) / m  # a direction and its opposite see the same distance
        return np.stack([np.cos(angles), np.sin(angles)])
    block = min(d, m)
    normals = host(as_rng(rng, None, "sliced_wasserstein").normal((math.ceil(m / block), d, block)))
    frames = np.linalg.qr(normals).Q  # each column uniform on the sphere, up to a sign that does not matter
    return np.concatenate(list(frames), axis=1)[:, :m]


def _powers(a: Any, b: Any, p: float) -> Any:
    """W_p^p of each column of ``a (n, m)`` with that of ``b (k, m)``, shape ``(m,)``."""
    a, b = np.sort(a, axis=0), np.sort(b, axis=0)
    if len(a) == len(b):
        return np.mean(np.abs(a - b) ** p, axis=0)
    rows_a, rows_b, widths = _common_quantiles(len(a), len(b))
    return widths @ np.abs(a[rows_a] - b[rows_b]) ** p


def _common_quantiles(n: int, m: int) -> tuple[Any, Any, Any]:
    """The pieces of (0, 1) on which both quantile functions are constant: an index into each, and a width.

    The edges i/n and j/m are compared as the integers i·m and j·n, so that shared ones coincide exactly.
    """
    edges = np.union1d(np.arange(n + 1, dtype=np.int64) * m, np.arange(m + 1, dtype=np.int64) * n)
    left = edges[:-1]
    return left // m, left // n, np.diff(edges) / (n * m)
