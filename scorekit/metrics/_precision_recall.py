"""Precision and recall, density and coverage: separate measures of sample quality and diversity."""

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
    """Precision, recall, density and coverage, and the expected coverage for equal distributions."""

    precision: float
    recall: float
    density: float
    coverage: float
    expected_coverage: float
    neighbors: int

    def __str__(self) -> str:
        return (
            f"precision {self.precision:.4f}, recall {self.recall:.4f}, density {self.density:.4f} (expected 1), "
            f"coverage {self.coverage:.4f} (expected {self.expected_coverage:.4f}), {self.neighbors} neighbors"
        )


def precision_recall(features_real: Array, features_generated: Array, neighbors: int = 3) -> PrecisionRecall:
    """Precision and recall with nearest-neighbor manifolds, and density and coverage.

    The ball of a point is closed. Its radius is the distance to the k-th nearest neighbor in the same set, excluding
    the point itself.

    - precision: the proportion of generated points in the ball of at least one real point;
    - recall: the proportion of real points in the ball of at least one generated point;
    - density: the mean number of real balls that contain a generated point, divided by k; it can exceed 1;
    - coverage: the proportion of real balls that contain at least one generated point.

    A single outlier has a large ball and can increase precision and recall. Density and coverage are less sensitive to
    outliers. For equal continuous distributions the mean density is 1, and the mean coverage is exactly
    1 − C(n − 1, k)/C(n + m − 1, k). Precision and recall have no such reference value: compare them with the values for
    held-out data.

    Args:
        features_real: ``(n, *event)``, n > k, flattened to ``(n, d)``.
        features_generated: ``(m, *event)``, m > k.
        neighbors: k, at least 1. The original papers use 3 for precision and recall, and 5 for density and coverage.

    Returns:
        A :class:`PrecisionRecall` of floats, with the ``expected_coverage`` for equal distributions. Time is of order
        (n + m)² d; memory is bounded.

    Raises:
        ShapeError: the features differ in shape.
        InvalidTypeError: an array is not float32 or float64, or ``neighbors`` is not an integer.
        InvalidValueError: an array holds NaN or infinity, or ``neighbors`` is below 1 or not below n and m.

    Source: Kynkäänniemi, Karras, Laine, Lehtinen and Aila, Improved precision and recall metric for assessing
    generative models (2019), arXiv:1904.06991; Naeem, Oh, Uh, Choi and Yoo, Reliable fidelity and diversity metrics for
    generative models (2020), arXiv:2002.09797.

    >>> import numpy as np
    >>> real, generated = np.array([[0.0], [1.0], [2.0], [9.0]]), np.array([[0.5], [0.75], [20.0]])
    >>> print(precision_recall(real, generated, neighbors=1))
    precision 0.6667, recall 0.7500, density 1.3333 (expected 1), coverage 0.5000 (expected 0.5000), 1 neighbors
    """
    real, generated = host_pair(features_real, features_generated, ("features_real", "features_generated"))
    k, fewest = check_count(neighbors, "neighbors"), min(len(real), len(generated))
    if k >= fewest:
        raise InvalidValueError(
            f"neighbors must be below {fewest}, the smaller number of samples (features_real has {len(real)}, "
            f"features_generated has {len(generated)}), got {k}."
        )
    radius, other = (nearest(x, x, k, skip_own=True).distances[:, -1] for x in (real, generated))
    balls = np.zeros(len(generated))  # number of real balls that contain each generated point
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
    """The probability that the k nearest of the n − 1 + m other points of a real point are not all real."""
    return 1 - math.comb(n - 1, k) / math.comb(n + m - 1, k)
