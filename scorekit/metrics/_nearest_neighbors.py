"""Nearest neighbors: those of samples in the training data, and whether samples are copies of these."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from scorekit._checks import check_count, check_number
from scorekit._numerics import row_blocks
from scorekit.errors import InvalidValueError
from scorekit.metrics._host import host_pair
from scorekit.metrics._statistics import check_level, share_interval
from scorekit.protocols import Array

__all__ = ["Memorization", "Neighbors", "blocks", "memorization", "nearest", "nearest_neighbors"]

_CHUNK = 1 << 22
"""Distances held at once."""


class Neighbors(NamedTuple):
    """The nearest neighbors of each sample: which rows, and how far, both ``(n, k)``, the nearest first."""

    indices: Any
    distances: Any


class Memorization(NamedTuple):
    """How many samples lie nearer to the training data than data that were held out do."""

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
    """The ``k`` nearest training points of each sample, in the Euclidean distance over all of a sample's axes.

    Args:
        samples: ``(n, *event)``, images too.
        training: ``(m, *event)``, m >= k. Time is of order n m d (two thousand million numbers a second on one core),
            memory is bounded.
        k: how many, at least 1.

    Returns:
        A :class:`Neighbors` of ``indices`` (rows of ``training``) and ``distances``, both NumPy ``(n, k)``. Among
        neighbors at exactly one distance the lower row comes first, and which ones of several make up the k is open.

    Raises:
        ShapeError, InvalidTypeError, InvalidValueError: for arguments of the wrong shape, kind or value.

    >>> import numpy as np
    >>> training = np.array([[0.0, 0.0], [3.0, 4.0], [10.0, 0.0]])
    >>> nearest_neighbors(np.array([[0.0, 1.0]]), training, k=2)
    Neighbors(indices=array([[0, 1]]), distances=array([[1.        , 4.24264069]]))
    """
    rows, base = host_pair(samples, training, ("samples", "training"))
    if check_count(k, "k") > len(base):
        raise InvalidValueError(f"k must be at most {len(base)}, the number of training points, got {k}.")
    return nearest(rows, base, k)


def memorization(
    samples: Array, training: Array, held_out: Array, quantile: float = 0.01, level: float = 0.95
) -> Memorization:
    """Are samples copies of training data? Their distance to it, beside that of data that were held out.

    A sample counts as near when its nearest training point is nearer than that of the j-th nearest of m held-out
    points, j = ``quantile`` (m + 1) rounded. If the samples were new data like the held-out ones, j/(m + 1) of them
    would be near on average, and their number would be beta-binomial(n, j, m + 1 − j), whatever the laws: the p-value,
    of "as many or more are near", is exact for independent samples, and conservative where distances tie.

    A small p-value says that too many samples are too near, as copies are. A large one does not say that the samples
    are good: noise is far from everything.

    Args:
        samples: ``(n, *event)``.
        training: what the model was trained on, ``(N, *event)``.
        held_out: data of the same kind that the model has not seen, ``(m, *event)``; the more, the sharper.
        quantile: in (0, 1), of the held-out distances.
        level: of the interval, in (0, 1).

    Returns:
        A :class:`Memorization`: ``proportion`` of near samples with its exact interval (Clopper and Pearson's)
        ``lower``,
        ``upper``, at ``level``, for this ``threshold``; ``expected``, j/(m + 1); ``p_value``; and the distances to the
        nearest training point of ``samples (n,)`` and ``held_out (m,)``. Printed, their quantiles side by side.

    Raises:
        ShapeError, InvalidTypeError, InvalidValueError: for arguments of the wrong shape, kind or value.

    Source: the comparison is that of Meehan, Chaudhuri and Dasgupta, A non-parametric test to detect data-copying in
    generative models (2020); the exact law of an exceedance count is classical.

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
    """The ``k`` nearest rows of ``base`` of each row of ``x``; with ``skip_own`` row i of ``base`` is none of i's."""
    indices, distances = np.empty((len(x), k), dtype=np.int64), np.empty((len(x), k))
    for rows, block in blocks(x, base):
        if skip_own:
            block[np.arange(len(block)), np.arange(rows.start, rows.start + len(block))] = np.inf
        found = np.sort(np.argpartition(block, k - 1, axis=1)[:, :k], axis=1)  # by row, so that ties stay in order
        far = np.take_along_axis(block, found, axis=1)
        order = np.argsort(far, axis=1, kind="stable")
        indices[rows] = np.take_along_axis(found, order, axis=1)
        distances[rows] = np.take_along_axis(far, order, axis=1)
    return Neighbors(indices, distances)


def blocks(x: Any, base: Any) -> Iterator[tuple[slice, Any]]:
    """The distances of all rows of ``x`` to all of ``base``, a slice of rows at a time.

    They are taken as √Σ(x − y)², not as √(|x|² + |y|² − 2 x·y), which loses the distance of near copies.
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
