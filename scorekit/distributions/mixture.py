"""Gaussian mixtures, which stay Gaussian mixtures under Gaussian noise.

p_sigma(x) = Σ_k w_k N(x; μ_k, C_k + sigma² I), with score Σ_k r_k(x) (C_k + sigma² I)⁻¹ (μ_k − x), where the
responsibilities r_k(x) are the posterior probabilities of the components. With C_k = Q_k Λ_k Q_kᵀ, noise only adds
to Λ_k, so one eigendecomposition is enough for every level.

There are two implementations with equal results. In low dimension and with one level for the whole batch, a plan of a
few products with small constant matrices is used and cached for the most recent levels. Otherwise the eigenbasis of
each component is used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from scorekit._arrays import constant
from scorekit._checks import check_positive
from scorekit._numerics import by_rows, log_sum_exp, softmax
from scorekit.distributions._base import Density
from scorekit.distributions._covariances import as_covariances, as_means, as_weights, spectra
from scorekit.distributions._numbers import read_only
from scorekit.distributions._plans import Plan, make_plan
from scorekit.protocols import Array, Rng, Sigma
from scorekit.registry import array_namespace

__all__ = ["GaussianMixture"]

Constant = npt.NDArray[np.float64]

PLANNED_DIMENSION = 16
"""Up to this dimension plans are used: the precision matrices fit into one small matrix product."""

PLANS_KEPT = 8


@dataclass(frozen=True, eq=False, repr=False)
class GaussianMixture(Density):
    """The Gaussian mixture Σ_k w_k N(x; μ_k, C_k).

    Args:
        weights: ``(k,)``, non-negative; normalized to sum 1.
        means: ``(k, d)``.
        covariances: ``(k, d, d)`` symmetric positive definite; or diagonals ``(k, d)`` (not if k = d, which is
            ambiguous); or variances of spherical components, ``(k,)`` or one number.

    The attributes ``weights (k,)``, ``means (k, d)`` and ``covariances (k, d, d)`` are read-only NumPy arrays.

    Raises:
        ShapeError: the shapes of the arguments do not agree, or that of ``covariances`` is ambiguous.
        InvalidTypeError: an argument is not an array of real numbers.
        InvalidValueError: an argument holds NaN or infinity, a weight is negative, all weights are zero, or a
            covariance is not symmetric positive definite.

    >>> import numpy as np
    >>> mixture = GaussianMixture([1, 3], means=[[-1.0, 0.0], [1.0, 0.0]], covariances=0.25)
    >>> mixture
    GaussianMixture(2 components in 2 dimensions, weights [0.25, 0.75])
    >>> mixture.score(np.zeros((1, 2)), sigma=0.5)
    array([[1., 0.]])
    """

    weights: Any
    means: Any
    covariances: Any
    _eigenvalues: Constant = field(init=False)
    _eigenvectors: Constant = field(init=False)
    _plans: dict[float, Plan] = field(init=False)

    def __post_init__(self) -> None:
        weights = as_weights(self.weights)
        means = as_means(self.means, len(weights))
        covariances = as_covariances(self.covariances, *means.shape)
        values, vectors = spectra(covariances)
        made = {"weights": weights, "means": means, "covariances": covariances}
        made |= {"_eigenvalues": values, "_eigenvectors": vectors}
        for name, value in made.items():
            object.__setattr__(self, name, read_only(value))
        object.__setattr__(self, "_plans", {})

    def __repr__(self) -> str:
        k, d = self.means.shape
        proportions = ", ".join(f"{w:.4g}" for w in self.weights[:8]) + (", …" if k > 8 else "")
        return f"GaussianMixture({k} components in {d} dimensions, weights [{proportions}])"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GaussianMixture):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("weights", "means", "covariances")
        )

    def __hash__(self) -> int:
        return hash((self.weights.tobytes(), self.means.tobytes(), self.covariances.tobytes()))

    @property
    def dim(self) -> int:
        """The dimension of one sample, d."""
        return int(self.means.shape[1])

    def smoothed(self, sigma: float) -> GaussianMixture:
        """The mixture with covariances C_k + sigma² I."""
        noise = check_positive(sigma, "sigma") ** 2 * np.eye(self.dim)
        return GaussianMixture(self.weights, self.means, self.covariances + noise)

    def responsibilities(self, x: Array, sigma: Sigma = None) -> Array:
        """The posterior probability of each component at each point, ``(n, d) -> (n, k)``; rows sum to 1.

        Raises the same errors as :meth:`score`.

        >>> import numpy as np
        >>> pair = GaussianMixture([0.5, 0.5], [[-1.0], [1.0]], 1.0)
        >>> pair.responsibilities(np.zeros((1, 1)))
        array([[0.5, 0.5]])
        """
        points, variance = self._enter(x, sigma)
        return self._leave(by_rows(self._posterior, points, variance, self._entries(variance)), x)

    def _sample(self, n: int, rng: Rng, like: Array | None) -> Array:
        z = rng.normal((n, self.dim), like)
        chosen = rng.choice(len(self.weights), (n,), p=self.weights)
        root = constant(self._eigenvectors * np.sqrt(self._eigenvalues)[:, None, :], z)
        means = constant(self.means, z)
        xp = array_namespace(z)

        def place(z: Array, chosen: Array) -> Array:
            turned = xp.sum(xp.take(root, chosen, axis=0) * z[:, None, :], axis=-1)
            return xp.take(means, chosen, axis=0) + turned

        return by_rows(place, z, chosen, self.dim**2)

    def _log_prob(self, x: Array, variance: Any) -> Array:
        return by_rows(self._log_density, x, variance, self._entries(variance))

    def _score(self, x: Array, variance: Any) -> Array:
        if self._planned(variance):
            return self._plan(variance).score(x)
        return by_rows(self._eigen_score, x, variance, self._entries(variance))

    def _planned(self, variance: Any) -> bool:
        return self.dim <= PLANNED_DIMENSION and not hasattr(variance, "ndim")

    def _entries(self, variance: Any) -> int:
        """The size of the largest temporary array per point."""
        return int(len(self.weights) * (1 if self._planned(variance) else self.dim))

    def _plan(self, variance: float | None) -> Plan:
        key = 0.0 if variance is None else float(variance)
        plan = self._plans.pop(key, None) or self._make_plan(key)
        self._plans[key] = plan
        while len(self._plans) > PLANS_KEPT:
            self._plans.pop(next(iter(self._plans)), None)
        return plan

    def _make_plan(self, variance: float) -> Plan:
        return make_plan(self.weights, self.means, self._eigenvalues + variance, self._eigenvectors)

    def _log_density(self, x: Array, variance: Any) -> Array:
        return log_sum_exp(self._logits(x, variance), axis=0)

    def _posterior(self, x: Array, variance: Any) -> Array:
        return softmax(self._logits(x, variance), axis=0).T

    def _logits(self, x: Array, variance: Any) -> Array:
        """The logits log w_k N(x; μ_k, C_k + variance I), shape (k, n)."""
        if self._planned(variance):
            return self._plan(variance).logits(x)
        return self._eigen_logits(x, variance)[0]

    def _eigen_logits(self, x: Array, variance: Any) -> tuple[Array, Array]:
        """The logits (k, n), and Λ⁻¹ Qᵀ (x − μ), shape (k, d, n); Λ includes the noise."""
        xp = array_namespace(x)
        turn = constant(np.swapaxes(self._eigenvectors, 1, 2), x)
        offset = x.T[None, :, :] - constant(self.means[:, :, None], x)
        along = turn @ offset
        spectrum = constant(self._eigenvalues[:, :, None], x) + (0.0 if variance is None else variance)
        scaled = along / spectrum
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights)[:, None] - 0.5 * self.dim * math.log(2 * math.pi)
        logits = constant(log_weights, x) - 0.5 * xp.sum(along * scaled + xp.log(spectrum), axis=1)
        return logits, scaled

    def _eigen_score(self, x: Array, variance: Any) -> Array:
        xp = array_namespace(x)
        logits, scaled = self._eigen_logits(x, variance)
        pulled = constant(self._eigenvectors, x) @ (softmax(logits, axis=0)[:, None, :] * scaled)
        return -xp.sum(pulled, axis=0).T
