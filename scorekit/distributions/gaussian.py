"""The Gaussian distribution, a mixture of one component."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scorekit._checks import check_positive
from scorekit.distributions._base import Density
from scorekit.distributions._numbers import numbers
from scorekit.distributions.mixture import GaussianMixture
from scorekit.errors import ShapeError
from scorekit.protocols import Array, Rng

__all__ = ["Gaussian"]


@dataclass(frozen=True, eq=False, repr=False)
class Gaussian(Density):
    """The Gaussian N(m, C), with score −(C + sigma² I)⁻¹ (x − m).

    Args:
        mean: ``(d,)``.
        covariance: ``(d, d)`` symmetric positive definite, a diagonal ``(d,)``, or one variance.

    The attributes ``mean (d,)`` and ``covariance (d, d)`` are read-only NumPy arrays.

    Raises:
        ShapeError: ``mean`` is not ``(d,)``, or ``covariance`` has none of the accepted shapes.
        InvalidTypeError: an argument is not an array of real numbers.
        InvalidValueError: an argument holds NaN or infinity, or ``covariance`` is not symmetric positive definite.

    >>> import numpy as np
    >>> Gaussian([0.0, 0.0], [1.0, 4.0]).score(np.ones((1, 2)))
    array([[-1.  , -0.25]])
    """

    mean: Any
    covariance: Any
    _mixture: GaussianMixture = field(init=False)

    def __post_init__(self) -> None:
        mean, covariance = numbers(self.mean, "mean"), numbers(self.covariance, "covariance")
        if mean.ndim != 1 or mean.size == 0:
            raise ShapeError(f"mean has shape {mean.shape}: expected (d,). For one feature use numpy.reshape(mean, 1).")
        d = len(mean)
        if covariance.shape not in ((), (d,), (d, d)):
            raise ShapeError(
                f"covariance has shape {covariance.shape} for a mean of shape ({d},): "
                f"expected ({d}, {d}), a diagonal ({d},), or one variance."
            )
        full = covariance if covariance.ndim == 2 else np.broadcast_to(covariance, (d,))[:, None] * np.eye(d)
        mixture = GaussianMixture([1.0], mean[None, :], full[None, :, :])
        object.__setattr__(self, "mean", mixture.means[0])
        object.__setattr__(self, "covariance", mixture.covariances[0])
        object.__setattr__(self, "_mixture", mixture)

    def __repr__(self) -> str:
        if self.dim > 8:
            return f"Gaussian({self.dim} dimensions)"
        return f"Gaussian(mean={self.mean.tolist()}, covariance={self.covariance.tolist()})"

    def __eq__(self, other: object) -> bool:
        return self._mixture == other._mixture if isinstance(other, Gaussian) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._mixture)

    @property
    def dim(self) -> int:
        """The dimension of one sample, d."""
        return int(self.mean.shape[0])

    def smoothed(self, sigma: float) -> Gaussian:
        """N(m, C + sigma² I)."""
        return Gaussian(self.mean, self.covariance + check_positive(sigma, "sigma") ** 2 * np.eye(self.dim))

    def _sample(self, n: int, rng: Rng, like: Array | None) -> Array:
        return self._mixture._sample(n, rng, like)

    def _log_prob(self, x: Array, variance: Any) -> Array:
        return self._mixture._log_prob(x, variance)

    def _score(self, x: Array, variance: Any) -> Array:
        return self._mixture._score(x, variance)
