"""Wasserstein distances between two sets of samples: sliced and exact."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from scorekit._arrays import as_rng, check_rng, host
from scorekit._checks import check_count, check_number
from scorekit._numerics import row_blocks
from scorekit.errors import InvalidValueError, ShapeError
from scorekit.metrics._chance import relabeled
from scorekit.metrics._host import host_pair
from scorekit.protocols import Array, RngLike

__all__ = ["sliced_wasserstein", "wasserstein"]

_HIGHEST = 500
"""Largest order p; 2^(−p) is still a normal float64."""

_NOTABLE = 0.1
"""The smallest ratio of bias to distance that is worth a warning."""

_INACCURATE = 0.2
"""The smallest relative error from few random directions that is worth a warning."""

_CHUNK = 1 << 22
"""Largest number of projections in memory, which bounds memory for any number of directions."""


def sliced_wasserstein(a: Array, b: Array, projections: int = 256, order: float = 2, rng: RngLike = None) -> float:
    """The sliced Wasserstein distance, SW_p = (mean over directions u of W_p(uᵀa, uᵀb)^p)^(1/p).

    In one dimension W_p is exact, also for sets of different size: the integral of |F_a⁻¹ − F_b⁻¹|^p over (0, 1), to
    the power 1/p. The directions depend on the dimension d of one sample:

    - d = 1: the line itself;
    - d = 2: ``projections`` evenly spaced angles. ``rng`` is not used. For smooth distributions the error decreases
      much faster than with random directions;
    - d > 2: random directions, uniform on the sphere and orthogonal within blocks of d, which reduces the variance.

    Args:
        a: samples, ``(n, *event)``.
        b: samples, ``(m, *event)``.
        projections: number of directions, at least 1.
        order: p, from 1 to 500.
        rng: an Rng, a seed or None, for the directions in three or more dimensions.

    Returns:
        A float, 0 for equal sets. Two sets from one distribution differ by about n^(-1/2): use this as the reference. A
        warning says so if the error from few random directions exceeds 20 %.

    Raises:
        ShapeError: the samples of ``a`` and ``b`` differ in shape.
        InvalidTypeError: an array is not float32 or float64, or ``projections`` is not an integer.
        InvalidValueError: an array holds NaN or infinity, or ``projections`` or ``order`` is out of range.

    Source: Bonneel, Rabin, Peyré and Pfister, Sliced and Radon Wasserstein barycenters of measures (2015),
    doi:10.1007/s10851-014-0506-3; the orthogonal directions are those of Rowland and others, Orthogonal estimation of
    Wasserstein distances (2019), arXiv:1903.03784.

    >>> import numpy as np
    >>> a = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    >>> round(sliced_wasserstein(a, a + np.array([3.0, 4.0])), 6)  # a shift by t: |t|/√d
    3.535534
    """
    rows_a, rows_b = host_pair(a, b)
    p = _check_order(order)
    check_rng(rng)
    unit = _unit(max(np.abs(rows_a).max(), np.abs(rows_b).max()))
    rows_a, rows_b = rows_a / unit, rows_b / unit
    directions = _directions(rows_a.shape[1], check_count(projections, "projections"), rng)
    parts = row_blocks(directions.shape[1], _CHUNK // (len(rows_a) + len(rows_b)))
    powers = np.concatenate([_powers(rows_a @ directions[:, i], rows_b @ directions[:, i], p) for i in parts])
    if rows_a.shape[1] > 2:
        _warn_of_few_directions(powers, p)
    return unit * float(np.mean(powers) ** (1 / p))


def wasserstein(a: Array, b: Array, order: float = 2) -> float:
    """The exact Wasserstein distance between two sets of samples of equal size.

    W_p = (min over pairings π of mean |a_i − b_π(i)|^p)^(1/p).

    Memory is of order n², time up to n³ (seconds at n = 3,000). For larger sets use :func:`sliced_wasserstein`. In d
    dimensions two sets from one distribution differ by about n^(-1/d) times their spread, so in high dimensions the
    distance is not informative: 29.6 for standard normals with n = 100 and d = 512. A warning gives the expected
    distance of two sets of one distribution, from one random relabeling of the pooled samples, if n < 2^d and it is
    more than a tenth of the distance.

    Args:
        a: samples, ``(n, *event)``.
        b: samples of the same shape.
        order: p, from 1 to 500. Distances are Euclidean over all axes of a sample.

    Returns:
        A float.

    Raises:
        ShapeError: ``a`` and ``b`` differ in shape or size.
        InvalidTypeError: an array is not float32 or float64, or ``order`` is not a number.
        InvalidValueError: an array holds NaN or infinity, or ``order`` is out of range.

    Source: Villani, Optimal transport: old and new (2009), doi:10.1007/978-3-540-71050-9.

    >>> import numpy as np
    >>> wasserstein(np.array([[0.0], [1.0]]), np.array([[3.0], [2.0]]))
    2.0
    """
    rows_a, rows_b = host_pair(a, b)
    p = _check_order(order)
    if len(rows_a) != len(rows_b):
        raise ShapeError(
            f"a has {len(rows_a)} samples, b has {len(rows_b)}: expected equal numbers. "
            f"Shorten the longer one, [:{min(len(rows_a), len(rows_b))}], or use sliced_wasserstein, "
            "which accepts different sizes."
        )
    value, (n, d) = _paired(rows_a, rows_b, p), rows_a.shape
    if n.bit_length() <= d:  # n < 2^d
        centered = rows_a - np.mean(rows_a, axis=0), rows_b - np.mean(rows_b, axis=0)
        bias = float(relabeled(*centered, lambda x, y: _paired(x, y, p), 1, "wasserstein"))
        if bias > _NOTABLE * value:
            warnings.warn(
                f"with n = {n} samples in d = {d} dimensions, two sets of one distribution have a Wasserstein distance "
                f"of about {bias:.3g}, and this distance is {value:.3g}. Use sliced_wasserstein or mmd.",
                RuntimeWarning,
                stacklevel=2,
            )
    return value


def _paired(a: Any, b: Any, p: float) -> float:
    """W_p of rows ``(n, d)`` by the best pairing."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    distances = cdist(a, b)
    unit = _unit(distances.max())
    cost = (distances / unit) ** p
    return unit * float(np.mean(cost[linear_sum_assignment(cost)]) ** (1 / p))


