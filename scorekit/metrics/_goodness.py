"""Do counts have the shares that they should have?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["multinomial_p_value"]

_FEW = 20_000
"""Up to so many possible counts are enumerated."""


def multinomial_p_value(counts: Any, truth: Any) -> float:
    """The p-value of "``counts (k,)`` are multinomial with the shares ``truth (k,)``" by Pearson's statistic.

    X² = Σ (count − n p)²/n p. Its null law is the exact one, by enumeration, up to 20,000 possible counts (n up to
    197 in three classes), else the chi-square with one degree of freedom less than the classes that can occur. It is 0
    when a class of share 0 occurs, and 1 when nothing could differ.

    Source: Pearson, On the criterion that a given system of deviations … (1900).

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
    if math.comb(n + k - 1, k - 1) > _FEW:
        return float(chdtrc(k - 1, observed))
    outcomes = _compositions(n, k)
    as_far = _statistic(outcomes, n, p) >= observed * (1 - 1e-12)
    return min(1.0, float(np.sum(np.exp(_log_mass(outcomes[as_far], n, p)))))


def _statistic(counts: Any, n: int, p: Any) -> Any:
    return np.sum((counts - n * p) ** 2 / (n * p), axis=-1)


def _log_mass(counts: Any, n: int, p: Any) -> Any:
    """The logarithm of the multinomial probability of each row."""
    from scipy.special import gammaln

    return gammaln(n + 1) + np.sum(counts * np.log(p) - gammaln(counts + 1), axis=-1)


def _compositions(n: int, k: int) -> Any:
    """All ways to write ``n`` as an ordered sum of ``k`` counts, as rows: the gaps between k − 1 bars among n stars."""
    from itertools import combinations

    bars = np.array(list(combinations(range(n + k - 1), k - 1)))
    edges = np.pad(bars, ((0, 0), (1, 1)), constant_values=((0, 0), (-1, n + k - 1)))
    return np.diff(edges, axis=1) - 1
