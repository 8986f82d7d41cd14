"""The Gaussian's tail in array operations; the array standard has no erf.

Q(z) = P(N(0, 1) > z). Written as Q(z) = exp(−z²/2 + g(z)), g is smooth and slow: with t = 2/(2 + z/√2) in (0, 1],
g(z) − log t is a Chebyshev series that 32 terms bring to 1e-15 (after Schonfelder, 1978).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from scorekit.protocols import Array
from scorekit.registry import array_namespace

__all__ = ["log_mass", "log_tail"]

TERMS = 32


@lru_cache(maxsize=1)
def _coefficients() -> tuple[float, ...]:
    """Of log(erfcx(w)/2) − log t on t in [0, 1], w = 2/t − 2."""
    from scipy.special import erfcx

    def smooth(t: Any) -> Any:
        return np.log(0.5 * erfcx(2 / t - 2) / t)

    series = np.polynomial.chebyshev.Chebyshev.interpolate(smooth, TERMS - 1, domain=[0, 1])
    return tuple(series.coef.tolist())


def _size(z: Array) -> Array:
    """|z| with the slope 1 at zero, that of the branch z ≥ 0, which is used there; that of ``abs`` is 0."""
    return array_namespace(z).where(z < 0, -z, z)


def _log_scaled(z: Array) -> Array:
    """g(z) = log Q(z) + z²/2 for z ≥ 0."""
    t = 2 / (2 + z / math.sqrt(2))
    x, first, second = 2 * t - 1, 0.0 * t, 0.0 * t
    for c in reversed(_coefficients()[1:]):  # Clenshaw
        first, second = 2 * x * first - second + c, first
    return array_namespace(z).log(t) + x * first - second + _coefficients()[0]


def _log_scaled_anywhere(z: Array) -> Array:
    """g(z) of either sign; below zero by Q(z) = 1 − Q(−z)."""
    xp = array_namespace(z)
    size = _size(z)
    above = _log_scaled(size)
    half_square = 0.5 * size * size
    return xp.where(z < 0, xp.log1p(-xp.exp(above - half_square)) + half_square, above)


def log_tail(z: Array) -> Array:
    """The log of Q(z), relative error about 1e-15 on both sides.

    >>> import numpy as np
    >>> log_tail(np.array([0.0, 40.0])).round(6).tolist()
    [-0.693147, -804.608442]
    """
    xp = array_namespace(z)
    size = _size(z)
    upper = _log_scaled(size) - 0.5 * size * size
    return xp.where(z < 0, xp.log1p(-xp.exp(upper)), upper)


def log_mass(low: Array, high: Array) -> tuple[Array, Array]:
    """The log of P(low < N(0, 1) < high), and the density at low less that at high, over that probability.

    Both are right far out in either tail, and for intervals much narrower than one.

    >>> import numpy as np
    >>> log_mass(np.array([-1.0]), np.array([1.0]))[0].round(6).tolist()
    [-0.381715]
    """
    xp = array_namespace(low)
    middle, length = 0.5 * (low + high), high - low
    flip = xp.where(middle < 0, -1.0 + 0.0 * low, 1.0 + 0.0 * low)
    # mirrored to the right half, the near end may still be negative, but not by more than the far one is positive
    near, far = xp.where(middle < 0, -high, low), xp.where(middle < 0, -low, high)
    g_near, drop = _log_scaled_anywhere(near), _size(middle) * length
    inside = xp.log(-xp.expm1(_log_scaled_anywhere(far) - g_near - drop))
    # (φ(near) − φ(far))/mass, with φ(far) = φ(near) exp(−drop)
    ratio = xp.exp(-0.5 * math.log(2 * math.pi) - g_near - inside) * -xp.expm1(-drop)
    return g_near - 0.5 * near * near + inside, flip * ratio
