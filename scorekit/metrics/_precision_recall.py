"""Precision and recall, density and coverage: separate measures of sample quality and diversity."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np

from scorekit._checks import check_count
from scorekit._tables import displayed
from scorekit.errors import InvalidValueError
from scorekit.metrics._chance import relabeled
from scorekit.metrics._host import host_pair
from scorekit.metrics._nearest_neighbors import blocks, nearest
from scorekit.protocols import Array

__all__ = ["PrecisionRecall", "measured", "precision_recall"]

_LARGEST = 5
"""With fewer points per neighbor a ball contains a large part of its set."""

_POINTS = 500
"""Points of each set in the expected values, which depend little on their number."""


@displayed
class PrecisionRecall(NamedTuple):
    """Precision, recall, density and coverage, and their expected values for equal distributions; density has 1."""

    precision: float
    recall: float
    density: float
    coverage: float
    expected_precision: float
    expected_recall: float
    expected_coverage: float
    neighbors: int

    def __str__(self) -> str:
        return (
            f"precision {self.precision:.4f} (expected {self.expected_precision:.4f}), recall {self.recall:.4f} "
            f"(expected {self.expected_recall:.4f}), density {self.density:.4f} (expected 1), coverage "
            f"{self.coverage:.4f} (expected {self.expected_coverage:.4f}), {self.neighbors} neighbors"
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
    outliers.

    For equal continuous distributions the mean density is 1, and the mean coverage is exactly
    1 − C(n − 1, k)/C(n + m − 1, k), near 1 for m much larger than n. Precision and recall are not 1 then, and depend on
    the dimension more than on n and m. Two standard normal sets with n = m = 1000 and k = 3 have 0.97 for d = 2, 0.78
    for d = 16, 0.63 for d = 64 and 0.5 for d = 512. Their expected values are those of a random relabeling of at most
    500 points of each set.

    Args:
        features_real: ``(n, *event)``, n > k, flattened to ``(n, d)``.
        features_generated: ``(m, *event)``, m > k.
        neighbors: k, at least 1. The original papers use 3 for precision and recall, and 5 for density and coverage.

    Returns:
        A :class:`PrecisionRecall` of floats, with ``expected_precision``, ``expected_recall`` and ``expected_coverage``
        for equal distributions. Time is of order (n + m)² d; memory is bounded. A warning says so if k is more than a
        fifth of the points of a set: the balls then contain large parts of the space, and all values are near 1.

    Raises:
        ShapeError: the features differ in shape.
        InvalidTypeError: an array is not float32 or float64, or ``neighbors`` is not an integer.
        InvalidValueError: an array holds NaN or infinity, or ``neighbors`` is below 1 or not below n and m.

    Source: Kynkäänniemi, Karras, Laine, Lehtinen and Aila, Improved precision and recall metric for assessing
    generative models (2019), arXiv:1904.06991; Naeem, Oh, Uh, Choi and Yoo, Reliable fidelity and diversity metrics for
    generative models (2020), arXiv:2002.09797.

    >>> import numpy as np
    >>> real = np.array([[0.0], [1.0], [2.0], [9.0], [30.0], [60.0]])
    >>> generated = np.array([[0.5], [0.75], [20.0], [21.0], [22.5]])
    >>> found = precision_recall(real, generated, neighbors=1)
    >>> found.precision, found.density, found.coverage, round(found.expected_coverage, 9)  # balls 1, 1, 1, 7, 21, 30
    (1.0, 1.4, 0.5, 0.5)
    """
    real, generated = host_pair(features_real, features_generated, ("features_real", "features_generated"))
    k, fewest = check_count(neighbors, "neighbors"), min(len(real), len(generated))
    if k >= fewest:
        raise InvalidValueError(
            f"neighbors must be below {fewest}, the smaller number of samples (features_real has {len(real)}, "
            f"features_generated has {len(generated)}), got {k}."
        )
    if _LARGEST * k > fewest:
        warnings.warn(
            f"neighbors is {k}, and a set has {fewest} points: the balls contain large parts of the space, and "
            f"precision, recall and coverage are near 1 for most sets. Use at least {_LARGEST * k} points of each, "
            "or fewer neighbors.",
            RuntimeWarning,
            stacklevel=2,
        )
    found = measured(real, generated, k)
    expected = relabeled(real[:_POINTS], generated[:_POINTS], lambda a, b: measured(a, b, k), 1, "precision_recall")
    coverage = _expected_coverage(len(real), len(generated), k)
    return PrecisionRecall(*found, float(expected[0]), float(expected[1]), coverage, k)


def measured(real: Any, generated: Any, k: int) -> tuple[float, float, float, float]:
    """Precision, recall, density and coverage of rows ``(n, d)`` and ``(m, d)``."""
    radius, other = (nearest(x, x, k, skip_own=True).distances[:, -1] for x in (real, generated))
    balls = np.zeros(len(generated))  # number of real balls that contain each generated point
    covered, recalled = np.zeros(len(real), dtype=bool), np.zeros(len(real), dtype=bool)
    for rows, distances in blocks(real, generated):
        inside = distances <= radius[rows, None]
        balls += np.sum(inside, axis=0)
        covered[rows] = np.any(inside, axis=1)
        recalled[rows] = np.any(distances <= other, axis=1)
    means = (np.mean(balls > 0), np.mean(recalled), np.mean(balls) / k, np.mean(covered))
    return tuple(map(float, means))  # type: ignore[return-value]


def _expected_coverage(n: int, m: int, k: int) -> float:
    """The probability that the k nearest of the n − 1 + m other points of a real point are not all real."""
    return 1 - math.comb(n - 1, k) / math.comb(n + m - 1, k)
