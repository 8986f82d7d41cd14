"""Conversion of arrays of any backend to float64 NumPy arrays, in which the metrics are computed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from scorekit._arrays import check_batch, host, no_grad, own
from scorekit._checks import check_positive
from scorekit._score import evaluate
from scorekit.errors import NonFiniteError, ShapeError
from scorekit.protocols import Array, ScoreModel, Sigma
from scorekit.registry import array_namespace

__all__ = ["host_batch", "host_pair", "host_score", "median_distance", "warn_of_bandwidth"]

_NEAR = 3
"""At this distance in bandwidths a Gaussian kernel is 0.01."""

_ALONE = 0.1
"""With fewer near samples per sample the kernel compares hardly anything."""

_LINEAR = 100
"""From this ratio of bandwidth to median distance on, a Gaussian kernel is 1 to 5e-5."""


def host_batch(x: Array, name: str = "x") -> Any:
    """A checked batch ``(n, *event)`` as float64 rows ``(n, d)``."""
    check_batch(x, name)
    return host(x).reshape(x.shape[0], -1)


def host_pair(a: Array, b: Array, names: tuple[str, str] = ("a", "b"), minimum: int = 1) -> tuple[Any, Any]:
    """Two checked sets of samples of equal event shape, at least ``minimum`` each, as float64 rows."""
    first, second = names
    check_batch(a, first)
    check_batch(b, second)
    array_namespace(**{first: a, second: b})
    if a.shape[1:] != b.shape[1:]:
        raise ShapeError(
            f"{first} has samples of shape {tuple(a.shape[1:])}, {second} of shape {tuple(b.shape[1:])}: "
            "expected the same. Only the first axis, the number of samples, may differ."
        )
    if min(a.shape[0], b.shape[0]) < minimum:
        raise ShapeError(
            f"{first} has {a.shape[0]} samples, {second} has {b.shape[0]}: expected at least {minimum} of each."
        )
    return host_batch(a, first), host_batch(b, second)


def host_score(model: ScoreModel, x: Array, sigma: Sigma = None, name: str = "model") -> Any:
    """``model(x, sigma)`` without gradient recording, as finite float64 rows ``(n, d)``."""
    with no_grad(x)():
        s = evaluate(model, own(x), sigma, name=name)
    rows = host(s).reshape(x.shape[0], -1)
    bad = int(np.sum(~np.isfinite(rows).all(axis=1)))
    if bad:
        raise NonFiniteError(
            f"{name} returned NaN or infinity at {bad} of {x.shape[0]} points: expected finite scores. "
            "Evaluate it closer to the data, or check the loss history for a training step that diverged."
        )
    return rows


def warn_of_bandwidth(h: float, n: int, distances: Any) -> None:
    """Warn if a Gaussian kernel with bandwidth ``h`` compares hardly any of ``n`` samples, or little but means."""
    middle, near = float(np.median(distances)), int(np.count_nonzero(distances < _NEAR * h))
    if 2 * near < _ALONE * n:
        fault = f"so the kernel is nearly zero for all but {near} of {len(distances)} pairs"
    elif h > _LINEAR * middle > 0:
        fault = "so the kernel is nearly constant, and hardly anything but the means is compared"
    else:
        return
    warnings.warn(
        f"bandwidth is {h:.3g}, and the median distance between samples is {middle:.3g}, {fault}. Omit bandwidth, or "
        "choose one near the distances that matter.",
        RuntimeWarning,
        stacklevel=3,
    )


def median_distance(distances: Any) -> float:
    """The median of the ``distances`` of all pairs. A median of zero raises an error."""
    return check_positive(
        np.median(distances),
        "the median distance between samples",
        "More than half of the pairs coincide: give bandwidth=.",
    )
