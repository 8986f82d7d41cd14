"""Checks of the weights, means and covariances of a mixture."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from scorekit.distributions._numbers import numbers
from scorekit.errors import InvalidValueError, ShapeError

__all__ = ["as_covariances", "as_means", "as_weights", "spectra"]

Constant = npt.NDArray[np.float64]


def as_weights(value: Any) -> Constant:
    """Weights ``(k,)``, non-negative, normalized to sum 1."""
    weights = numbers(value, "weights")
    if weights.ndim != 1 or weights.size == 0:
        raise ShapeError(f"weights have shape {weights.shape}: expected (k,), one weight per component, k at least 1.")
    if (weights < 0).any():
        raise InvalidValueError(f"weights must not be negative, the smallest is {weights.min()}.")
    if not weights.sum() > 0:
        raise InvalidValueError("weights sum to zero: expected at least one positive weight.")
    weights /= weights.max()  # so that the sum cannot overflow
    weights /= weights.sum()
    return weights


def as_means(value: Any, k: int) -> Constant:
    """Means ``(k, d)``."""
    means = numbers(value, "means")
    if means.ndim != 2 or means.shape[0] != k or means.shape[1] == 0:
        hint = " For one feature use means[:, None]." if means.ndim == 1 else ""
        raise ShapeError(
            f"means have shape {means.shape} for {k} weights: expected ({k}, d), one row per component.{hint}"
        )
    return means


def as_covariances(value: Any, k: int, d: int) -> Constant:
    """Covariances ``(k, d, d)`` from matrices, diagonals, or variances of spherical components."""
    given = numbers(value, "covariances")
    _check_shape(given, k, d)
    if given.ndim == 3:
        return _symmetric(given)
    if not (given > 0).all():
        raise InvalidValueError(f"variances must be positive, the smallest is {given.min()}.")
    diagonals = np.broadcast_to(given.reshape(given.shape + (1,) * (2 - given.ndim)), (k, d))
    return diagonals[:, :, None] * np.eye(d)


def _check_shape(given: Constant, k: int, d: int) -> None:
    accepted = f"({k}, {d}, {d}) matrices, ({k}, {d}) diagonals, ({k},) variances or one variance"
    if given.shape not in ((), (k,), (k, d), (k, d, d)):
        raise ShapeError(
            f"covariances have shape {given.shape} for {k} means in {d} dimensions: expected {accepted}. "
            f"For one matrix shared by all use numpy.broadcast_to(matrix, ({k}, {d}, {d}))."
        )
    shared = given.ndim == 1 and (given == given[0]).all()  # then both interpretations agree
    if k == d > 1 and given.ndim in (1, 2) and not shared:
        raise ShapeError(
            f"covariances of shape {given.shape} are ambiguous for {k} means in {d} dimensions: they could belong to "
            f"the components or to the coordinates. Pass matrices ({k}, {d}, {d}): variances of the components are "
            "v[:, None, None] * numpy.eye(d), diagonals v[:, :, None] * numpy.eye(d)."
        )


def _symmetric(matrices: Constant) -> Constant:
    gap = np.abs(matrices - np.swapaxes(matrices, 1, 2)).max(axis=(1, 2))
    worst = int(np.argmax(gap / np.maximum(np.abs(matrices).max(axis=(1, 2)), 1e-300)))
    if gap[worst] > 1e-8 * np.abs(matrices[worst]).max():
        raise InvalidValueError(
            f"covariances must be symmetric: that of component {worst} differs from its transpose by {gap[worst]:.3g}. "
            "Use (C + C.T) / 2."
        )
    return matrices / 2 + np.swapaxes(matrices, 1, 2) / 2  # halves first: their sum cannot overflow


def spectra(covariances: Constant) -> tuple[Constant, Constant]:
    """Eigenvalues ``(k, d)``, all positive, and eigenvectors ``(k, d, d)`` as columns."""
    values, vectors = np.linalg.eigh(covariances)
    least = values[:, 0] - values.shape[1] * np.finfo(float).eps * np.abs(values).max(axis=1)
    worst = int(np.argmin(least))
    if not least[worst] > 0:
        raise InvalidValueError(
            f"covariances must be positive definite: that of component {worst} has eigenvalues from "
            f"{values[worst, 0]:.3g} to {values[worst, -1]:.3g}. Add a small multiple of the identity."
        )
    return values, vectors
