"""The classifier two-sample test."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import as_rng, host
from scorekit._checks import check_count
from scorekit.errors import InvalidValueError
from scorekit.metrics._host import host_pair
from scorekit.metrics._nearest_neighbors import nearest
from scorekit.protocols import Array, Rng, RngLike

__all__ = ["ClassifierTest", "c2st"]


class ClassifierTest(NamedTuple):
    """The balanced accuracy on test points (½ for equal distributions), and the p-value of "both distributions are
    equal".
    """

    accuracy: float
    p_value: float


def c2st(a: Array, b: Array, neighbors: int | None = None, rng: RngLike = None) -> ClassifierTest:
    """The classifier two-sample test with a k-nearest-neighbor classifier and an exact p-value.

    Each set is split at random into a training half and a test half. A test point is assigned to ``a`` if the
    proportion of points of ``a`` among its k nearest training points exceeds the proportion of ``a`` in the training
    half. The accuracy is the mean of the two proportions of test points that are assigned correctly. If the
    distributions are equal, the number of correct assignments is hypergeometric (Fisher's test). The p-value is
    therefore exact for every distribution, size and k.

    Args:
        a: independent samples, ``(n, *event)``, n >= 4.
        b: independent samples, ``(m, *event)``, m >= 4.
        neighbors: k, from 1 to the number of training points; by default its square root, rounded.
        rng: an Rng, a seed or None, for the split.

    Returns:
        A :class:`ClassifierTest`: ``accuracy`` in [0, 1] and the one-sided ``p_value``.

    Raises:
        ShapeError: the samples of ``a`` and ``b`` differ in shape, or there are fewer than 4 of either.
        InvalidTypeError: an array is not float32 or float64, or ``neighbors`` is not an integer.
        InvalidValueError: an array holds NaN or infinity, or ``neighbors`` is out of range.

    Source: Lopez-Paz and Oquab, Revisiting classifier two-sample tests (2017), arXiv:1610.06545; Fisher, The logic of
    inductive inference (1935), doi:10.2307/2342435.

    >>> import numpy as np
    >>> a = np.random.default_rng(0).normal(size=(100, 2))
    >>> result = c2st(a, a[::-1] + 3.0, rng=0)
    >>> result.accuracy > 0.9, result.p_value < 1e-12
    (True, True)
    """
    from scipy.stats import hypergeom

    rows_a, rows_b = host_pair(a, b, minimum=4)
    stream = as_rng(rng, None, "c2st")
    (known_a, new_a), (known_b, new_b) = _halves(rows_a, stream), _halves(rows_b, stream)
    known, new = np.concatenate([known_a, known_b]), np.concatenate([new_a, new_b])
    k = round(math.sqrt(len(known))) if neighbors is None else check_count(neighbors, "neighbors")
    if k > len(known):
        raise InvalidValueError(f"neighbors must be at most {len(known)}, the number of training points, got {k}.")
    votes = np.mean(nearest(new, known, k).indices < len(known_a), axis=1)
    said_a = votes > len(known_a) / len(known)
    right, n, m = int(np.sum(said_a[: len(new_a)])), len(new_a), len(new_b)
    said = int(np.sum(said_a))
    accuracy = (right / n + 1 - (said - right) / m) / 2
    return ClassifierTest(accuracy, float(hypergeom.sf(right - 1, n + m, said, n)))


def _halves(x: Any, rng: Rng) -> tuple[Any, Any]:
    order = host(rng.choice(len(x), (len(x),), replace=False)).astype(int)
    return x[order[: len(x) // 2]], x[order[len(x) // 2 :]]
