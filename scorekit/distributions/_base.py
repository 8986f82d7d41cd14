"""The base class of all densities: argument checks, and smoothing by Gaussian noise."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from scorekit._arrays import as_rng, as_sigma, check_batch, constant
from scorekit._checks import check_count, check_positive
from scorekit.distributions._numbers import read_only
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.protocols import Array, Rng, RngLike, Shape, Sigma
from scorekit.registry import array_namespace

__all__ = ["Density", "Smoothed"]


class Density(ABC):
    """The base class of distributions in ``dim`` dimensions with an exact score at every noise level.

    A subclass implements ``dim``, ``_sample``, ``_log_prob`` and ``_score``. ``_log_prob`` and ``_score`` get a checked
    batch in float64 and a ``variance`` (sigma squared): None, a positive float, or an array ``(n,)``. Results are
    converted to the dtype of the input.

    >>> import numpy as np, scorekit as sk
    >>> density = sk.distributions.Gaussian([0.0], [[1.0]])
    >>> isinstance(density, Density), density.dim, density.score(np.array([[2.0]]), sigma=1.0).tolist()
    (True, 1, [[-1.0]])
    """

    @property
    @abstractmethod
    def dim(self) -> int:
        """The dimension of one sample."""

    @property
    def _event(self) -> Shape:
        """The shape of one sample."""
        return (self.dim,)

    @abstractmethod
    def _sample(self, n: int, rng: Rng, like: Array | None) -> Array: ...

    @abstractmethod
    def _log_prob(self, x: Array, variance: Any) -> Array: ...

    @abstractmethod
    def _score(self, x: Array, variance: Any) -> Array: ...

    def sample(self, n: int, rng: RngLike = None, like: Array | None = None) -> Array:
        """Draw ``n`` independent samples, shape ``(n, dim)``.

        Args:
            n: number of samples, at least 1.
            rng: an Rng, a seed or None (fresh entropy). Equal seeds give equal draws.
            like: an array that sets the framework, dtype and device of the draws; None for those of ``rng``.

        Raises:
            InvalidTypeError: ``n`` is not an integer, or ``rng`` is not an Rng, a seed or None.
            InvalidValueError: ``n`` is below 1, or the seed is negative.
        """
        return self._sample(check_count(n, "n"), as_rng(rng, like, f"{type(self).__name__}.sample"), like)

    def log_prob(self, x: Array) -> Array:
        """The log-density log p(x) in nats, ``(n, dim) -> (n,)``.

        Raises:
            ShapeError: the samples of ``x`` do not have the shape of this distribution.
            InvalidTypeError: ``x`` is not float32 or float64.
            InvalidValueError: ``x`` holds NaN or infinity, or the distribution has no density without noise.
        """
        inner, _ = self._enter(x, None)
        return self._leave(self._log_prob(inner, None), x)

    def score(self, x: Array, sigma: Sigma = None) -> Array:
        """The score ∇ log p_sigma(x), of the shape of ``x``; p_sigma is the density convolved with N(0, sigma² I).

        Args:
            x: points, ``(n, dim)``, finite.
            sigma: None (no noise), a positive scalar, or one level per sample, ``(n,)``.

        Raises:
            ShapeError: ``x`` or ``sigma`` has the wrong shape.
            InvalidTypeError: ``x`` is not float32 or float64.
            InvalidValueError: ``x`` holds NaN or infinity, ``sigma`` is not positive, or the distribution has no score
                without noise.
        """
        return self._leave(self._score(*self._enter(x, sigma)), x)

    def smoothed(self, sigma: float) -> Density:
        """The distribution of ``x + sigma z``, z ~ N(0, I): the density convolved with N(0, sigma² I), sigma > 0."""
        return Smoothed(self, check_positive(sigma, "sigma"))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copy or pickle with read-only arrays."""
        for name, value in state.items():
            object.__setattr__(self, name, read_only(value) if isinstance(value, np.ndarray) else value)

    def _enter(self, x: Array, sigma: Sigma) -> tuple[Array, Any]:
        """Check ``x`` and ``sigma``, and return ``x`` and the noise variance in float64."""
        check_batch(x)
        if tuple(x.shape[1:]) != self._event:
            raise ShapeError(self._wrong_shape(x))
        sigma = as_sigma(sigma, x)
        xp = array_namespace(x)
        if x.dtype != xp.float64:
            x = xp.astype(x, xp.float64)
            sigma = xp.astype(sigma, xp.float64) if hasattr(sigma, "dtype") else sigma
        if sigma is None:
            return x, None
        if getattr(sigma, "ndim", None) == 0:  # a 0-d array may have a derivative: make it one level per sample
            sigma = sigma * constant(np.ones(x.shape[0]), x)
        return x, sigma * sigma

    def _leave(self, value: Array, x: Array) -> Array:
        return value if value.dtype == x.dtype else array_namespace(value).astype(value, x.dtype)

    def _wrong_shape(self, x: Array) -> str:
        expected = ", ".join(str(size) for size in self._event)
        return (
            f"x has shape {tuple(x.shape)}: {type(self).__name__} expects (n, {expected}). "
            f"Reshape it, for instance x.reshape(-1, {expected}), or create the density with another dimension."
        )

    def _needs_noise(self, what: str) -> InvalidValueError:
        name = type(self).__name__
        return InvalidValueError(
            f"{name} has no {what} without noise: pass sigma to score, or use {name.lower()}.smoothed(sigma)."
        )


@dataclass(frozen=True)
class Smoothed(Density):
    """The distribution of ``x + sigma z``, with x from ``base`` and z ~ N(0, I).

    Args:
        base: any density.
        sigma: the noise level, positive.

    Raises:
        InvalidTypeError: ``base`` is not a :class:`Density`.
        InvalidValueError: ``sigma`` is not positive.

    >>> from scorekit.distributions import Banana
    >>> Banana().smoothed(3.0).smoothed(4.0) == Banana().smoothed(5.0)
    True
    """

    base: Density
    sigma: float

    def __post_init__(self) -> None:
        if not isinstance(self.base, Density):
            raise InvalidTypeError(f"base is a {describe(self.base)}: expected a density of sk.distributions.")
        object.__setattr__(self, "sigma", check_positive(self.sigma, "sigma"))

    @property
    def dim(self) -> int:
        """The dimension of one sample."""
        return self.base.dim

    @property
    def _event(self) -> Shape:
        return self.base._event

    def smoothed(self, sigma: float) -> Density:
        """The base smoothed by sqrt(sigma₁² + sigma₂²), because variances add."""
        return Smoothed(self.base, math.hypot(self.sigma, check_positive(sigma, "sigma")))

    def _sample(self, n: int, rng: Rng, like: Array | None) -> Array:
        x = self.base._sample(n, rng, like)
        return x + self.sigma * rng.normal(tuple(x.shape), x)

    def _log_prob(self, x: Array, variance: Any) -> Array:
        return self.base._log_prob(x, self._total(variance))

    def _score(self, x: Array, variance: Any) -> Array:
        return self.base._score(x, self._total(variance))

    def _total(self, variance: Any) -> Any:
        return self.sigma**2 if variance is None else self.sigma**2 + variance
