"""The maximum mean discrepancy between two sets of samples."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import as_rng, host
from scorekit._checks import check_count, check_positive
from scorekit._tables import displayed
from scorekit.metrics._chance import warn_if_powerless
from scorekit.metrics._host import host_pair, median_distance, warn_of_bandwidth
from scorekit.protocols import Array, Rng, RngLike

__all__ = ["Discrepancy", "mmd"]


@displayed
class Discrepancy(NamedTuple):
    """The squared discrepancy, the bandwidth, and the p-value of "both distributions are equal"."""

    squared: float
    bandwidth: float
    p_value: float


def mmd(
    a: Array, b: Array, bandwidth: float | None = None, permutations: int = 199, rng: RngLike = None
) -> Discrepancy:
    """The squared maximum mean discrepancy between two sets of samples, unbiased, with a permutation test.

    MMD² = E k(a, a') + E k(b, b') − 2 E k(a, b), k(x, y) = exp(−|x − y|²/2h²), over pairs of different samples. It can
    be negative if the distributions agree. The p-value is (1 + the number of random relabelings with an MMD² at least
    as large) / (1 + ``permutations``). It is exact for independent samples of any distribution.

    Args:
        a: samples, ``(n, *event)``, n >= 2.
        b: samples, ``(m, *event)``, m >= 2. Memory is of order (n + m)².
        bandwidth: h > 0; by default the median distance between two different samples of the pooled set. This default
            does not depend on the labels, so the test stays exact.
        permutations: number of relabelings, at least 1.
        rng: an Rng, a seed or None.

    Returns:
        A :class:`Discrepancy` of floats.

    Raises:
        ShapeError: the samples of ``a`` and ``b`` differ in shape, or there are fewer than 2 of either.
        InvalidTypeError: an array is not float32 or float64, or ``permutations`` is not an integer.
        InvalidValueError: an array holds NaN or infinity, ``bandwidth`` (or the median distance) is not positive, or
            ``permutations`` is below 1.

    A warning says so if no p-value can be at most 5 % (a few samples, or 2 to 18 permutations), or if ``bandwidth`` is
    far from the distances between samples.

    Source: Gretton, Borgwardt, Rasch, Schölkopf and Smola, A kernel two-sample test (2012), JMLR 13, 723–773.

    >>> import numpy as np
    >>> a = np.random.default_rng(0).normal(size=(50, 2))
    >>> mmd(a, a + 3.0, rng=0).p_value
    0.005
    """
    from scipy.spatial.distance import pdist, squareform

    rows_a, rows_b = host_pair(a, b, minimum=2)
    n, m = len(rows_a), len(rows_b)
    permutations, stream = check_count(permutations, "permutations"), as_rng(rng, None, "mmd")
    distances = pdist(np.concatenate([rows_a, rows_b]))
    h = median_distance(distances) if bandwidth is None else check_positive(bandwidth, "bandwidth")
    kernel = squareform(np.exp(-((distances / h) ** 2) / 2))  # zero on the diagonal
    labels = np.arange(n + m) < n
    ways = math.comb(n + m, n) / (2 if n == m else 1)  # different sums: exchanging equal sets changes nothing
    warn_if_powerless(1 / ways, f"{n} and {m} samples", "permutations", permutations)
    warn_of_bandwidth(h, n + m, distances)
    observed = float(_squared(kernel, labels[:, None])[0])
    draws = _squared(kernel, _relabelings(labels, permutations, stream))
    ties = 1e-12 * np.max(kernel)  # equal partitions have the same sum up to rounding
    return Discrepancy(observed, h, (1 + int(np.sum(draws >= observed - ties))) / (1 + permutations))


def _relabelings(labels: Any, count: int, rng: Rng) -> Any:
    """``count`` random permutations of the labels, as columns."""
    return np.stack(
        [labels[host(rng.choice(len(labels), (len(labels),), replace=False)).astype(int)] for _ in range(count)], 1
    )


def _squared(kernel: Any, in_a: Any) -> Any:
    """MMD² of each labeling, the columns of ``in_a (n + m, q)``."""
    a = in_a.astype(np.float64)
    n, m = a.sum(axis=0), (1 - a).sum(axis=0)
    to_a = kernel @ a
    aa, ab = np.sum(a * to_a, axis=0), np.sum((1 - a) * to_a, axis=0)
    bb = np.sum(kernel) - aa - 2 * ab
    return aa / (n * (n - 1)) + bb / (m * (m - 1)) - 2 * ab / (n * m)
