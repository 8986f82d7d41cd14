"""The banana distribution: a Gaussian bent along a parabola."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from scorekit._arrays import constant
from scorekit._checks import check_count, check_positive
from scorekit._numerics import by_rows, exp_below_max, log_sum_exp, to_column
from scorekit.distributions import _windows
from scorekit.distributions._base import Density
from scorekit.distributions._numbers import numbers
from scorekit.errors import InvalidTypeError
from scorekit.protocols import Array, Rng
from scorekit.registry import array_namespace

__all__ = ["Banana"]

NODES = 128
LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class Banana(Density):
    """x = (z₁, z₂ + b (z₁² − v), z₃, …), z ~ N(0, diag(v, 1, 1, …)).

    log p(x) = log N(x₁; 0, v) + log N(u; 0, 1) + …, u = x₂ − b (x₁² − v), with score (−x₁/v + 2b x₁ u, −u, −x₃, …).
    The mean is 0. With noise, one integral over z₁ is computed numerically, with error at most 1e-8.

    Args:
        curvature: b, any finite number; if positive, the arms point up.
        scale: √v, the standard deviation of the first coordinate, positive.
        dim: the dimension, at least 2.

    Raises:
        InvalidTypeError: ``curvature`` or ``scale`` is not a number, or ``dim`` is not an integer.
        InvalidValueError: ``curvature`` is not finite, ``scale`` is not positive, or ``dim`` is below 2.

    Source: Haario, Saksman and Tamminen, Adaptive proposal distribution for random walk Metropolis algorithm (1999),
    doi:10.1007/s001800050022.

    >>> import numpy as np
    >>> Banana(curvature=0.5, scale=1.0).score(np.array([[1.0, 1.0]]))
    array([[ 0., -1.]])
    """

    curvature: float = 0.5
    scale: float = 2.0
    dim: int = 2

    def __post_init__(self) -> None:
        curvature = numbers(self.curvature, "curvature")
        if curvature.ndim or isinstance(self.curvature, bool):
            raise InvalidTypeError(f"curvature must be a number, got {self.curvature!r}.")
        object.__setattr__(self, "curvature", float(curvature))
        object.__setattr__(self, "scale", check_positive(self.scale, "scale"))
        object.__setattr__(self, "dim", check_count(self.dim, "dim", 2))

    def _sample(self, n: int, rng: Rng, like: Array | None) -> Array:
        z = rng.normal((n, self.dim), like)
        xp, v = array_namespace(z), self.scale**2
        bent = z[:, 1] + self.curvature * v * (z[:, 0] ** 2 - 1)
        columns = [self.scale * z[:, 0], bent, *(z[:, j] for j in range(2, self.dim))]
        return xp.stack(columns, axis=1)

    def _bend(self, first: Any, second: Any) -> Any:
        """The standard normal u = x₂ − b (x₁² − v)."""
        return second - self.curvature * (first * first - self.scale**2)

    def _log_prob(self, x: Array, variance: Any) -> Array:
        if variance is None:
            u, v = self._bend(x[:, 0], x[:, 1]), self.scale**2
            squares = x[:, 0] ** 2 / v + u * u + array_namespace(x).sum(x[:, 2:] ** 2, axis=1)
            return -0.5 * (squares + math.log(v) + self.dim * LOG_2PI)
        return by_rows(self._smoothed_log_prob, x, variance, NODES)

    def _score(self, x: Array, variance: Any) -> Array:
        if variance is None:
            u = self._bend(x[:, 0], x[:, 1])
            first = -x[:, 0] / self.scale**2 + 2 * self.curvature * x[:, 0] * u
            return array_namespace(x).stack([first, -u, *(-x[:, j] for j in range(2, self.dim))], axis=1)
        return by_rows(self._smoothed_score, x, variance, NODES)

    # With noise s = sigma²: p(x) = N(x₁; 0, v + s) ∫ N(z; m, τ²) N(x₂; b (z² − v), 1 + s) dz · Π N(x_j; 0, 1 + s),
    # m = x₁ v/(v + s), τ² = v s/(v + s); with z = m + τ y, y is standard normal.

    def _smoothed_log_prob(self, x: Array, variance: Any) -> Array:
        xp, wide, narrow = array_namespace(x), self.scale**2 + variance, 1 + variance
        y, _, u, log_weight = self._integrand(x, variance)
        integral = log_sum_exp(log_weight - 0.5 * (y * y + u * u / to_column(narrow)), axis=1) - 0.5 * LOG_2PI
        rest = xp.sum(x[:, 2:] ** 2, axis=1) / narrow + x[:, 0] ** 2 / wide
        logs = xp.log(wide * narrow ** (self.dim - 1) * constant(np.ones(1), x))
        return integral - 0.5 * (rest + logs + self.dim * LOG_2PI)

    def _smoothed_score(self, x: Array, variance: Any) -> Array:
        """∂₁ = −x₁/(v + s) + E[2 b z u]/(1 + s) · v/(v + s), ∂₂ = −E[u]/(1 + s), E over the posterior of z."""
        xp, wide, narrow = array_namespace(x), self.scale**2 + variance, 1 + variance
        y, z, u, log_weight = self._integrand(x, variance)
        logits = log_weight - 0.5 * (y * y + u * u / to_column(narrow))
        proportions = exp_below_max(logits, axis=1)
        total = xp.sum(proportions, axis=1)
        slope = 2 * self.curvature * xp.sum(proportions * z * u, axis=1) / total
        first = (slope * self.scale**2 / narrow - x[:, 0]) / wide
        second = -xp.sum(proportions * u, axis=1) / total / narrow
        return xp.stack([first, second, *(-x[:, j] / narrow for j in range(2, self.dim))], axis=1)

    def _integrand(self, x: Array, variance: Any) -> tuple[Array, Array, Array, Array]:
        """Nodes y, the values of z and u at them, and the logs of the weights, each (n, nodes)."""
        search, points, noise = _windows.searchable(x, variance)
        nodes, log_weight = self._window(search, points[:, 0], points[:, 1], noise)
        xp, v, column = array_namespace(x), self.scale**2, to_column(variance)
        ratio = v / (v + column)
        tau = xp.sqrt(ratio * column * constant(np.ones((1, 1)), x))
        y = constant(nodes, x)
        z = ratio * x[:, 0:1] + tau * y
        return y, z, self._bend(z, x[:, 1:2]), constant(log_weight, x)

    def _window(self, xp: Any, first: Any, second: Any, variance: Any) -> tuple[Any, Any]:
        """Beyond |z| = max(|m|, √c) both factors decrease, so 6.5 τ more are enough; ±√c are the zeros of u."""
        v, b = self.scale**2, self.curvature
        m, tau = first * v / (v + variance), xp.sqrt(v * variance / (v + variance))
        bend = xp.sqrt(xp.maximum(v + second / b, 0.0)) if b else xp.zeros_like(m)
        reach = xp.maximum(xp.abs(m), bend) + tau * (math.sqrt(2 * _windows.DEPTH) + 0.5)

        def f(y: Any) -> Any:
            u = self._bend(m[:, None] + tau[:, None] * y, second[:, None])
            return -0.5 * (y * y + u * u / (1 + variance[:, None]))

        return _windows.nodes(xp, f, (-reach - m) / tau, (reach - m) / tau, NODES)
