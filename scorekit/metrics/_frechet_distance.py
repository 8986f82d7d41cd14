"""The Fréchet distance between two sets of features, with and without bias correction."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scorekit._checks import check_count
from scorekit.errors import InvalidValueError, ShapeError
from scorekit.metrics._host import host_pair
from scorekit.metrics._statistics import Estimate
from scorekit.protocols import Array

__all__ = ["frechet_distance", "frechet_distance_corrected"]

_NAMES = ("features_a", "features_b")


def frechet_distance(features_a: Array, features_b: Array) -> float:
    """The squared 2-Wasserstein distance between the Gaussians with the means and covariances of two sets of features.

    |m_a − m_b|² + tr(C_a + C_b − 2 (C_a C_b)^½), with the unbiased covariances (division by n − 1).

    tr (C_a C_b)^½ is the sum of the singular values of R_a R_bᵀ, where RᵀR = C from a QR decomposition of the centered
    features. No covariance is formed and no matrix square root is computed. C may be singular (n <= d).

    The estimate is biased: two finite sets from one distribution have a positive distance, of order d²/n for d
    features. Compare models only at equal n, or use :func:`frechet_distance_corrected`, which removes the bias of order
    1/n.

    This function is not called FID, because FID requires the features of one specific Inception network with its
    weights and image resizing. Values for different features are not comparable.

    Args:
        features_a: ``(n, *event)``, n >= 2, flattened to ``(n, d)``.
        features_b: ``(m, *event)``, m >= 2.

    Returns:
        A non-negative float. It is symmetric, and scales with c² if all features are multiplied by c.

    Raises:
        ShapeError: the features differ in shape, or there are fewer than 2 samples of either.
        InvalidTypeError: an array is not float32 or float64.
        InvalidValueError: an array holds NaN or infinity.

    Source: Dowson and Landau, The Fréchet distance between multivariate normal distributions (1982),
    doi:10.1016/0047-259X(82)90077-X; Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter, GANs trained by a two
    time-scale update rule converge to a local Nash equilibrium (2017), arXiv:1706.08500.

    >>> import numpy as np
    >>> a = np.array([[-1.0], [1.0]])  # variance 2
    >>> round(frechet_distance(a, 3 * a + 5.0), 9)  # 5² + (3√2 − √2)²
    33.0
    """
    return _distance(*host_pair(features_a, features_b, _NAMES, minimum=2))


def frechet_distance_corrected(features_a: Array, features_b: Array, groups: int = 20) -> Estimate:
    """The Fréchet distance, extrapolated to infinitely many samples, with its standard error.

    The bias of the plain distance D starts at order 1/n. Leaving out one of g equal groups multiplies it by g/(g − 1).
    With D_j the distance without group j, the grouped jackknife

        g D − (g − 1) mean D_j,   standard error² = (g − 1)/g Σ (D_j − mean D_j)²

    extrapolates to 1/n = 0. Group j contains the samples j, j + g, j + 2g, … of both sets.

    Args:
        features_a: independent samples ``(n, *event)``, flattened to ``(n, d)``. n (g − 1)/g must exceed d: for smaller
            n the covariances are singular and the bias has no expansion in 1/n.
        features_b: independent samples ``(m, *event)``, with the same condition on m.
        groups: g >= 2. The cost is that of g + 1 plain distances.

    Returns:
        An :class:`Estimate`. For equal distributions, ``value`` is negative about half of the time, and ``stderr`` is
        too large by about √2, because the first-order term of the distance vanishes.

    Raises:
        ShapeError: the features differ in shape, or a set without one group has no more than d samples.
        InvalidTypeError: an array is not float32 or float64, or ``groups`` is not an integer.
        InvalidValueError: an array holds NaN or infinity, or ``groups`` is below 2 or exceeds the number of samples.

    Source: Chong and Forsyth, Effectively unbiased FID and Inception score and where to find them (2020),
    arXiv:1911.07023, who extrapolate a fit over several n; Miller, The jackknife: a review (1974),
    doi:10.1093/biomet/61.1.1.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(400, 10)), rng.normal(size=(400, 10))
    >>> result = frechet_distance_corrected(a, b)
    >>> frechet_distance(a, b) > 0.1, abs(result.value) < 0.1
    (True, True)
    """
    a, b = host_pair(features_a, features_b, _NAMES, minimum=2)
    groups = check_count(groups, "groups", minimum=2)
    fewest, d = min(len(a), len(b)), a.shape[1]
    if groups > fewest:
        raise InvalidValueError(f"groups must be at most {fewest}, the number of samples, got {groups}.")
    left = fewest - math.ceil(fewest / groups)
    if left <= d:
        raise ShapeError(
            f"{_NAMES[0]} has {len(a)} samples, {_NAMES[1]} has {len(b)}, of {d} features; without one of {groups} "
            f"groups {left} are left: expected more than {d}. Give more samples, fewer features, or use "
            "frechet_distance."
        )
    parts = np.array([_distance(_without(a, j, groups), _without(b, j, groups)) for j in range(groups)])
    center = float(np.mean(parts))
    spread = math.sqrt((groups - 1) / groups * float(np.sum((parts - center) ** 2)))
    return Estimate(groups * _distance(a, b) - (groups - 1) * center, spread)


def _distance(a: Any, b: Any) -> float:
    """The plain distance of rows ``(n, d)`` and ``(m, d)``."""
    (mean_a, root_a), (mean_b, root_b) = _moments(a), _moments(b)
    overlap = np.sum(np.linalg.svd(root_a @ root_b.T, compute_uv=False))
    spread = np.sum(root_a**2) + np.sum(root_b**2) - 2 * overlap
    return float(np.sum((mean_a - mean_b) ** 2) + max(spread, 0.0))


def _moments(x: Any) -> tuple[Any, Any]:
    """The mean, and R ``(min(n, d), d)`` with RᵀR the unbiased covariance."""
    mean = np.mean(x, axis=0)
    root: Any = np.linalg.qr(x - mean, mode="r")
    return mean, root / math.sqrt(len(x) - 1)


def _without(x: Any, group: int, groups: int) -> Any:
    return x[np.arange(len(x)) % groups != group]
