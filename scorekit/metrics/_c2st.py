"""Can a classifier tell two samples apart?"""

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
    """The balanced accuracy on samples not trained on, ½ for one law, and the p-value of "the same law"."""

    accuracy: float
    p_value: float


def c2st(a: Array, b: Array, neighbors: int | None = None, rng: RngLike = None) -> ClassifierTest:
    """The classifier two-sample test, with k nearest neighbors for a classifier and an exact p-value.

    Each sample is cut in two at random. A point of the second halves is said to be of ``a`` when among its k nearest
    points of the first halves there are more of ``a`` than their share there. The accuracy is the mean of the
    proportions
    that are said rightly in each sample. Were the laws equal, the points said to be of ``a`` would be any of the second
    halves, so that the number of right ones among them is hypergeometric (Fisher's test): exact for every law, size
    and k.

    Args:
        a: independent samples, ``(n, *event)``, n >= 4.
        b: ``(m, *event)``, m >= 4.
        neighbors: k; by default √ of the number of points in the first halves, rounded.
        rng: an Rng, a seed or None, for the halves.

    Returns:
        A :class:`ClassifierTest`: ``accuracy`` in [0, 1] and the one-sided ``p_value``.

    Raises:
        ShapeError, InvalidTypeError, InvalidValueError: for arguments of the wrong shape, kind or value.

    Source: Lopez-Paz and Oquab, Revisiting classifier two-sample tests (2017); Fisher, The logic of inductive
    inference (1935).

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
        raise InvalidValueError(f"neighbors must be at most {len(known)}, the points in the first halves, got {k}.")
    votes = np.mean(nearest(new, known, k).indices < len(known_a), axis=1)
    said_a = votes > len(known_a) / len(known)
    right, n, m = int(np.sum(said_a[: len(new_a)])), len(new_a), len(new_b)
    said = int(np.sum(said_a))
    accuracy = (right / n + 1 - (said - right) / m) / 2
    return ClassifierTest(accuracy, float(hypergeom.sf(right - 1, n + m, said, n)))


def _halves(x: Any, rng: Rng) -> tuple[Any, Any]:
    order = host(rng.choice(len(x), (len(x),), replace=False)).astype(int)
    return x[order[: len(x) // 2]], x[order[len(x) // 2 :]]
