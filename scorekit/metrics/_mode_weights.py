"""The proportion of samples in each mode of a mixture."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import check_batch, event_size
from scorekit._checks import check_positive
from scorekit._tables import displayed
from scorekit.errors import InvalidTypeError, ShapeError, describe
from scorekit.metrics._host import host_batch
from scorekit.metrics._proportions import Proportions, html, table
from scorekit.metrics._statistics import check_level
from scorekit.protocols import Array

__all__ = ["ModeWeights", "mode_weights"]

_FAR = 1e-6
"""The probability that a draw from a component is farther than the default ``far_distance``."""


@displayed
class ModeWeights(NamedTuple):
    """The proportion of each component with its interval, the true weights, and the number of far samples."""

    proportions: Any
    lower: Any
    upper: Any
    truth: Any
    n: int
    level: float
    far: int
    far_distance: float

    def __str__(self) -> str:
        return "\n".join([*table(*self._table()), self._note()])

    def _repr_html_(self) -> str:
        return html(*self._table(), self._note())

    def _table(self) -> tuple[str, range, Proportions, Any, float]:
        found = Proportions(self.proportions, self.lower, self.upper)
        return "mode", range(len(self.proportions)), found, self.truth, self.level

    def _note(self) -> str:
        return f"{self.n} samples; {self.far} farther than {self.far_distance:.3g} from every mode (Mahalanobis)"


def mode_weights(samples: Array, mixture: Any, level: float = 0.95, far_distance: float | None = None) -> ModeWeights:
    """The proportion of samples in each component of a Gaussian mixture, with exact intervals.

    Each sample is assigned to the component of largest responsibility, argmax_k log w_k + log N(x; μ_k, Σ_k). A sample
    is *far* if √((x − μ_k)ᵀ Σ_k⁻¹ (x − μ_k)) exceeds ``far_distance`` for every k, for instance if a chain diverged or
    stopped between modes. Far samples are counted separately and are also part of the proportions, which sum to 1.

    Args:
        samples: independent samples ``(n, *event)``: one state of each chain, not several states of one chain.
        mixture: has ``weights (k,)``, ``means (k, d)`` and ``covariances (k, d, d)``, with d the dimension of one
            sample.
        level: confidence level of each interval, in (0, 1). The coverage is at least ``level`` also for rare modes.
        far_distance: the Mahalanobis distance beyond which a sample is far, positive. By default a draw from a
            component exceeds it with probability 1e-6 (5.3 in two dimensions).

    Returns:
        A :class:`ModeWeights` of arrays ``(k,)`` ``proportions``, ``lower``, ``upper`` and ``truth`` (the weights of
        the mixture), and ``n``, ``level``, ``far``, ``far_distance``. ``print`` marks a mode with a star if its
        interval misses the truth. If components overlap, the proportions of exact samples differ from the weights,
        because the component of largest responsibility is not always the one that generated the sample.

    Raises:
        ShapeError: ``samples`` has fewer than 2 axes, or its dimension is not that of the mixture.
        InvalidTypeError: ``mixture`` lacks an attribute, or ``samples`` is not float32 or float64.
        InvalidValueError: ``samples`` holds NaN or infinity, ``level`` is not in (0, 1), or ``far_distance`` is not
            positive.

    Source: Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial
    (1934), doi:10.1093/biomet/26.4.404.

    >>> import numpy as np, scorekit as sk
    >>> mixture = sk.distributions.GaussianMixture([0.8, 0.2], [[5.0], [-5.0]], 1.0)
    >>> print(mode_weights(np.array([[5.0], [4.0], [-5.5], [30.0]]), mixture))
    mode   truth  proportion  95 % interval
       0  0.8000      0.7500  0.1941 to 0.9937
       1  0.2000      0.2500  0.0063 to 0.8059
    4 samples; 1 farther than 4.89 from every mode (Mahalanobis)
    """
    check_batch(samples, "samples")
    level = check_level(level)
    weights, means, covariances = _components(mixture, samples)
    d = means.shape[1]
    reach = _default_distance(d) if far_distance is None else check_positive(far_distance, "far_distance")
    squared, log_joint = _distances(host_batch(samples, "samples"), weights, means, covariances)
    n = len(squared)
    counts = np.bincount(np.argmax(log_joint, axis=1), minlength=len(weights))
    far = int(np.sum(np.min(squared, axis=1) > reach**2))
    return ModeWeights(*Proportions.of(counts, n, level), weights, n, level, far, reach)


def _components(mixture: Any, samples: Array) -> tuple[Any, Any, Any]:
    found = [getattr(mixture, name, None) for name in ("weights", "means", "covariances")]
    if any(value is None for value in found):
        raise InvalidTypeError(
            f"mixture is a {describe(mixture)}: expected weights (k,), means (k, d) and covariances (k, d, d), "
            "for instance a sk.distributions.GaussianMixture."
        )
    weights, means, covariances = (np.array(value, dtype=np.float64) for value in found)
    d = event_size(samples)
    if means.ndim != 2 or means.shape[1] != d:
        raise ShapeError(
            f"samples have shape {tuple(samples.shape)}, so dimension {d}, but the means of the mixture have shape "
            f"{means.shape}: expected ({len(weights)}, {d})."
        )
    return weights / np.sum(weights), means, covariances


def _default_distance(d: int) -> float:
    from scipy.special import chdtri

    return float(np.sqrt(chdtri(d, _FAR)))


def _distances(x: Any, weights: Any, means: Any, covariances: Any) -> tuple[Any, Any]:
    """Squared Mahalanobis distances and log w_k N(x; μ_k, Σ_k) up to a constant, both ``(n, k)``."""
    from scipy.linalg import solve_triangular

    squared, log_joint = np.empty((len(x), len(weights))), np.empty((len(x), len(weights)))
    with np.errstate(divide="ignore"):  # a component of weight zero gets no sample
        log_weights = np.log(weights)
    for k, (mean, covariance) in enumerate(zip(means, covariances, strict=True)):
        factor = np.linalg.cholesky(covariance)
        white = solve_triangular(factor, (x - mean).T, lower=True)
        squared[:, k] = np.sum(white**2, axis=0)
        log_joint[:, k] = log_weights[k] - np.sum(np.log(np.diag(factor))) - squared[:, k] / 2
    return squared, log_joint
