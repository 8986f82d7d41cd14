"""The kernel distance between two sets of features: an unbiased MMD² with a cubic kernel, and its standard error."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from scorekit._numerics import row_blocks
from scorekit.metrics._host import host_pair
from scorekit.metrics._statistics import Estimate
from scorekit.protocols import Array

__all__ = ["kernel_distance"]

_CHUNK = 1 << 22
"""Largest number of kernel values in memory."""


def kernel_distance(features_a: Array, features_b: Array) -> Estimate:
    """The squared maximum mean discrepancy with the kernel (x·y/d + 1)³, unbiased for every sample size.

    MMD² = E k(a, a') + E k(b, b') − 2 E k(a, b) over pairs of different samples. It compares the first three moments.
    The estimate is unbiased, so results for different n can be compared. For equal distributions it is negative about
    half of the time.

    The standard error uses all pairs. With u(a) = E k(a, a') − E k(a, b), v(b) likewise, and τ the variance of the
    kernel after subtraction of its means over each argument, the variance of the U-statistic is

        4 Var u/n + 4 Var v/m + 2 τ_aa/n(n − 1) + 2 τ_bb/m(m − 1) + 4 τ_ab/nm.

    The variance of the row means (the jackknife) estimates the first two terms plus twice the last three. The last
    three terms are therefore estimated separately and subtracted once. For equal distributions the result is somewhat
    too large.

    With Inception features this is the KID. The function has another name because it accepts any features.

    Args:
        features_a: independent samples ``(n, *event)``, n >= 3, flattened to ``(n, d)``.
        features_b: independent samples ``(m, *event)``, m >= 3. Time is of order (n + m)² d; memory is bounded.

    Returns:
        An :class:`Estimate` of floats: ``value`` (the squared discrepancy, as is usual) and ``stderr``.

    Raises:
        ShapeError: the features differ in shape, or there are fewer than 3 samples of either.
        InvalidTypeError: an array is not float32 or float64.
        InvalidValueError: an array holds NaN or infinity.

    Source: Bińkowski, Sutherland, Arbel and Gretton, Demystifying MMD GANs (2018), arXiv:1801.01401; the variance is
    that of Hoeffding, A class of statistics with asymptotically normal distribution (1948),
    doi:10.1214/aoms/1177730196.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(300, 4)), rng.normal(size=(200, 4))
    >>> same, other = kernel_distance(a, b), kernel_distance(a, b + 1.0)
    >>> abs(same.value) < 4 * same.stderr, other.value > 4 * other.stderr
    (True, True)
    """
    a, b = host_pair(features_a, features_b, ("features_a", "features_b"), minimum=3)
    n, m = len(a), len(b)
    within_a, within_b, across = _within(a), _within(b), _across(a, b)
    value = within_a.mean + within_b.mean - 2 * across.mean
    second = 2 * within_a.tau / (n * (n - 1)) + 2 * within_b.tau / (m * (m - 1)) + 4 * across.tau / (n * m)
    rows_a, rows_b = within_a.rows - across.rows, within_b.rows - across.columns
    jackknife = 4 * float(np.var(rows_a, ddof=1) / n + np.var(rows_b, ddof=1) / m)
    return Estimate(value, math.sqrt(max(jackknife - second, second)))  # the first two terms are not negative


class _Pairs(NamedTuple):
    """The mean of a kernel over pairs, its means over each argument, and the remaining variance."""

    mean: float
    rows: Any
    columns: Any
    tau: float


def _within(x: Any) -> _Pairs:
    """Statistics over pairs of different rows of ``x (n, d)``."""
    n = len(x)
    own = (np.sum(x**2, axis=1) / x.shape[1] + 1) ** 3  # each sample with itself, excluded below
    total, squares = np.zeros(n), 0.0
    for rows, k in _blocks(x, x):
        total[rows] = np.sum(k, axis=1)
        squares += float(np.sum(k**2))
    means = (total - own) / (n - 1)
    mean = float(np.mean(means))
    pairs = n * (n - 1)
    # Σ over pairs of (k_ij − r_i − r_j + m)², with r_i the mean of row i, from running sums
    projected = float(np.sum((means - mean) ** 2))
    left = squares - float(np.sum(own**2)) - pairs * mean**2 - 2 * n * projected
    return _Pairs(mean, means, means, max(left, 0.0) / pairs)


def _across(x: Any, y: Any) -> _Pairs:
    """Statistics over all pairs of a row of ``x (n, d)`` and a row of ``y (m, d)``."""
    n, m = len(x), len(y)
    rows, columns, squares = np.zeros(n), np.zeros(m), 0.0
    for where, k in _blocks(x, y):
        rows[where] = np.mean(k, axis=1)
        columns += np.sum(k, axis=0) / n
        squares += float(np.sum(k**2))
    mean = float(np.mean(rows))
    explained = m * float(np.sum((rows - mean) ** 2)) + n * float(np.sum((columns - mean) ** 2))
    left = squares - n * m * mean**2 - explained
    return _Pairs(mean, rows, columns, max(left, 0.0) / (n * m))


def _blocks(x: Any, y: Any) -> Iterator[tuple[slice, Any]]:
    """The kernel of all rows of ``x`` with all of ``y``, one block of rows at a time."""
    for rows in row_blocks(len(x), _CHUNK // len(y)):
        yield rows, (x[rows] @ y.T / x.shape[1] + 1) ** 3
