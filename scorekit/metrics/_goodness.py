"""Goodness of fit: a test of counts against given proportions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scorekit._arrays import as_rng, host
from scorekit._numerics import row_blocks
from scorekit.protocols import RngLike

__all__ = ["multinomial_p_value"]

_FEW = 20_000
"""Largest number of possible counts that are enumerated."""

_DRAWS = 99_999
"""Number of simulated counts; the smallest possible p-value is then 1e-5."""

_ENTRIES = 1 << 20
"""Largest number of entries of the simulated counts in memory."""

_RARE = 10
"""The chi-square limit is used only if every expected count is at least this."""

_SPREAD = 0.0025
"""The chi-square limit is used only if the exact variance of the statistic exceeds its limit by at most this fraction.
In simulations with one to nine rare classes, P(p <= 1e-4) is then at most 1.2e-4; at an expected count of 5 it is 6e-4.
"""


def multinomial_p_value(counts: Any, truth: Any, rng: RngLike = 0) -> float:
    """The p-value of "``counts (k,)`` are multinomial with the proportions ``truth (k,)``", by Pearson's statistic.

    X² = Σ (count − n p)²/n p. Its distribution under the null hypothesis is

    - exact, by enumeration, for up to 20,000 possible counts (n up to 197 in three classes);
    - otherwise, if a class is rare, simulated with 99,999 counts: p = (1 + the number with an X² at least as large) /
      100,000, so P(p <= α) <= α for every α, and p is at least 1e-5;
    - otherwise chi-square, with one degree of freedom less than the number of classes of positive proportion. This
      limit is used if every expected count is at least 10 and the exact variance of X², 2(k − 1) + (Σ 1/p − k² − 2k +
      2)/n, is at most 1.0025 times its limit 2(k − 1).

    The result is 0 if a class of proportion 0 occurs, and 1 if there are no samples or only one possible class. Only
    the simulation uses ``rng``. The default is a fixed seed: the same counts give the same p-value.

    Source: Pearson, On the criterion that a given system of deviations … (1900), doi:10.1080/14786440009463897; the
    variance is that of Haldane, The exact value of the moments of the distribution of χ² … (1937),
    doi:10.1093/biomet/29.1-2.133; the simulated p-value is that of Davison and Hinkley, Bootstrap methods and their
    application (1997), doi:10.1017/CBO9780511802843.

    >>> import numpy as np
    >>> round(multinomial_p_value(np.array([3, 1]), np.array([0.5, 0.5])), 9)  # 2 (1 + 4)/16
    0.625
    """
    from scipy.special import chdtrc

    counts, n = np.asarray(counts), int(np.sum(counts))
    possible = truth > 0
    if np.any(counts[~possible]):
        return 0.0
    counts, p = counts[possible], truth[possible] / np.sum(truth)
    k = len(p)
    if n == 0 or k == 1:
        return 1.0
    observed = float(_statistic(counts, n, p))
    if math.comb(n + k - 1, k - 1) <= _FEW:
        outcomes = _compositions(n, k)
        as_far = _statistic(outcomes, n, p) >= observed * (1 - 1e-12)
        return min(1.0, float(np.sum(np.exp(_log_mass(outcomes[as_far], n, p)))))
    if _has_limit(n, p):
        return float(chdtrc(k - 1, observed))
    return (1 + _simulated_as_far(observed, n, p, rng)) / (1 + _DRAWS)


def _has_limit(n: int, p: Any) -> bool:
    """Whether the chi-square approximation is accurate enough."""
    k = len(p)
    excess = (np.sum(1 / p) - k * k - 2 * k + 2) / n
    return bool(n * np.min(p) >= _RARE and excess <= _SPREAD * 2 * (k - 1))


def _simulated_as_far(observed: float, n: int, p: Any, rng: RngLike) -> int:
    """The number of simulated counts with a statistic at least as large as ``observed``."""
    words = host(as_rng(rng, None, "goodness of fit").integers(0, 1 << 31, (4,)))
    generator = np.random.Generator(np.random.SFC64(words.astype(np.int64)))  # counts are drawn on the CPU
    far = 0
    for rows in row_blocks(_DRAWS, _ENTRIES // len(p)):
        outcomes = generator.multinomial(n, p, size=rows.stop - rows.start)
        far += int(np.sum(_statistic(outcomes, n, p) >= observed * (1 - 1e-12)))
    return far


def _statistic(counts: Any, n: int, p: Any) -> Any:
    return np.sum((counts - n * p) ** 2 / (n * p), axis=-1)


def _log_mass(counts: Any, n: int, p: Any) -> Any:
    """The logarithm of the multinomial probability of each row."""
    from scipy.special import gammaln

    return gammaln(n + 1) + np.sum(counts * np.log(p) - gammaln(counts + 1), axis=-1)


def _compositions(n: int, k: int) -> Any:
    """All ways to write ``n`` as an ordered sum of ``k`` counts, as rows (stars and bars)."""
    from itertools import combinations

    bars = np.array(list(combinations(range(n + k - 1), k - 1)))
    edges = np.pad(bars, ((0, 0), (1, 1)), constant_values=((0, 0), (-1, n + k - 1)))
    return np.diff(edges, axis=1) - 1
