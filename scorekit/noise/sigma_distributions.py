"""Distributions of sigma, which draw one noise level per sample during training."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from scorekit._arrays import as_rng, host, readable
from scorekit._checks import check_count, check_number, check_positive
from scorekit.errors import InvalidTypeError, InvalidValueError
from scorekit.noise._normal_quantile import normal_quantile
from scorekit.noise._strata import strata
from scorekit.protocols import Array, RngLike
from scorekit.registry import array_namespace

__all__ = ["LogNormal", "LogUniform", "NoiseDistribution"]

_LEAST = 2.0**-54
"""Half of the spacing of uniform random numbers in float64."""


class NoiseDistribution(ABC):
    """A probability distribution on positive noise levels.

    >>> class Uniform(NoiseDistribution):  # on [1, 2)
    ...     def icdf(self, u):
    ...         return 1 + u
    ...     def pdf(self, sigma):
    ...         return 0 * sigma + 1
    >>> Uniform().sample(4, rng=0).round(0).tolist().count(1.0)  # one level in each quarter
    2
    """

    bounded: ClassVar[bool] = True
    """Whether all levels lie in an interval [a, b], a > 0, as the likelihood weighting requires."""

    @abstractmethod
    def icdf(self, u: Array) -> Array:
        """The inverse distribution function at ``u`` in [0, 1), shape ``(n,)``."""

    @abstractmethod
    def pdf(self, sigma: Array) -> Array:
        """The density with respect to d sigma, shape ``(n,)``.

        The likelihood weighting 2 sigma / density makes the mean over levels an integral over d sigma.
        """

    def sample(self, n: int, rng: RngLike = None, like: Array | None = None) -> Array:
        """Draw ``n`` stratified levels, shape ``(n,)``.

        Each level has exactly this distribution. The quantiles of the n levels are stratified, one in each interval
        [i/n, (i + 1)/n), and shuffled, so that averages over a batch vary less than with independent draws. Quantiles
        are computed in float64, so the tails are accurate in float32 too.

        Args:
            n: number of levels, at least 1.
            rng: an Rng, a seed or None.
            like: an array that sets the framework, dtype and device of the levels.

        Raises:
            InvalidTypeError: ``n`` is not an integer, or ``rng`` is not an Rng, a seed or None.
            InvalidValueError: ``n`` is below 1, or the seed is negative.

        >>> LogUniform(10.0, 0.1).sample(4, rng=0).shape
        (4,)
        """
        n, stream = check_count(n, "n"), as_rng(rng, like, f"{type(self).__name__}.sample")
        like = stream.uniform((0,)) if like is None else like
        xp = array_namespace(like)
        wide = xp.astype(xp.reshape(like[:0, ...], (-1,)), xp.float64)
        return xp.astype(self.icdf(strata(stream, n, wide)), like.dtype)


@dataclass(frozen=True)
class LogUniform(NoiseDistribution):
    """log sigma uniform between log ``sigma_min`` and log ``sigma_max``: every decade has the same probability.

    Args:
        sigma_max: the largest level.
        sigma_min: the smallest level, positive and below ``sigma_max``.

    Raises:
        InvalidTypeError: a level is not a number.
        InvalidValueError: a level is not positive, or ``sigma_max`` does not exceed ``sigma_min``.

    >>> noise = LogUniform(10.0, 0.1)
    >>> import numpy as np
    >>> noise.icdf(np.array([0.5])).round(6).tolist()
    [1.0]
    """

    sigma_max: float
    sigma_min: float

    def __post_init__(self) -> None:
        set_range(self)

    def icdf(self, u: Array) -> Array:
        """sigma_min · (sigma_max / sigma_min)^u."""
        return self.sigma_min * checked_quantiles(u).exp(math.log(self.sigma_max / self.sigma_min) * u)

    def pdf(self, sigma: Array) -> Array:
        """1 / (sigma · log(sigma_max / sigma_min))."""
        checked_levels(sigma)
        return 1 / (sigma * math.log(self.sigma_max / self.sigma_min))


@dataclass(frozen=True)
class LogNormal(NoiseDistribution):
    """log sigma ~ N(mean, std²); Karras et al. (2022) train with mean −1.2 and std 1.2.

    Its levels range from 0 to infinity, so the likelihood weighting has no finite mean.

    Args:
        mean: mean of log sigma, finite.
        std: standard deviation of log sigma, positive.

    Raises:
        InvalidTypeError: ``mean`` or ``std`` is not a number.
        InvalidValueError: ``mean`` is not finite, or ``std`` is not positive.

    Source: Karras, Aittala, Aila and Laine, Elucidating the design space of diffusion-based generative models (2022),
    arXiv:2206.00364.

    >>> LogNormal(-1.2, 1.2).sample(3, rng=0).shape
    (3,)
    """

    mean: float
    std: float
    bounded = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", check_positive(self.std, "std"))
        object.__setattr__(self, "mean", check_number(self.mean, "mean"))
        if not math.isfinite(self.mean):
            raise InvalidValueError(f"mean must be finite, got {self.mean}.")

    def icdf(self, u: Array) -> Array:
        """exp(mean + std · Φ⁻¹(u)); u = 0 and u = 1 give 8.3 and 8.2 standard deviations, the limit of float64."""
        xp = checked_quantiles(u)
        wide = xp.clip(xp.astype(u, xp.float64), _LEAST, 1 - 2 * _LEAST)
        return xp.astype(xp.exp(self.mean + self.std * normal_quantile(wide)), u.dtype)

    def pdf(self, sigma: Array) -> Array:
        """N(log sigma; mean, std²) / sigma."""
        xp = checked_levels(sigma)
        z = (xp.log(sigma) - self.mean) / self.std
        return xp.exp(-0.5 * z * z) / (sigma * self.std * math.sqrt(2 * math.pi))


def checked_quantiles(u: Array) -> Any:
    """The namespace of ``u``, after a check that it holds real numbers in [0, 1]."""
    return _check_between(u, "u", 0.0, 1.0, "quantiles from 0 to 1")


def checked_levels(sigma: Array) -> Any:
    """The namespace of ``sigma``, after a check that it holds positive, finite numbers."""
    return _check_between(sigma, "sigma", 1e-300, 1e300, "positive and finite levels")


def _check_between(x: Array, name: str, low: float, high: float, expected: str) -> Any:
    xp = array_namespace(**{name: x})
    if not xp.isdtype(x.dtype, "real floating"):
        raise InvalidTypeError(f"{name} has dtype {x.dtype}: expected {expected}, of a real floating dtype.")
    if readable(x):
        least, largest = float(host(xp.min(x))), float(host(xp.max(x)))  # NaN if any value is NaN
        if not (low <= least and largest <= high):
            raise InvalidValueError(f"{name} has values from {least:g} to {largest:g}: expected {expected}.")
    return xp


def set_range(noise: Any) -> None:
    """Convert ``sigma_max`` and ``sigma_min`` of a frozen dataclass to floats, and check them."""
    for name in ("sigma_min", "sigma_max"):
        object.__setattr__(noise, name, check_positive(getattr(noise, name), name))
    check_range(noise.sigma_max, noise.sigma_min)


def check_range(sigma_max: float, sigma_min: float) -> None:
    """Check that two levels descend."""
    if not sigma_max > sigma_min:
        raise InvalidValueError(
            f"sigma_max must exceed sigma_min, got sigma_max={sigma_max} and sigma_min={sigma_min}: "
            "levels go from the largest to the smallest. Swap them."
        )
