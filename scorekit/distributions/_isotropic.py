"""Mixtures of many spherical Gaussians of equal variance: noisy curves and noisy data.

p(x) = Σ_i w_i N(x; c_i, v I), with score (Σ_i r_i(x) c_i − x) / v, where r is the softmax of log w_i − |x − c_i|² / 2v.
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
"""Up to this dimension distances are computed from differences; above it, from one matrix product."""


class Cloud(NamedTuple):
    """Centers with weights."""

    centers: npt.NDArray[np.float64]
    """(m, d)"""
    log_weights: npt.NDArray[np.float64]
    """(m,), normalized."""


def log_density(cloud: Cloud, x: Array, variance: Any) -> Array:
    """The log-density, ``(n, d) -> (n,)``; ``variance`` is a float or ``(n,)``. Memory is bounded."""
    return by_rows(lambda rows, v: _log_density(cloud, rows, v), x, variance, len(cloud.centers))


def score(cloud: Cloud, x: Array, variance: Any) -> Array:
    """∇ log p(x), ``(n, d) -> (n, d)``; ``variance`` is a float or ``(n,)``. Memory is bounded."""
    return by_rows(lambda rows, v: _score(cloud, rows, v), x, variance, len(cloud.centers))


def _log_density(cloud: Cloud, x: Array, variance: Any) -> Array:
    xp, d = array_namespace(x), x.shape[1]
    norm = 0.5 * d * (xp.log(variance) if hasattr(variance, "ndim") else math.log(variance))
    logits, offset = _logits(cloud, x, variance)
    return log_sum_exp(logits, axis=1) + offset - norm - 0.5 * d * math.log(2 * math.pi)


def _score(cloud: Cloud, x: Array, variance: Any) -> Array:
    xp = array_namespace(x)
    proportions = exp_below_max(_logits(cloud, x, variance)[0], axis=1)
    total = xp.sum(proportions, axis=1, keepdims=True)
    return (xp.matmul(proportions, constant(cloud.centers, x)) / total - x) / to_column(variance)


def _logits(cloud: Cloud, x: Array, variance: Any) -> tuple[Array, Any]:
    """The exponents log w_i − |x − c_i|² / 2v, shape (n, m), up to an offset (n,) or 0 that is common to a row."""
    few = x.shape[1] <= FEW_COORDINATES
    squares, least = (_squares_of_differences if few else _squares_beyond_nearest)(cloud.centers, x)
    return constant(cloud.log_weights, x) - squares / (2 * to_column(variance)), -least / (2 * variance)


def _squares_of_differences(centers: npt.NDArray[np.float64], x: Array) -> tuple[Array, float]:
    """The squares |x − c_i|², (n, m), and the offset 0."""
    total: Any = 0.0
    for j in range(x.shape[1]):
        difference = x[:, j : j + 1] - constant(centers[:, j], x)
        total = total + difference * difference
    return total, 0.0


def _squares_beyond_nearest(centers: npt.NDArray[np.float64], x: Array) -> tuple[Array, Array]:
    """The squares |x − c_i|² minus that of the nearest center c, (n, m), and that of c, (n,), from differences.

    Relative to the mean of the centers, |x − c_i|² − |x − c|² is |c_i|² − 2 x·c_i minus the same for c, from one matrix
    product. It is exactly 0 for the nearest center, however small the noise. The other values have the rounding error
    of their size.
    """
    xp, middle = array_namespace(x), centers.mean(axis=0)
    moved, points = centers - middle, x - constant(middle, x)
    squares = constant((moved**2).sum(axis=1), x) - 2 * xp.matmul(points, constant(moved.T, x))
    nearest = xp.argmin(squares, axis=1)
    difference = x - xp.take(constant(centers, x), nearest, axis=0)
    return squares - xp.take_along_axis(squares, nearest[:, None], axis=1), xp.sum(difference * difference, axis=1)
