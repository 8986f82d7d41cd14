"""Means, root ratios and proportions, with their uncertainty."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from scorekit._checks import check_number
from scorekit._tables import displayed
from scorekit.errors import InvalidValueError

__all__ = ["Estimate", "check_level", "mean", "root_ratio", "share_interval"]


@displayed
class Estimate(NamedTuple):
    """A value and its standard error, which is NaN if there is only one sample."""

    value: float
    stderr: float


def mean(values: Any) -> Estimate:
    """The mean of independent ``values (n,)``. Its standard error is s/√n, with s² the unbiased variance.

    >>> import numpy as np
    >>> mean(np.array([1.0, 3.0]))
    Estimate(value=2.0, stderr=1.0)
    """
    n = values.shape[0]
    if n == 1:
        return Estimate(float(values[0]), math.nan)
    return Estimate(float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(n)))


def root_ratio(a: Any, b: Any) -> Estimate:
    """R = √(E a / E b) of paired, non-negative values ``(n,)``, with the standard error of the delta method.

    dR = R/2 (dA/A − dB/B), so the error of R is that of the mean of R/2 (a_i/A − b_i/B). If all a are zero, R is 0 with
    error 0. If only all b are zero, R is infinite with error NaN.

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


def share_interval(count: Any, n: int, level: float) -> tuple[Any, Any]:
    """The exact Clopper–Pearson interval (lower, upper) of a proportion, for ``count`` of ``n``; within [0, 1].

    The lower end is the p with P(count or more of n) = α/2. The upper end is the p with P(count or fewer) = α/2, α = 1
    − ``level``. They are quantiles of the beta distributions (count, n − count + 1) and (count + 1, n − count). The
    coverage is at least ``level`` for every true proportion, also for rare events.

    Source: Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial
    (1934), doi:10.1093/biomet/26.4.404.

    >>> lower, upper = share_interval(50, 100, 0.95)
    >>> round(float(lower), 4), round(float(upper), 4)
    (0.3983, 0.6017)
    """
    from scipy.special import betaincinv

    count, tail = np.asarray(count, dtype=np.float64), (1 - level) / 2
    lower = np.where(count > 0, betaincinv(np.maximum(count, 1), n - count + 1, tail), 0.0)
    upper = np.where(count < n, betaincinv(count + 1, np.maximum(n - count, 1), 1 - tail), 1.0)
    return lower, upper
