"""Precision and recall, density and coverage: fidelity and variety of samples, apart."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from scorekit._checks import check_count
from scorekit.errors import InvalidValueError
from scorekit.metrics._host import host_pair
from scorekit.metrics._nearest_neighbors import blocks, nearest
from scorekit.protocols import Array

__all__ = ["PrecisionRecall", "precision_recall"]


class PrecisionRecall(NamedTuple):
    """How many samples look real, and how much of the real data the samples reach; what equal laws would give."""

    precision: float
    recall: float
    density: float
    coverage: float
    expected_coverage: float
    neighbors: int

    def __str__(self) -> str:
        return (
            f"precision {self.precision:.4f}, recall {self.recall:.4f}, density {self.density:.4f} (equal laws: 1), "
            f"coverage {self.coverage:.4f} (equal laws: {self.expected_coverage:.4f}), {self.neighbors} neighbors"
        )


def precision_recall(features_real: Array, features_generated: Array, neighbors: int = 3) -> PrecisionRecall:
    """Precision and recall on manifolds of nearest neighbors, and density and coverage.

    The ball of a point is closed and reaches to its k-th nearest neighbor in its own set, itself not counted.

    precision  the proportion of generated points in the ball of some real point
    recall     the proportion of real points in the ball of some generated point
    density    the mean number of real balls that a generated point lies in, over k; it can exceed 1
    coverage   the proportion of real balls with a generated point inside

    Precision and recall take the nearest neighbors for the whole manifold, so that one outlier with a wide ball
    raises them; density and coverage suffer less from that. Under equal laws the density is 1 on average, and the
    coverage 1 − C(n − 1, k)/C(n + m − 1, k), exactly, for any continuous law; precision and recall have no such value:
    hold them against those of data that were held out.

    Args:
        features_real: ``(n, *event)``, n > k, flattened to ``(n, d)``.
        features_generated: ``(m, *event)``, m > k.
        neighbors: k, at least 1. The original papers take 3 for precision and recall and 5 for density and coverage.

    Returns:
        A :class:`PrecisionRecall` of floats, with the ``expected_coverage`` under equal laws. Time is of order
        (n + m)² d, memory is bounded.

    Raises:
        ShapeError, InvalidTypeError, InvalidValueError: for arguments of the wrong shape, kind or value.

    Source: Kynkäänniemi, Karras, Laine, Lehtinen and Aila, Improved precision and recall metric for assessing
    generative models (2019); Naeem, Oh, Uh, Choi and Yoo, Reliable fidelity and diversity metrics for generative
    models (2020).

    >>> import numpy as np
    >>> real, generated = np.array([[0.0], [1.0], [2.0], [9.0]]), np.array([[0.5], [0.75], [20.0]])
    >>> print(precision_recall(real, generated, neighbors=1))
    precision 0.6667, recall 0.7500, density 1.3333 (equal laws: 1), coverage 0.5000 (equal laws: 0.5000), 1 neighbors
    """
    real, generated = host_pair(features_real, features_generated, ("features_real", "features_generated"))
    k, fewest = check_count(neighbors, "neighbors"), min(len(real), len(generated))
    if k >= fewest:
        raise InvalidValueError(
            f"neighbors must be below {fewest}, for features_real has {len(real)} samples and features_generated "
            f"{len(generated)}, and none is a neighbor of itself; got {k}."
        )
    radius, other = (nearest(x, x, k, skip_own=True).distances[:, -1] for x in (real, generated))
    balls = np.zeros(len(generated))  # of real points, around each generated one
    covered, recalled = np.zeros(len(real), dtype=bool), np.zeros(len(real), dtype=bool)
    for rows, distances in blocks(real, generated):
        inside = distances <= radius[rows, None]
        balls += np.sum(inside, axis=0)
        covered[rows] = np.any(inside, axis=1)
        recalled[rows] = np.any(distances <= other, axis=1)
    return PrecisionRecall(
        float(np.mean(balls > 0)),
        float(np.mean(recalled)),
        float(np.mean(balls) / k),
        float(np.mean(covered)),
        _expected_coverage(len(real), len(generated), k),
        k,
    )


def _expected_coverage(n: int, m: int, k: int) -> float:
    """Of the n − 1 + m points around a real one, are the k nearest not all real?"""
    return 1 - math.comb(n - 1, k) / math.comb(n + m - 1, k)
