"""Neal's funnel: the first coordinate sets the scale of all others."""

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
from scorekit.protocols import Array, Rng
from scorekit.registry import array_namespace

__all__ = ["Funnel"]

NODES = 160
LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class Funnel(Density):
    """x₁ ~ N(0, scale²), x_i | x₁ ~ N(0, exp x₁) for i ≥ 2.

    The score is (−x₁/scale² − (d − 1)/2 + r² exp(−x₁)/2, −x_i exp(−x₁)), r² = Σ_{i ≥ 2} x_i².
    With noise, one integral over x₁ is computed numerically, with error at most 1e-8. Without noise the score grows as
    exp(−x₁) and overflows for x₁ < −700.

    Args:
        dim: the dimension d, at least 2.
        scale: standard deviation of the first coordinate, positive.

    Raises:
        InvalidTypeError: ``dim`` is not an integer, or ``scale`` is not a number.
        InvalidValueError: ``dim`` is below 2, or ``scale`` is not positive.

    Source: Neal, Slice sampling (2003), doi:10.1214/aos/1056562461.

    >>> import numpy as np
    >>> Funnel(dim=3).score(np.array([[0.0, 1.0, 2.0]]))
    array([[ 1.5, -1. , -2. ]])
    """

    dim: int = 2
    scale: float = 3.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "dim", check_count(self.dim, "dim", 2))
        object.__setattr__(self, "scale", check_positive(self.scale, "scale"))

    def _sample(self, n: int, rng: Rng, like: Array | None) -> Array:
        z = rng.normal((n, self.dim), like)
        xp, first = array_namespace(z), self.scale * z[:, 0]
        width = xp.exp(0.5 * first)
        return xp.stack([first, *(width * z[:, j] for j in range(1, self.dim))], axis=1)

    def _log_prob(self, x: Array, variance: Any) -> Array:
        if variance is None:
            others = self._others(x[:, 0], _square(x) * array_namespace(x).exp(-x[:, 0]))
            first = -0.5 * (x[:, 0] / self.scale) ** 2 - math.log(self.scale)
            return first + others - 0.5 * self.dim * LOG_2PI
        return by_rows(self._smoothed_log_prob, x, variance, NODES)

    def _others(self, log_width: Any, scaled_square: Any) -> Any:
        """The log of Π N(x_i; 0, width) without the power of 2π; ``scaled_square`` is r²/width."""
        return -0.5 * ((self.dim - 1) * log_width + scaled_square)

    def _score(self, x: Array, variance: Any) -> Array:
        if variance is None:
            shrink = array_namespace(x).exp(-x[:, 0])
            first = -x[:, 0] / self.scale**2 + 0.5 * (_square(x) * shrink - (self.dim - 1))
            return _columns(first, -shrink, x)
        return by_rows(self._smoothed_score, x, variance, NODES)

    # With noise s = sigma² and v = scale²: p(x) = N(x₁; 0, v + s) ∫ N(z; m, τ²) Π N(x_i; 0, exp z + s) dz,
    # m = x₁ v/(v + s), τ² = v s/(v + s); with z = m + τ y, y is standard normal.

    def _smoothed_log_prob(self, x: Array, variance: Any) -> Array:
        xp, wide = array_namespace(x), self.scale**2 + variance
        _, _, logits = self._integrand(x, variance)
        integral = log_sum_exp(logits, axis=1) - 0.5 * LOG_2PI
        outer = x[:, 0] ** 2 / wide + xp.log(wide * constant(np.ones(1), x))
        return integral - 0.5 * (outer + self.dim * LOG_2PI)

    def _smoothed_score(self, x: Array, variance: Any) -> Array:
        """∂₁ = −x₁/(v + s) + v/(v + s) E[∂_z log Π N(x_i; 0, exp z + s)], ∂_i = −x_i E[1/(exp z + s)]."""
        xp, v = array_namespace(x), self.scale**2
        wide = v + variance
        growth, shrink, logits = self._integrand(x, variance)
        proportions = exp_below_max(logits, axis=1)
        total = xp.sum(proportions, axis=1)
        slope = 0.5 * growth * (_square(x)[:, None] * shrink - (self.dim - 1))
        first = (v * xp.sum(proportions * slope, axis=1) / total - x[:, 0]) / wide
        return _columns(first, -xp.sum(proportions * shrink, axis=1) / total, x)

    def _integrand(self, x: Array, variance: Any) -> tuple[Array, Array, Array]:
        """At the nodes: exp z/(exp z + s), 1/(exp z + s), and the log-integrand with its weight, each (n, nodes)."""
        search, points, noise = _windows.searchable(x, variance)
        nodes, log_weight = self._window(search, points[:, 0], search.sum(points[:, 1:] ** 2, axis=1), noise)
        xp, v, column = array_namespace(x), self.scale**2, to_column(variance)
        ratio = v / (v + column)
        tau = xp.sqrt(ratio * column * constant(np.ones((1, 1)), x))
        y = constant(nodes, x)
        z, floor = ratio * x[:, 0:1] + tau * y, xp.log(column * constant(np.ones((1, 1)), x))
        log_width = xp.logaddexp(z, floor)
        shrink = xp.exp(-log_width)
        others = self._others(log_width, _square(x)[:, None] * shrink)
        return xp.exp(z - log_width), shrink, constant(log_weight, x) - 0.5 * y * y + others

    def _window(self, xp: Any, first: Any, square: Any, variance: Any) -> tuple[Any, Any]:
        """The log of Π N(x_i; 0, exp z + s) falls by at most (d − 1)/2 per unit of z, and rises only if exp z < r²."""
        v = self.scale**2
        m, tau = first * v / (v + variance), xp.sqrt(v * variance / (v + variance))
        margin = math.sqrt(2 * _windows.DEPTH) + 0.5
        low = -margin - (self.dim - 1) * tau
        top = xp.maximum((xp.log(xp.maximum(square, 1e-300)) - m) / tau, 0.0)
        high = xp.minimum(top, tau * square / (8 * variance)) + margin

        def f(y: Any) -> Any:
            log_width = xp.logaddexp(m[:, None] + tau[:, None] * y, xp.log(variance)[:, None])
            return self._others(log_width, square[:, None] * xp.exp(-log_width)) - 0.5 * y * y

        return _windows.nodes(xp, f, low, high, NODES)


def _square(x: Array) -> Array:
    """r², the squared norm of all coordinates except the first."""
    return array_namespace(x).sum(x[:, 1:] ** 2, axis=1)


def _columns(first: Array, factor: Array, x: Array) -> Array:
    others = [factor * x[:, j] for j in range(1, x.shape[1])]
    return array_namespace(x).stack([first, *others], axis=1)
