"""Two moons: interleaved half circles with Gaussian noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from scorekit._arrays import constant
from scorekit._numerics import by_rows, exp_below_max, log_sum_exp, to_column
from scorekit.distributions.curves import Arc, NoisyCurve, check_noise
from scorekit.protocols import Array
from scorekit.registry import array_namespace

__all__ = ["TwoMoons"]

NODES = 40
"""Gauss–Legendre nodes per window. At its ends the integrand is 36 nats down, or the arc ends: the error is 1e-13."""
DEPTH = 36.0
QUARTERS = ((0.0, math.pi / 2), (math.pi / 2, math.pi))


@dataclass(frozen=True)
class TwoMoons(NoisyCurve):
    """Interleaved half circles with Gaussian noise: (cos t, sin t) and (1 − cos t, ½ − sin t), t in [0, π).

    The integral over t is computed in float64, with separate nodes for each point where its integrand is large. The
    error is at most 1e-11 at every distance and noise level.

    Args:
        noise: standard deviation of the noise, not negative. With 0 the distribution has a density only after
            smoothing.

    Raises:
        InvalidTypeError: ``noise`` is not a number.
        InvalidValueError: ``noise`` is negative.

    >>> import numpy as np
    >>> TwoMoons().log_prob(np.array([[0.0, 1.0]])).shape
    (1,)
    """

    noise: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise", check_noise(self.noise))

    def _arcs(self) -> tuple[Arc, ...]:
        return (
            Arc(0.5, lambda xp, u: (xp.cos(math.pi * u), xp.sin(math.pi * u))),
            Arc(0.5, lambda xp, u: (1 - xp.cos(math.pi * u), 0.5 - xp.sin(math.pi * u))),
        )

    def _log_prob(self, x: Array, variance: Any) -> Array:
        return by_rows(self._log_density, x, self._total(variance, "density"), 4 * NODES)

    def _score(self, x: Array, variance: Any) -> Array:
        return by_rows(self._pull, x, self._total(variance, "score"), 4 * NODES)

    def _log_density(self, x: Array, total: Any) -> Array:
        logits, _, _ = _quadrature(x, total)
        return log_sum_exp(logits, axis=1) - array_namespace(x).log(4 * math.pi**2 * total * constant(np.ones(1), x))

    def _pull(self, x: Array, total: Any) -> Array:
        """The score (E[c] − x)/v, with E over the posterior of the point c on the curve."""
        xp = array_namespace(x)
        logits, *place = _quadrature(x, total)
        proportions = exp_below_max(logits, axis=1)
        mass = xp.sum(proportions, axis=1)
        center = xp.stack([xp.sum(proportions * c, axis=1) / mass for c in place], axis=1)
        return (center - x) / to_column(total)


def _quadrature(x: Array, v: Any) -> tuple[Array, Array, Array]:
    """The log-integrand including its weight, without 4π²v, and the coordinates of the curve, ``(n, 4 NODES)`` each.

    The second moon is the first one rotated by 180 degrees about (½, ¼).
    """
    xp = array_namespace(x)
    first, second = x[:, 0:1], x[:, 1:2]
    upper, lower = (_half_circle(*at, to_column(v)) for at in ((first, second), (1 - first, 0.5 - second)))
    both = (upper[0], lower[0]), (upper[1], 1 - lower[1]), (upper[2], 0.5 - lower[2])
    logits, places, heights = (xp.concat(pair, axis=1) for pair in both)
    return logits, places, heights


def _half_circle(a: Array, b: Array, v: Any) -> tuple[Array, Array, Array]:
    """−|(a, b) − (cos t, sin t)|²/2v + log weight at nodes t in both quarters of [0, π], and cos t and sin t."""
    xp = array_namespace(a)
    windows = [_window(a, b, v, *quarter) for quarter in QUARTERS]
    u, weight = (constant(value, a) for value in _rule())
    t = xp.concat([low + length * u for low, length in windows], axis=1)
    log_weight = xp.concat([xp.log(length * weight) for _, length in windows], axis=1)
    cosine, sine = xp.cos(t), xp.sin(t)
    return log_weight - ((a - cosine) ** 2 + (b - sine) ** 2) / (2 * v), cosine, sine


@lru_cache(maxsize=1)
def _rule() -> tuple[Any, Any]:
    """Nodes and weights on [0, 1]."""
    node, weight = np.polynomial.legendre.leggauss(NODES)
    return (1 + node) / 2, weight / 2


def _window(a: Array, b: Array, v: Any, start: float, end: float) -> tuple[Array, Array]:
    """The part of [start, end] where the exponent is within 36 nats of its maximum there: its lower end and its length.

    The exponent is (r/v) cos(t − φ) plus a constant, with (r, φ) the polar coordinates of the point. From the position
    nearest to φ, at distance s, it decreases by 36 within δ: to leading order δ sin s + ½ δ² cos s = 36 v/r. The δ used
    is slightly larger. If s exceeds π/2, the other quarter dominates, unless 36 v/r is large.
    """
    xp = array_namespace(a)
    square = a * a + b * b
    at_center = square == 0
    square = xp.where(at_center, 0.0 * square + 1e-300, square)
    angle = xp.atan2(b, xp.where(at_center, 0.0 * a + 1.0, a))
    # the angle modulo 2π that is nearest to the middle of the quarter
    middle = (start + end) / 2
    angle = angle - 2 * math.pi * xp.round((angle - middle) / (2 * math.pi))
    nearest = xp.where(angle < start, 0.0 * angle + start, xp.where(angle > end, 0.0 * angle + end, angle))
    apart = xp.where(angle < nearest, nearest - angle, angle - nearest)
    fall = DEPTH * v / xp.sqrt(square)
    sine = xp.sin(apart)
    cosine = xp.where(apart < math.pi / 2, xp.cos(apart), 0.0 * apart)
    reach = 1.3 * 2 * fall / (sine + xp.sqrt(sine * sine + 2 * cosine * fall))
    low = xp.where(nearest - reach < start, 0.0 * angle + start, nearest - reach)
    high = xp.where(nearest + reach > end, 0.0 * angle + end, nearest + reach)
    return low, high - low
