"""Concentric circles with Gaussian noise, in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from scorekit._arrays import constant
from scorekit._checks import check_count
from scorekit._numerics import by_rows, log_sum_exp, softmax, to_column
from scorekit.distributions import _bessel
from scorekit.distributions._numbers import numbers
from scorekit.distributions.curves import Arc, NoisyCurve, check_noise
from scorekit.errors import InvalidValueError, ShapeError
from scorekit.protocols import Array
from scorekit.registry import array_namespace

__all__ = ["Rings"]


@dataclass(frozen=True)
class Rings(NoisyCurve):
    """Concentric circles with Gaussian noise.

    The integral over the angle is a Bessel function: with r = |x|, v the variance of the noise and ρ_k the radii,
    p(x) = Σ_k w_k exp(−(r² + ρ_k²)/2v) I₀(r ρ_k/v)/2πv, exact at every distance and noise level.

    Args:
        radii: the radius of each ring, positive.
        noise: standard deviation of the noise, not negative. With 0 the distribution has a density only after
            smoothing.
        weights: the weight of each ring, non-negative; None for equal weights.

    Raises:
        ShapeError: ``weights`` and ``radii`` differ in length.
        InvalidTypeError: an argument is not numeric.
        InvalidValueError: a radius is not positive, ``noise`` or a weight is negative, or all weights are zero.

    >>> Rings((1.0, 3.0), noise=0.2).sample(4, rng=0).shape
    (4, 2)
    """

    radii: tuple[float, ...] = (0.5, 1.0, 1.5)
    noise: float = 0.05
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        radii = numbers(self.radii, "radii")
        check_count(radii.size, "the number of radii")
        if radii.ndim != 1 or not (radii > 0).all():
            raise InvalidValueError(f"radii must be one positive number per ring, got {self.radii!r}.")
        object.__setattr__(self, "radii", tuple(radii.tolist()))
        object.__setattr__(self, "noise", check_noise(self.noise))
        if self.weights is not None:
            object.__setattr__(self, "weights", _ring_weights(self.weights, len(self.radii)))

    def _arcs(self) -> tuple[Arc, ...]:
        return tuple(Arc(proportion, partial(_circle, radius)) for proportion, radius in self._weighted())

    def _log_prob(self, x: Array, variance: Any) -> Array:
        return by_rows(self._log_density, x, self._total(variance, "density"), 4 * len(self.radii))

    def _score(self, x: Array, variance: Any) -> Array:
        return by_rows(self._pull, x, self._total(variance, "score"), 4 * len(self.radii))

    def _log_density(self, x: Array, total: Any) -> Array:
        xp = array_namespace(x)
        logs, _ = self._rings(x, total)
        return log_sum_exp(logs, axis=1) - xp.log(2 * math.pi * total * constant(np.ones(1), x))

    def _pull(self, x: Array, total: Any) -> Array:
        logs, rings = self._rings(x, total)
        return array_namespace(x).sum(softmax(logs, axis=1) * rings.pull(), axis=1)[:, None] * x

    def _rings(self, x: Array, total: Any) -> tuple[Array, _Radial]:
        """The log-densities of the rings, with weights and without 2πv, and the rings."""
        weights, radii = zip(*self._weighted(), strict=True)
        rings = _Radial(x, constant(np.array(radii), x), to_column(total))
        return constant(np.log(weights), x) + rings.log_density(), rings

    def _weighted(self) -> list[tuple[float, float]]:
        """The positive weights, each with its radius."""
        proportions = self.weights or (1 / len(self.radii),) * len(self.radii)
        return [
            (proportion, radius) for proportion, radius in zip(proportions, self.radii, strict=True) if proportion > 0
        ]


class _Radial:
    """The log-densities and scores of rings at the points ``x (n, 2)`` with noise of variance v, ``(n, rings)`` each.

    With t = (r ρ/v)²: for t <= 64 the formulas use r², which is smooth at the center; for larger t they use r. Each
    formula gets only arguments of its own range, so that its derivatives are finite.
    """

    def __init__(self, x: Array, radii: Array, v: Any) -> None:
        self.xp, self.radii, self.v = array_namespace(x), radii, v
        self.square = self.xp.sum(x * x, axis=1)[:, None] + 0.0 * radii
        t = self.square * (radii / v) ** 2
        self.far = t > _bessel.CROSSOVER
        self.t = self.xp.where(self.far, 0.0 * t, t)
        self.r = self.xp.sqrt(self.xp.where(self.far, self.square, 0.0 * t + 1.0))
        self.z = self.xp.where(self.far, self.r * radii / v, 0.0 * t + 8.0)

    def log_density(self) -> Array:
        """The log-density of each ring, without 2πv."""
        near = _bessel.log_near(self.t) - (self.square + self.radii**2) / (2 * self.v)
        far = _bessel.log_far(self.z) - (self.r - self.radii) ** 2 / (2 * self.v)
        return self.xp.where(self.far, far, near)

    def pull(self) -> Array:
        """The score of each ring, divided by x."""
        near = (_bessel.slope_near(self.t) * self.radii**2 / self.v - 1) / self.v
        far = (-(self.r - self.radii) / self.v - _bessel.slope_far(self.z) / self.r) / self.r
        return self.xp.where(self.far, far, near)


def _circle(radius: float, xp: Any, u: Any) -> tuple[Any, Any]:
    return radius * xp.cos(2 * math.pi * u), radius * xp.sin(2 * math.pi * u)


def _ring_weights(given: Any, rings: int) -> tuple[float, ...]:
    weights = numbers(given, "weights")
    if weights.shape != (rings,):
        raise ShapeError(f"weights have shape {weights.shape} for {rings} radii: expected ({rings},).")
    if (weights < 0).any() or not weights.sum() > 0:
        raise InvalidValueError(f"weights must not be negative and sum to a positive number, got {given!r}.")
    return tuple((weights / weights.sum()).tolist())
