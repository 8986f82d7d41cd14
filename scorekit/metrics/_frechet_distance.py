"""The Fréchet distance of two sets of features, plain and without the bias of finite samples."""

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
    """The squared 2-Wasserstein distance between the Gaussians with the means and covariances of two samples.

    |m_a − m_b|² + tr(C_a + C_b − 2 (C_a C_b)^½), with the unbiased covariances (division by n − 1).

    The last trace is the sum of the singular values of R_a R_bᵀ, where RᵀR = C from a QR decomposition of the centered
    features: no covariance is ever formed, no root of a product with complex residue is taken, and fewer samples than
    features, where C is singular, are no special case.

    It is biased: two finite samples of one law are at a positive distance, of order d²/n for d features, and a
    comparison of models is fair only at equal n. :func:`frechet_distance_corrected` removes the bias of order 1/n.

    This is not called FID: that name means the features of one Inception network, with one set of weights and one way
    to resize images. On other features the number is another, and comparable only with itself.

    Args:
        features_a: ``(n, *event)``, n >= 2, flattened to ``(n, d)``.
        features_b: ``(m, *event)``, m >= 2.

    Returns:
        A float, not negative; symmetric; multiplied by c² when all features are by c.

    Raises:
        ShapeError, InvalidTypeError, InvalidValueError: for arguments of the wrong shape, kind or value.

    Source: Dowson and Landau, The Fréchet distance between multivariate normal distributions (1982); Heusel, Ramsauer,
    Unterthiner, Nessler and Hochreiter, GANs trained by a two time-scale update rule converge to a local Nash
    equilibrium (2017).

    >>> import numpy as np
    >>> a = np.array([[-1.0], [1.0]])  # variance 2
    >>> round(frechet_distance(a, 3 * a + 5.0), 9)  # 5² + (3√2 − √2)²
    33.0
    """
    return _distance(*host_pair(features_a, features_b, _NAMES, minimum=2))


def frechet_distance_corrected(features_a: Array, features_b: Array, groups: int = 20) -> Estimate:
    """The Fréchet distance that :func:`frechet_distance` tends to with ever more samples, with its standard error.

    The bias of the plain distance D starts at order 1/n, and leaving out one of g equal groups of both samples
    multiplies that by g/(g − 1). So with D_j the distance without group j the grouped jackknife

        g D − (g − 1) mean D_j,   standard error² = (g − 1)/g Σ (D_j − mean D_j)²

    extrapolates to 1/n = 0. Group j is every g-th sample from the j-th on, of both sets.

    Args:
        features_a: independent samples ``(n, *event)``, flattened to ``(n, d)``; n (g − 1)/g must exceed d, below
            which the covariances are singular and the bias has no expansion in 1/n.
        features_b: ``(m, *event)``, the same.
        groups: g >= 2; it costs g + 1 plain distances.

    Returns:
        An :class:`Estimate`: ``value``, which is negative about as often as not for samples of one law, and
        ``stderr``, which is too large there (by a factor near √2), because the distance has no first-order term.

    Raises:
        ShapeError, InvalidTypeError, InvalidValueError: for arguments of the wrong shape, kind or value.

    Source: Chong and Forsyth, Effectively unbiased FID and Inception score and where to find them (2020), extrapolate
    a fit over several n; Miller, The jackknife: a review (1974).

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
