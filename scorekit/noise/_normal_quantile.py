"""The inverse of the normal distribution function, in array operations."""

from __future__ import annotations

from typing import Any

from scorekit.protocols import Array
from scorekit.registry import array_namespace

__all__ = ["normal_quantile"]

# numerator and denominator for each range, constant term first
_CENTER = (
    (
        3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
        4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
    ),
    (
        1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
        2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
    ),
)  # fmt: skip
_MIDDLE = (
    (
        1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
        1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
    ),
    (
        1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
        1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
    ),
)  # fmt: skip
_TAIL = (
    (
        6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
        2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
    ),
    (
        1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
        7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
    ),
)  # fmt: skip


def normal_quantile(u: Array) -> Array:
    """Φ⁻¹(u), the z with P(N(0, 1) <= z) = u, for u strictly between 0 and 1.

    Three ratios of polynomials of degree 7: in q = u − ½ for |q| <= 0.425, otherwise in r = √(−log min(u, 1 − u)), with
    separate ratios for r <= 5 and r > 5. The relative error in float64 is about 1e-15. No values are read, so the
    function can be traced.

    Source: Wichura, Algorithm AS 241: the percentage points of the normal distribution (1988), PPND16,
    doi:10.2307/2347330.

    >>> import numpy as np
    >>> normal_quantile(np.array([0.025, 0.5, 0.975])).round(6).tolist()
    [-1.959964, 0.0, 1.959964]
    """
    xp = array_namespace(u)
    q = u - 0.5
    r = xp.sqrt(-xp.log(xp.where(q < 0, u, 1 - u)))
    tail = xp.where(r <= 5, _ratio(_MIDDLE, r - 1.6), _ratio(_TAIL, r - 5))
    center = q * _ratio(_CENTER, 0.180625 - q * q)
    return xp.where(xp.abs(q) <= 0.425, center, xp.where(q < 0, -tail, tail))


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], r: Array) -> Array:
    top, bottom = (_polynomial(c, r) for c in coefficients)
    return top / bottom


def _polynomial(coefficients: tuple[float, ...], r: Array) -> Any:
    total: Any = 0.0
    for c in reversed(coefficients):
        total = total * r + c
    return total
