"""The Fréchet distance between two sets of features or their moments, with and without bias correction."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import as_rng, host
from scorekit._checks import check_count
from scorekit.errors import InvalidValueError, ShapeError
from scorekit.metrics._chance import relabeled
from scorekit.metrics._host import host_batch, host_pair
from scorekit.metrics._moments import Moments, as_moments, is_moments
from scorekit.metrics._statistics import Estimate
from scorekit.protocols import Array

__all__ = [
    "apart",
    "expected_frechet",
    "frechet_distance",
    "frechet_distance_corrected",
    "plain_frechet",
    "side",
    "simulated_frechet",
]

_NAMES = ("features_a", "features_b")

_AMPLE = 10
"""From this number of samples per feature on, the bias is small compared with the covariances."""

_NOTABLE = 0.1
"""The smallest ratio of bias to distance that is worth a warning."""

_SPECTRUM = 5
"""With fewer samples per feature the eigenvalues of a covariance spread too much, and a simulation gives too little."""

Features = Array | tuple[Any, ...] | str | os.PathLike[str]


def frechet_distance(features_a: Features, features_b: Features) -> float:
    """The squared 2-Wasserstein distance between the Gaussians with the means and covariances of two sets of features.

    |m_a − m_b|² + tr(C_a + C_b − 2 (C_a C_b)^½), with the unbiased covariances (division by n − 1).

    tr (C_a C_b)^½ is the sum of the singular values of R_a R_bᵀ, where RᵀR = C: from a QR decomposition of centered
    features, without forming a covariance, or from the eigenvalues of a given covariance. No matrix square root is
    computed. C may be singular (n <= d).

    The estimate is biased: two finite sets from one distribution have a positive distance, of order d²/n for d
    features. For two sets of standard normal features with n = 100 and d = 512 it is 659. A warning gives the expected
    distance of two sets of one distribution if n < 10 d and it is more than a tenth of the distance. It is computed by
    relabeling the pooled features at random, or, with moments, by simulating Gaussian features. Compare models only at
    equal n, or use :func:`frechet_distance_corrected`, which removes the bias of order 1/n, or
    :func:`kernel_distance`, which has no bias.

    This function is not called FID, because FID requires the features of one specific Inception network with its
    weights and image resizing. Values for different features are not comparable.

    Args:
        features_a: features ``(n, *event)``, n >= 2, flattened to ``(n, d)``; or their moments ``(mean, covariance)``
            or ``(mean, covariance, n)``, for instance those of :func:`moments`; or the path of an ``.npz`` file with
            the arrays ``mu`` and ``sigma``, such as pytorch-fid and clean-fid write. Moments without n count as exact.
        features_b: likewise.

    Returns:
        A non-negative float. It is symmetric, and scales with c² if all features are multiplied by c.

    Raises:
        ShapeError: the features differ in shape, there are fewer than 2 samples of either, or moments do not have the
            shapes ``(d,)`` and ``(d, d)``.
        InvalidTypeError: an array is not float32 or float64, or a file is a pickle.
        InvalidValueError: an array holds NaN or infinity, a covariance is not symmetric and positive semidefinite, or a
            file cannot be read.

    Source: Dowson and Landau, The Fréchet distance between multivariate normal distributions (1982),
    doi:10.1016/0047-259X(82)90077-X; Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter, GANs trained by a two
    time-scale update rule converge to a local Nash equilibrium (2017), arXiv:1706.08500.

    >>> import numpy as np, scorekit as sk
    >>> round(frechet_distance(([0.0], [[2.0]]), ([5.0], [[18.0]])), 9)  # 5² + (3√2 − √2)²
    33.0
    >>> a = np.random.default_rng(0).normal(size=(100, 2))
    >>> round(frechet_distance(a, a + 5.0), 9), round(frechet_distance(sk.metrics.moments(a), a + 5.0), 9)
    (50.0, 50.0)
    """
    if not (is_moments(features_a) or is_moments(features_b)):
        a, b = host_pair(features_a, features_b, _NAMES, minimum=2)
        value = plain_frechet(a, b)
        _warn_of_bias(value, len(a), len(b), a.shape[1], lambda: expected_frechet(a, b))
        return value
    sides = [side(x, name) for x, name in zip((features_a, features_b), _NAMES, strict=True)]
    (first, second), d = sides, sides[0].mean.size
    if second.mean.size != d:
        raise ShapeError(f"{_NAMES[0]} has {d} features, {_NAMES[1]} has {second.mean.size}: expected the same number.")
    value = apart(first, second)
    few = max(math.inf if n is None else n for n in (first.n, second.n)) < _SPECTRUM * d
    _warn_of_bias(value, first.n, second.n, d, lambda: simulated_frechet(first, second), "at least " if few else "")
    return value


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
    parts = np.array([plain_frechet(_without(a, j, groups), _without(b, j, groups)) for j in range(groups)])
    center = float(np.mean(parts))
    spread = math.sqrt((groups - 1) / groups * float(np.sum((parts - center) ** 2)))
    return Estimate(groups * plain_frechet(a, b) - (groups - 1) * center, spread)


class _Side(NamedTuple):
    """The mean, R with RᵀR the covariance, and the number of samples, None if unknown."""

    mean: Any
    root: Any
    n: int | None


def side(x: Any, name: str) -> _Side:
    """The mean and the root of features ``(n, *event)`` or of moments."""
    if is_moments(x):
        return _from_covariance(as_moments(x, name), name)
    rows = host_batch(x, name)
    if len(rows) < 2:
        raise ShapeError(f"{name} has {len(rows)} samples: expected at least 2.")
    return _from_rows(rows)


def _from_rows(x: Any) -> _Side:
    """R ``(min(n, d), d)`` from rows ``(n, d)``."""
    mean = np.mean(x, axis=0)
    root: Any = np.linalg.qr(x - mean, mode="r")
    return _Side(mean, root / math.sqrt(len(x) - 1), len(x))


def _from_covariance(found: Moments, name: str) -> _Side:
    values, vectors = np.linalg.eigh(found.covariance)
    smallest, largest = float(values[0]), float(values[-1])
    if smallest < -1e-5 * abs(largest):
        raise InvalidValueError(
            f"the covariance of {name} has the eigenvalue {smallest:.3g} and the largest is {largest:.3g}: expected no "
            "negative eigenvalues, as a covariance has."
        )
    kept = values > len(values) * np.finfo(np.float64).eps * largest  # smaller ones are rounding
    return _Side(found.mean, np.sqrt(values[kept])[:, None] * vectors.T[kept], found.n)


def plain_frechet(a: Any, b: Any) -> float:
    """The plain distance of rows ``(n, d)`` and ``(m, d)``."""
    return apart(_from_rows(a), _from_rows(b))


def apart(a: _Side, b: _Side) -> float:
    return float(np.sum((a.mean - b.mean) ** 2)) + _spread(a.root, b.root)


def _spread(root_a: Any, root_b: Any) -> float:
    """tr(C_a + C_b − 2 (C_a C_b)^½)."""
    overlap = np.sum(np.linalg.svd(root_a @ root_b.T, compute_uv=False))
    return max(float(np.sum(root_a**2) + np.sum(root_b**2) - 2 * overlap), 0.0)


def _without(x: Any, group: int, groups: int) -> Any:
    return x[np.arange(len(x)) % groups != group]


def _warn_of_bias(
    value: float, n: int | None, m: int | None, d: int, expected: Callable[[], float], bound: str = ""
) -> None:
    """Warn if the distance may be mostly bias: few samples per feature, and a distance that shows it."""
    known = [count for count in (n, m) if count is not None]
    if not known or min(known) >= _AMPLE * d:
        return
    bias = expected()
    if bias <= _NOTABLE * value:
        return
    counts = " and ".join("n unknown" if count is None else f"n = {count}" for count in (n, m))
    warnings.warn(
        f"with {counts}, and d = {d} features, two sets of one distribution have a Fréchet distance of {bound}"
        f"about {bias:.3g}, and this distance is {value:.3g}. Use at least {_AMPLE} d = {_AMPLE * d} samples, fewer "
        "features, or kernel_distance, which has no bias.",
        RuntimeWarning,
        stacklevel=3,
    )


def expected_frechet(a: Any, b: Any) -> float:
    """The expected distance of two sets of one distribution, with as many rows as ``a`` and ``b``.

    The rows are pooled without their means and divided at random. The factor is that of the unbiased pooled covariance.
    """
    n, m = len(a), len(b)
    centered = a - np.mean(a, axis=0), b - np.mean(b, axis=0)
    found = relabeled(*centered, plain_frechet, _repeats(a.shape[1]), "expected_frechet")
    return float(found) * (n + m) / max(n + m - 2, 1)


def _repeats(d: int) -> int:
    """How many random sets give the mean to a few per cent; the distance varies by 1/d or more."""
    return max(1, min(400, 100_000 // d**2))


def simulated_frechet(a: _Side, b: _Side) -> float:
    """The expected distance of Gaussian samples with the covariance of the side with more samples (unknown: exact)."""
    n, m = (math.inf if side.n is None else side.n for side in (a, b))
    root = np.linalg.svd((a if n > m else b).root, compute_uv=False)  # a rotation changes nothing
    stream, repeats = as_rng(0, None, "simulated moments"), _repeats(len(root))

    def draw(count: float) -> Any:
        if math.isinf(count):
            return np.diag(root)
        k = int(count) - 1
        normals = host(stream.normal((min(k, len(root)), len(root))))
        if k > len(root):  # Bartlett: the QR factor of k rows has normals above a diagonal of chi variables
            normals = np.triu(normals, 1)
            np.fill_diagonal(normals, _chi(k - np.arange(len(root)), stream))
        return normals * root / math.sqrt(k)

    spread = np.mean([_spread(draw(n), draw(m)) for _ in range(repeats)])
    return float(np.sum(root**2) * (1 / n + 1 / m) + spread)


def _chi(degrees: Any, stream: Any) -> Any:
    from scipy.special import gammaincinv

    uniforms = host(stream.uniform((len(degrees),)))
    return np.sqrt(2 * gammaincinv(degrees / 2, uniforms))
