"""Means, roots of ratios and shares, each with its uncertainty."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import check_number
from scorekit.errors import InvalidValueError

__all__ = ["Estimate", "check_level", "mean", "root_ratio", "wilson"]


class Estimate(NamedTuple):
    """A value and its standard error, which is NaN where one sample alone says nothing about spread."""

    value: float
    stderr: float


def mean(values: Any) -> Estimate:
    """The mean of independent ``values (n,)``; its standard error is s/√n with s² the unbiased variance.

    >>> import numpy as np
    >>> mean(np.array([1.0, 3.0]))
    Estimate(value=2.0, stderr=1.0)
    """
    n = values.shape[0]
    if n == 1:
        return Estimate(float(values[0]), math.nan)
    return Estimate(float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(n)))


def root_ratio(a: Any, b: Any) -> Estimate:
    """R = √(E a / E b) of paired, non-negative values ``(n,)``, with the delta method's standard error.

    dR = R/2 (dA/A − dB/B), so that R's error is that of the mean of R/2 (a_i/A − b_i/B).
    R is 0 with error 0 where a vanishes throughout, and infinite where only b does.

    >>> import numpy as np
    >>> root_ratio(np.array([4.0, 8.0]), np.array([1.0, 2.0]))
    Estimate(value=2.0, stderr=0.0)
    """
    top, bottom = float(np.mean(a)), float(np.mean(b))
    if top == 0:
        return Estimate(0.0, 0.0)
    if bottom == 0:
        return Estimate(math.inf, math.nan)
    ratio = math.sqrt(top / bottom)
    return Estimate(ratio, mean(ratio / 2 * (a / top - b / bottom)).stderr)


def check_level(level: Any) -> float:
    """``level`` as a float strictly between 0 and 1."""
    number = check_number(level, "level")
    if not 0 < number < 1:
        raise InvalidValueError(f"level must lie between 0 and 1, got {level}. For 95 % write level=0.95.")
    return number


def wilson(count: Any, n: int, level: float) -> tuple[Any, Any]:
    """Wilson's score interval of a share from ``count`` of ``n``: (lower, upper), within [0, 1].

    With z the two-sided normal quantile and p = count/n the ends are
    (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n). They are never empty, not even at p = 0 or 1.

    Source: Wilson, Probable inference, the law of succession, and statistical inference (1927).

    >>> lower, upper = wilson(50, 100, 0.95)
    >>> round(float(lower), 4), round(float(upper), 4)
    (0.4038, 0.5962)
    """
    from scipy.special import ndtri

    p, z = np.asarray(count) / n, float(ndtri(0.5 + level / 2))
    centre = p + z**2 / (2 * n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return np.clip((centre - half) / scale, 0.0, 1.0), np.clip((centre + half) / scale, 0.0, 1.0)
