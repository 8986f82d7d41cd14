"""A Gaussian mixture at one noise level in low dimension, as a few products with small constant matrices.

Points are (d + 1, n): the coordinates minus the mean of the mixture, and a row of ones. The long axis is last, so that
the inner loop runs along contiguous memory.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scorekit._arrays import constant
from scorekit._numerics import exp_below_max
from scorekit.protocols import Array
from scorekit.registry import array_namespace

__all__ = ["Plan", "make_plan"]

Constant = npt.NDArray[np.float64]

LARGEST = 1e6
"""Logits are computed from the products P μ if μᵀPμ is at most this; the error is then about eps times it, 1e-10."""


class Shared(NamedTuple):
    """The constants of k components with one common covariance, whose quadratic form cancels in the score."""

    logits: Constant
    """(k + d, d + 1): the rows (P μ_k, log w_k − ½ μ_kᵀ P μ_k), P the precision; then the rows (P, 0)."""
    moments: Constant
    """(d + 1, k): P μ_k as columns, and a row of ones."""


class Plan(NamedTuple):
    """The constants of a mixture at one noise level, in coordinates centered on the mixture's mean."""

    center: Constant
    """(d,)"""
    whiten: Constant
    """(d, k, d + 1): maps (x, 1) to the j-th whitened coordinate of x − μ_k of every component, divided by √2."""
    log_weight: Constant
    """(k, 1): log w_k − ½ log det 2π(C_k + sigma² I)."""
    moments: Constant
    """(d + 1 + d², k): P_k μ_k as columns, a row of ones, the entries of P_k; P_k is the precision."""
    shared: Shared | None

    def logits(self, x: Array) -> Array:
        """The logits log w_k N(x; μ_k, C_k + sigma² I), ``(n, d) -> (k, n)``."""
        return _logits(self, _centered(self, x))

    def score(self, x: Array) -> Array:
        """The score, ``(n, d) -> (n, d)``."""
        points = _centered(self, x)
        return (_general_score(self, points) if self.shared is None else _shared_score(self.shared, points)).T


def make_plan(weights: Constant, means: Constant, spectrum: Constant, vectors: Constant) -> Plan:
    """The plan for components with eigenvalues ``spectrum (k, d)``, which include the noise, and their eigenvectors."""
    k, d = means.shape
    center = weights @ means
    means = means - center
    whiten = np.swapaxes(vectors / np.sqrt(2 * spectrum)[:, None, :], 1, 2)
    shift = whiten @ means[:, :, None]
    precision = (vectors / spectrum[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights)
    pulls = np.einsum("kij,kj->ik", precision, means)
    moments = [pulls, np.ones((1, k)), precision.reshape(k, d * d).T]
    return Plan(
        center=center,
        whiten=np.ascontiguousarray(np.swapaxes(np.concatenate([whiten, -shift], axis=2), 0, 1)),
        log_weight=(log_weights - 0.5 * np.log(2 * math.pi * spectrum).sum(axis=1))[:, None],
        moments=np.ascontiguousarray(np.concatenate(moments)),
        shared=_shared(log_weights, means, precision),
    )


def _shared(log_weights: Constant, means: Constant, precisions: Constant) -> Shared | None:
    """The constants for one common covariance; None if covariances differ, or if the products would lose accuracy."""
    precision, present = precisions[0], log_weights > -math.inf
    pulls = means[present] @ precision
    squares = np.sum(means[present] * pulls, axis=1)
    if (precisions != precision).any() or squares.max() > LARGEST:
        return None
    logits = np.pad(np.concatenate([pulls, precision]), ((0, 0), (0, 1)))
    logits[: len(pulls), -1] = log_weights[present] - 0.5 * squares
    return Shared(logits, np.concatenate([pulls.T, np.ones((1, len(pulls)))]))


def _centered(plan: Plan, x: Array) -> Array:
    xp, center = array_namespace(x), plan.center.tolist()
    coordinates = [x[:, j] - c for j, c in enumerate(center)]
    return xp.stack([*coordinates, xp.ones_like(coordinates[0])], axis=0)


def _logits(plan: Plan, points: Array) -> Array:
    whiten = constant(plan.whiten, points)
    logits = constant(plan.log_weight, points)
    for j in range(whiten.shape[0]):
        u = whiten[j, :, :] @ points
        logits = logits - u * u
    return logits


def _general_score(plan: Plan, points: Array) -> Array:
    d = points.shape[0] - 1
    moments = constant(plan.moments, points) @ exp_below_max(_logits(plan, points), axis=0)
    pull = moments[:d, :]
    for j in range(d):
        pull = pull - moments[d + 1 + j * d : d + 1 + (j + 1) * d, :] * points[j, :]
    return pull / moments[d, :]


def _shared_score(shared: Shared, points: Array) -> Array:
    """P (Σ r_k μ_k − x), r the softmax of (P μ_k)·x + log w_k − ½ μ_kᵀ P μ_k; xᵀ P x is common to all components."""
    d, k = points.shape[0] - 1, shared.moments.shape[1]
    products = constant(shared.logits, points) @ points
    moments = constant(shared.moments, points) @ exp_below_max(products[:k, :], axis=0)
    return moments[:d, :] / moments[d, :] - products[k:, :]
