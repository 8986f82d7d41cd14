"""Mixtures of many spherical Gaussians of one width: curves with noise, and data with noise.

p(x) = Σ_i w_i N(x; c_i, v I), with score (Σ_i r_i(x) c_i − x) / v and r the softmax of log w_i − |x − c_i|² / 2v.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scorekit._arrays import constant
from scorekit._numerics import by_rows, exp_below_max, log_sum_exp, to_column
from scorekit.protocols import Array
from scorekit.registry import array_namespace

__all__ = ["Cloud", "log_density", "score"]

FEW_COORDINATES = 8
"""Up to here distances are summed from exact differences; beyond, from one product of matrices."""


class Cloud(NamedTuple):
    """Weighted centres."""

    centres: npt.NDArray[np.float64]
    """(m, d)"""
    log_weights: npt.NDArray[np.float64]
    """(m,), normalised."""


def log_density(cloud: Cloud, x: Array, variance: Any) -> Array:
    """The log-density, ``(n, d) -> (n,)``; ``variance`` a float or ``(n,)``. Memory is bounded."""
    return by_rows(lambda rows, v: _log_density(cloud, rows, v), x, variance, len(cloud.centres))


def score(cloud: Cloud, x: Array, variance: Any) -> Array:
    """∇ log p(x), ``(n, d) -> (n, d)``; ``variance`` a float or ``(n,)``. Memory is bounded."""
    return by_rows(lambda rows, v: _score(cloud, rows, v), x, variance, len(cloud.centres))


def _log_density(cloud: Cloud, x: Array, variance: Any) -> Array:
    xp, d = array_namespace(x), x.shape[1]
    norm = 0.5 * d * (xp.log(variance) if hasattr(variance, "ndim") else math.log(variance))
    return log_sum_exp(_logits(cloud, x, variance), axis=1) - norm - 0.5 * d * math.log(2 * math.pi)


def _score(cloud: Cloud, x: Array, variance: Any) -> Array:
    xp = array_namespace(x)
    logits = _logits(cloud, x, variance)
    shares = exp_below_max(logits, axis=1)
    total = xp.sum(shares, axis=1, keepdims=True)
    return (xp.matmul(shares, constant(cloud.centres, x)) / total - x) / to_column(variance)


def _logits(cloud: Cloud, x: Array, variance: Any) -> Array:
    """The exponents log w_i − |x − c_i|² / 2v, shape (n, m)."""
    squares = _squares_of_differences if x.shape[1] <= FEW_COORDINATES else _squares_by_product
    return constant(cloud.log_weights, x) - squares(cloud.centres, x) / (2 * to_column(variance))


def _squares_of_differences(centres: npt.NDArray[np.float64], x: Array) -> Array:
    total: Any = 0.0
    for j in range(x.shape[1]):
        difference = x[:, j : j + 1] - constant(centres[:, j], x)
        total = total + difference * difference
    return total


def _squares_by_product(centres: npt.NDArray[np.float64], x: Array) -> Array:
    """|x|² − 2 x·c + |c|² about the mean of the centres, where least is lost by cancellation."""
    xp, middle = array_namespace(x), centres.mean(axis=0)
    moved, points = centres - middle, x - constant(middle, x)
    products = xp.matmul(points, constant(moved.T, x))
    return xp.sum(points * points, axis=1, keepdims=True) - 2 * products + constant((moved**2).sum(axis=1), x)
