"""Mixtures of Gaussians: closed under noise, so every smoothed score is elementary.

p_sigma(x) = Σ_k w_k N(x; μ_k, C_k + sigma² I), with score Σ_k r_k(x) (C_k + sigma² I)⁻¹ (μ_k − x), where the
responsibilities r_k(x) are the posterior probabilities of the components. With C_k = Q_k Λ_k Q_kᵀ, noise only adds
to Λ_k: one eigendecomposition serves every level.

Two ways to the same numbers. In low dimension, at one level for the whole batch, everything is a few products with
small constant matrices (:class:`_Plan`), kept for the levels used last. Else, each component's eigenbasis is used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from scorekit._arrays import check_positive, constant
from scorekit._numerics import by_rows, exp_below_max, log_sum_exp, softmax
from scorekit.distributions._base import Density
from scorekit.distributions._covariances import as_covariances, as_means, as_weights, spectra
from scorekit.distributions._numbers import read_only
from scorekit.protocols import Array, Rng, Sigma
from scorekit.registry import array_namespace

__all__ = ["GaussianMixture"]

Constant = npt.NDArray[np.float64]

PLANNED_DIMENSION = 16
"""Up to this dimension the precision matrices of all components fit into one small matrix product."""

PLANS_KEPT = 8


class _Plan(NamedTuple):
    """The constants of a mixture at one noise level, in coordinates centred on the mixture's mean."""

    centre: Constant
    """(d,)"""
    whiten: Constant
    """(d, k, d + 1): what maps (x, 1) to the j-th whitened coordinate of x − μ of every component, divided by √2."""
    log_weight: Constant
    """(k, 1): log w_k − ½ log det 2π(C_k + sigma² I)."""
    moments: Constant
    """(d + 1 + d², k): rows of P_k μ_k, a row of ones, the columns of P_k, one below the other; P_k the precision."""


@dataclass(frozen=True, eq=False, repr=False)
class GaussianMixture(Density):
    """Σ_k w_k N(x; μ_k, C_k).

    Args:
        weights: ``(k,)``, not negative; scaled to sum to one.
        means: ``(k, d)``.
        covariances: ``(k, d, d)`` symmetric positive definite; or diagonals ``(k, d)`` (not when k = d, where one
            matrix could be meant); or variances of spherical components, ``(k,)`` or one number.

    The attributes are read-only NumPy arrays of the shapes ``(k,)``, ``(k, d)`` and ``(k, d, d)``.
    Raises ``ShapeError`` and ``ValueError`` saying what came and what was expected.

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
    _plans: dict[float, _Plan] = field(init=False)
    _wide: ClassVar[bool] = False

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
        shares = ", ".join(f"{w:.4g}" for w in self.weights[:8]) + (", …" if k > 8 else "")
        return f"GaussianMixture({k} components in {d} dimensions, weights [{shares}])"

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
        """The number of numbers in one sample, d."""
        return int(self.means.shape[1])

    def smoothed(self, sigma: float) -> GaussianMixture:
        """The mixture with covariances C_k + sigma² I."""
        noise = check_positive(sigma, "sigma") ** 2 * np.eye(self.dim)
        return GaussianMixture(self.weights, self.means, self.covariances + noise)

    def responsibilities(self, x: Array, sigma: Sigma = None) -> Array:
        """The posterior probability of each component at each point, ``(n, d) -> (n, k)``; rows sum to one.

        >>> import numpy as np
        >>> pair = GaussianMixture([0.5, 0.5], [[-1.0], [1.0]], 1.0)
        >>> pair.responsibilities(np.zeros((1, 1)))
        array([[0.5, 0.5]])
        """
        points, variance = self._enter(x, sigma)
        return by_rows(self._posterior, points, variance, self._entries(variance))

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
            return _planned_score(self._plan(variance), x)
        return by_rows(self._eigen_score, x, variance, self._entries(variance))

    def _planned(self, variance: Any) -> bool:
        return self.dim <= PLANNED_DIMENSION and not hasattr(variance, "ndim")

    def _entries(self, variance: Any) -> int:
        """The size of the largest temporary, a point."""
        return int(len(self.weights) * (1 if self._planned(variance) else self.dim))

    def _plan(self, variance: float | None) -> _Plan:
        key = 0.0 if variance is None else float(variance)
        plan = self._plans.pop(key, None) or _make_plan(self, key)
        self._plans[key] = plan
        while len(self._plans) > PLANS_KEPT:
            self._plans.pop(next(iter(self._plans)), None)
        return plan

    def _log_density(self, x: Array, variance: Any) -> Array:
        return log_sum_exp(self._logits(x, variance), axis=0)

    def _posterior(self, x: Array, variance: Any) -> Array:
        return softmax(self._logits(x, variance), axis=0).T

    def _logits(self, x: Array, variance: Any) -> Array:
        """The logits log w_k N(x; μ_k, C_k + variance I), shape (k, n)."""
        if self._planned(variance):
            plan = self._plan(variance)
            return _planned_logits(plan, _centred(plan, x))
        return self._eigen_logits(x, variance)[0]

    def _eigen_logits(self, x: Array, variance: Any) -> tuple[Array, Array]:
        """The logits (k, n), and Λ⁻¹ Qᵀ (x − μ), shape (k, d, n), Λ including the noise."""
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


def _make_plan(mixture: GaussianMixture, variance: float) -> _Plan:
    k, d = mixture.means.shape
    spectrum, vectors = mixture._eigenvalues + variance, mixture._eigenvectors
    centre = mixture.weights @ mixture.means
    means = mixture.means - centre
    whiten = np.swapaxes(vectors / np.sqrt(2 * spectrum)[:, None, :], 1, 2)
    shift = whiten @ means[:, :, None]
    precision = (vectors / spectrum[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    with np.errstate(divide="ignore"):
        log_weight = np.log(mixture.weights) - 0.5 * np.log(2 * math.pi * spectrum).sum(axis=1)
    moments = [np.einsum("kij,kj->ik", precision, means), np.ones((1, k)), precision.reshape(k, d * d).T]
    return _Plan(
        centre=centre,
        whiten=np.ascontiguousarray(np.swapaxes(np.concatenate([whiten, -shift], axis=2), 0, 1)),
        log_weight=log_weight[:, None],
        moments=np.ascontiguousarray(np.concatenate(moments)),
    )


def _centred(plan: _Plan, x: Array) -> Array:
    """The points as (d + 1, n), the long axis last, where the hot loop runs along memory, and a row of ones."""
    xp, centre = array_namespace(x), plan.centre.tolist()
    coordinates = [x[:, j] - c for j, c in enumerate(centre)]
    return xp.stack([*coordinates, xp.ones_like(coordinates[0])], axis=0)


def _planned_logits(plan: _Plan, points: Array) -> Array:
    whiten = constant(plan.whiten, points)
    logits = constant(plan.log_weight, points)
    for j in range(whiten.shape[0]):
        u = whiten[j, :, :] @ points
        logits = logits - u * u
    return logits


def _planned_score(plan: _Plan, x: Array) -> Array:
    points, d = _centred(plan, x), x.shape[1]
    logits = _planned_logits(plan, points)
    moments = constant(plan.moments, x) @ exp_below_max(logits, axis=0)
    pull = moments[:d, :]
    for j in range(d):
        pull = pull - moments[d + 1 + j * d : d + 1 + (j + 1) * d, :] * points[j, :]
    return (pull / moments[d, :]).T