def _warn_of_few_directions(powers: Any, p: float) -> None:
    """Warn if the mean over random directions is inaccurate; its relative error is divided by p in the distance."""
    m, center = len(powers), float(np.mean(powers))
    error = float(np.std(powers, ddof=1)) / math.sqrt(m) / (p * center) if m > 1 and center > 0 else m == 1
    if error > _INACCURATE:
        known = "unknown" if m == 1 else f"about {100 * error:.0f} %"
        warnings.warn(
            f"the distance is a mean over {m} random direction{'s' * (m > 1)}, and its error is {known}: use more "
            "projections; the default is 256.",
            RuntimeWarning,
            stacklevel=3,
        )


def _unit(largest: float) -> float:
    """The power of two above ``largest``. Division by it is exact, and powers of the result do not overflow."""
    return math.ldexp(1.0, math.frexp(largest)[1]) if largest else 1.0


def _check_order(order: Any) -> float:
    p = check_number(order, "order")
    if not 1 <= p <= _HIGHEST:
        raise InvalidValueError(f"order must be between 1 and {_HIGHEST}, got {p}. The usual choices are 1 and 2.")
    return p


def _directions(d: int, m: int, rng: RngLike) -> Any:
    """Unit vectors as columns, ``(d, m)``."""
    if d == 1:
        return np.ones((1, 1))
    if d == 2:
        angles = np.pi * (np.arange(m) + 0.5) / m  # opposite directions give the same distance
        return np.stack([np.cos(angles), np.sin(angles)])
    block = min(d, m)
    normals = host(as_rng(rng, None, "sliced_wasserstein").normal((math.ceil(m / block), d, block)))
    frames = np.linalg.qr(normals).Q  # each column is uniform on the sphere, up to an irrelevant sign
    return np.concatenate(list(frames), axis=1)[:, :m]


def _powers(a: Any, b: Any, p: float) -> Any:
    """W_p^p between each column of ``a (n, m)`` and the same column of ``b (k, m)``, shape ``(m,)``."""
    a, b = np.sort(a, axis=0), np.sort(b, axis=0)
    if len(a) == len(b):
        return np.mean(np.abs(a - b) ** p, axis=0)
    rows_a, rows_b, widths = _common_quantiles(len(a), len(b))
    return widths @ np.abs(a[rows_a] - b[rows_b]) ** p


def _common_quantiles(n: int, m: int) -> tuple[Any, Any, Any]:
    """The intervals of (0, 1) on which both quantile functions are constant: an index into each, and a width.

    The edges i/n and j/m are compared as the integers i·m and j·n, so that equal edges coincide exactly.
    """
    edges = np.union1d(np.arange(n + 1, dtype=np.int64) * m, np.arange(m + 1, dtype=np.int64) * n)
    left = edges[:-1]
    return left // m, left // n, np.diff(edges) / (n * m)
