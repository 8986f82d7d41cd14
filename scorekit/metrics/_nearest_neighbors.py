"""Nearest neighbors of samples in the training data, and a test for memorization."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from scorekit._checks import check_count, check_number
from scorekit._numerics import row_blocks
from scorekit._tables import displayed
from scorekit.errors import InvalidValueError
from scorekit.metrics._host import host_pair
from scorekit.metrics._statistics import check_level, share_interval
from scorekit.protocols import Array

__all__ = ["Memorization", "Neighbors", "blocks", "memorization", "nearest", "nearest_neighbors"]

_CHUNK = 1 << 22
"""Largest number of distances in memory."""


@displayed
class Neighbors(NamedTuple):
    """The nearest neighbors of each sample: row indices and distances, both ``(n, k)``, nearest first."""

    indices: Any
    distances: Any


@displayed
class Memorization(NamedTuple):
    """The proportion of samples that are closer to the training data than held-out data are, with a test."""

    proportion: float
    lower: float
    upper: float
    expected: float
    p_value: float
    threshold: float
    samples: Any
    held_out: Any
    level: float

    def __str__(self) -> str:
        header = "distance to the nearest training point    1 %       median    99 %"
        rows = (("samples", self.samples), ("held-out data", self.held_out))
        lines = [header] + [_quantiles(name, distances) for name, distances in rows]
        lines.append(
            f"{self.proportion:.4f} of {len(self.samples)} samples are nearer than {self.threshold:.4g} "
            f"({100 * self.level:g} % interval {self.lower:.4f} to {self.upper:.4f}), "
            f"as {self.expected:.4f} of held-out data are; p-value {self.p_value:.3g}"
        )
        return "\n".join(lines)


def nearest_neighbors(samples: Array, training: Array, k: int = 1) -> Neighbors:
    """The ``k`` nearest training points of each sample, in the Euclidean distance over all axes of a sample.

    Args:
        samples: ``(n, *event)``, for instance images.
        training: ``(m, *event)``, m >= k. Time is of order n m d (about 2e9 entries per second on one core); memory is
            bounded.
        k: number of neighbors, from 1 to m.

    Returns:
        A :class:`Neighbors` of ``indices`` (rows of ``training``) and ``distances``, both NumPy ``(n, k)``. Neighbors
        at equal distance are sorted by row. If the k-th distance is tied, the choice among the tied rows is arbitrary.

    Raises:
        ShapeError: ``samples`` and ``training`` differ in the shape of a sample.
        InvalidTypeError: an array is not float32 or float64, or ``k`` is not an integer.
        InvalidValueError: an array holds NaN or infinity, or ``k`` is below 1 or above m.

    >>> import numpy as np
    >>> training = np.array([[0.0, 0.0], [3.0, 4.0], [10.0, 0.0]])
    >>> found = nearest_neighbors(np.array([[0.0, 1.0]]), training, k=2)
    >>> found.indices.tolist(), found.distances.round(3).tolist()
    ([[0, 1]], [[1.0, 4.243]])
    """
    rows, base = host_pair(samples, training, ("samples", "training"))
    if check_count(k, "k") > len(base):
        raise InvalidValueError(f"k must be at most {len(base)}, the number of training points, got {k}.")
    return nearest(rows, base, k)


def memorization(
    samples: Array, training: Array, held_out: Array, quantile: float = 0.01, level: float = 0.95
) -> Memorization:
    """A test of whether samples are copies of training data.

    It compares the distances of samples to the training data with those of held-out data. A sample is *near* if its
    nearest training point is closer than that of the j-th nearest of m held-out points, j = ``quantile`` (m + 1)
    rounded. If the samples were new data like the held-out ones, j/(m + 1) of them would be near on average, and the
    number of near samples would be beta-binomial(n, j, m + 1 − j) for every continuous distribution. The p-value of "as
    many or more are near" is exact for independent samples, and conservative if distances tie.

    A small p-value means that too many samples are too close to training data, as copies are. A large p-value does not
    mean that the samples are good: pure noise is far from all data.

    Args:
        samples: ``(n, *event)``.
        training: the training data of the model, ``(N, *event)``.
        held_out: data from the same distribution that were not used for training, ``(m, *event)``. The power grows with
            m.
        quantile: quantile of the held-out distances, in (0, 1).
        level: confidence level of the interval, in (0, 1).

    Returns:
        A :class:`Memorization` with

        - ``proportion`` of near samples and its exact (Clopper–Pearson) interval ``lower``, ``upper`` at ``level``, for
          this ``threshold``;
        - ``expected``, j/(m + 1), and ``p_value``;
        - the distances to the nearest training point of ``samples (n,)`` and ``held_out (m,)``. ``print`` shows their
          quantiles.

    Raises:
        ShapeError: ``samples``, ``training`` and ``held_out`` differ in the shape of a sample.
        InvalidTypeError: an array is not float32 or float64, or ``quantile`` or ``level`` is not a number.
        InvalidValueError: an array holds NaN or infinity, or ``quantile`` or ``level`` is not in (0, 1).

    Source: the comparison is that of Meehan, Chaudhuri and Dasgupta, A non-parametric test to detect data-copying in
    generative models (2020), arXiv:2004.05675; the exact distribution of an exceedance count is classical.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> training, held_out, new = rng.normal(size=(3, 200, 2))
    >>> copies = training[:50] + 1e-6
    >>> memorization(copies, training, held_out).p_value < 1e-9 < memorization(new, training, held_out).p_value
    True
    """
    from scipy.stats import betabinom

    rows, base = host_pair(samples, training, ("samples", "training"))
    others, _ = host_pair(held_out, training, ("held_out", "training"))
    level, quantile = check_level(level), _check_quantile(quantile)
    near, reference = (nearest(x, base, 1).distances[:, 0] for x in (rows, others))
    n, m = len(near), len(reference)
    j = min(m, max(1, round(quantile * (m + 1))))
    threshold = float(np.sort(reference)[j - 1])
    count = int(np.sum(near < threshold))
    lower, upper = (float(end) for end in share_interval(count, n, level))
    p_value = float(betabinom.sf(count - 1, n, j, m + 1 - j))
    return Memorization(count / n, lower, upper, j / (m + 1), p_value, threshold, near, reference, level)


def nearest(x: Any, base: Any, k: int, *, skip_own: bool = False) -> Neighbors:
    """The ``k`` nearest rows of ``base`` for each row i of ``x``; ``skip_own`` excludes row i of ``base``."""
    indices, distances = np.empty((len(x), k), dtype=np.int64), np.empty((len(x), k))
    for rows, block in blocks(x, base):
        if skip_own:
            block[np.arange(len(block)), np.arange(rows.start, rows.start + len(block))] = np.inf
        found = np.sort(np.argpartition(block, k - 1, axis=1)[:, :k], axis=1)  # by row: ties stay in order
        far = np.take_along_axis(block, found, axis=1)
        order = np.argsort(far, axis=1, kind="stable")
        indices[rows] = np.take_along_axis(found, order, axis=1)
        distances[rows] = np.take_along_axis(far, order, axis=1)
    return Neighbors(indices, distances)


def blocks(x: Any, base: Any) -> Iterator[tuple[slice, Any]]:
    """The distances of all rows of ``x`` to all rows of ``base``, one block of rows at a time.

    They are computed as √Σ(x − y)². The form √(|x|² + |y|² − 2 x·y) is inaccurate for near copies.
    """
    from scipy.spatial.distance import cdist

    for rows in row_blocks(len(x), _CHUNK // len(base)):
        yield rows, cdist(x[rows], base)


def _check_quantile(quantile: Any) -> float:
    number = check_number(quantile, "quantile")
    if not 0 < number < 1:
        raise InvalidValueError(f"quantile must lie between 0 and 1, got {quantile}. For 1 % write quantile=0.01.")
    return number


def _quantiles(name: str, distances: Any) -> str:
    low, middle, high = np.quantile(distances, [0.01, 0.5, 0.99])
    return f"{name:40}  {low:<8.4g}  {middle:<8.4g}  {high:<8.4g}".rstrip()
