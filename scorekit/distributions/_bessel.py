"""The modified Bessel function I₀ in array operations, for Gaussian noise on a circle.

With t = z²: for z <= 8 the power series Σ (t/4)^k/k!², whose terms are all positive; for larger z, Chebyshev series in
8/z of the logarithm and of the derivative. Near t = 0 no square root is taken, so derivatives there are finite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from scorekit.protocols import Array
from scorekit.registry import array_namespace

__all__ = ["CROSSOVER", "log_far", "log_near", "slope_far", "slope_near"]

CROSSOVER = 64.0
"""The power series is used for t up to this value."""
TERMS = 24

_FACTORIALS = [math.factorial(k) for k in range(TERMS + 1)]
_ZERO = [0.25**k / _FACTORIALS[k] ** 2 for k in range(TERMS)]
_FIRST = [0.25**k / (_FACTORIALS[k] * _FACTORIALS[k + 1]) for k in range(TERMS)]


def log_near(t: Array) -> Array:
    """The log of I₀(√t) for t <= 64."""
    return array_namespace(t).log(_power_series(_ZERO, t))


def slope_near(t: Array) -> Array:
    """I₁(z)/(z I₀(z)) at z = √t, for t <= 64."""
    return 0.5 * _power_series(_FIRST, t) / _power_series(_ZERO, t)


def log_far(z: Array) -> Array:
    """The log of exp(−z) I₀(z) for z >= 8."""
    return _chebyshev(_far_coefficients()[0], 8 / z) - 0.5 * array_namespace(z).log(2 * math.pi * z)


def slope_far(z: Array) -> Array:
    """The value z (1 − I₁(z)/I₀(z)), about one half, for z >= 8."""
    return _chebyshev(_far_coefficients()[1], 8 / z)


@lru_cache(maxsize=1)
def _far_coefficients() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Coefficients of log(√(2πz) exp(−z) I₀(z)) and of z (1 − I₁/I₀), for w = 8/z in [0, 1]."""
    from scipy.special import i0e

    def level(w: Any) -> Any:
        z = 8 / w
        return np.log(np.sqrt(2 * math.pi * z) * i0e(z))

    fit = np.polynomial.chebyshev.Chebyshev.interpolate
    first = fit(level, TERMS, domain=[0, 1])
    derivative = first.deriv()  # z (1 − I₁/I₀) = −z d log(exp(−z) I₀)/dz = ½ + w d level/dw, without cancellation
    second = fit(lambda w: 0.5 + w * derivative(w), TERMS, domain=[0, 1])
    return tuple(first.coef.tolist()), tuple(second.coef.tolist())


def _power_series(coefficients: Sequence[float], t: Array) -> Array:
    total: Any = 0.0
    for c in reversed(coefficients):
        total = total * t + c
    return total


def _chebyshev(coefficients: Sequence[float], w: Array) -> Array:
    """Clenshaw's algorithm on [0, 1]."""
    x, first, second = 2 * w - 1, 0.0 * w, 0.0 * w
    for c in reversed(coefficients[1:]):
        first, second = 2 * x * first - second + c, first
    return x * first - second + coefficients[0]
