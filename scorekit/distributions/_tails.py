"""The Gaussian tail function in array operations; the array standard has no erf.

Q(z) = P(N(0, 1) > z) = exp(−z²/2 + g(z)) with a smooth g. With t = 2/(2 + z/√2) in (0, 1], a Chebyshev series of
g(z) − log t with 32 terms has error 1e-15, after Schonfelder, Chebyshev expansions for the error and related functions,
Mathematics of Computation 32 (1978), 1232–1240.
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
    """Coefficients of log(erfcx(w)/2) − log t for t in [0, 1], w = 2/t − 2."""
    from scipy.special import erfcx

    def smooth(t: Any) -> Any:
        return np.log(0.5 * erfcx(2 / t - 2) / t)

    series = np.polynomial.chebyshev.Chebyshev.interpolate(smooth, TERMS - 1, domain=[0, 1])
    return tuple(series.coef.tolist())


def _size(z: Array) -> Array:
    """|z| with derivative 1 at zero, that of the branch z ≥ 0; the derivative of ``abs`` there is 0."""
    return array_namespace(z).where(z < 0, -z, z)


def _log_scaled(z: Array) -> Array:
    """g(z) = log Q(z) + z²/2 for z ≥ 0."""
    t = 2 / (2 + z / math.sqrt(2))
    x, first, second = 2 * t - 1, 0.0 * t, 0.0 * t
    for c in reversed(_coefficients()[1:]):  # Clenshaw
        first, second = 2 * x * first - second + c, first
    return array_namespace(z).log(t) + x * first - second + _coefficients()[0]


def _log_scaled_anywhere(z: Array) -> Array:
    """g(z) for either sign; for z < 0 from Q(z) = 1 − Q(−z)."""
    xp = array_namespace(z)
    size = _size(z)
    above = _log_scaled(size)
    half_square = 0.5 * size * size
    return xp.where(z < 0, xp.log1p(-xp.exp(above - half_square)) + half_square, above)


def log_tail(z: Array) -> Array:
    """The log of Q(z), with relative error about 1e-15 for either sign.

    >>> import numpy as np
    >>> log_tail(np.array([0.0, 40.0])).round(6).tolist()
    [-0.693147, -804.608442]
    """
    xp = array_namespace(z)
    size = _size(z)
    upper = _log_scaled(size) - 0.5 * size * size
    return xp.where(z < 0, xp.log1p(-xp.exp(upper)), upper)


def log_mass(low: Array, high: Array) -> tuple[Array, Array]:
    """The log of P(low < N(0, 1) < high), and the density at low minus that at high, divided by that probability.

    Both are accurate far in either tail, and for very narrow intervals.

    >>> import numpy as np
    >>> log_mass(np.array([-1.0]), np.array([1.0]))[0].round(6).tolist()
    [-0.381715]
    """
    xp = array_namespace(low)
    middle, length = 0.5 * (low + high), high - low
    flip = xp.where(middle < 0, -1.0 + 0.0 * low, 1.0 + 0.0 * low)
    # after reflection to the right half, the near end may be negative, but |near| is at most the far end
    near, far = xp.where(middle < 0, -high, low), xp.where(middle < 0, -low, high)
    g_near, drop = _log_scaled_anywhere(near), _size(middle) * length
    inside = xp.log(-xp.expm1(_log_scaled_anywhere(far) - g_near - drop))
    # (φ(near) − φ(far))/mass, with φ(far) = φ(near) exp(−drop)
    ratio = xp.exp(-0.5 * math.log(2 * math.pi) - g_near - inside) * -xp.expm1(-drop)
    return g_near - 0.5 * near * near + inside, flip * ratio
