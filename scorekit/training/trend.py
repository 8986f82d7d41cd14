"""Whether the loss of a run has settled, from the noisy losses of its minibatches."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

__all__ = ["Trend", "Verdict", "trend_of"]

Verdict = Literal["flat", "falling", "rising", "diverged", "too short"]

_BLOCKS = 32  # parts of a run whose losses are compared, half of them for the trend
_ALPHA = 0.01  # the rate of false trends of a loss that is constant, up or down
_MATERIAL = 0.01  # the smallest change over the last half that counts, relative to the fall since the start
_LOST = 0.25  # a run that loses this part of its fall has diverged
_CERTAIN = 6.0  # standard deviations of a block by which it then exceeds the best one
_TRIMMED = 0.25  # the part of the losses that is left out at each end, because single losses can be very large
_SHORTEST = 128  # steps: blocks of fewer than four losses have no such part


class Trend(NamedTuple):
    """The loss at the start and at the end of a run, and what it did last.

    ``start``, ``end``: trimmed means over the first and the last block. ``error``: the standard error of ``end``.
    ``last``: the number of steps of a block. ``verdict``: one of

    - ``"falling"``: over the last half the loss still falls, by more than 1 % of its fall since the start.
    - ``"rising"``: it rises by as much.
    - ``"diverged"``: it is higher than at its best by a quarter of its fall since the start, or more.
    - ``"flat"``: none of these. ``"too short"``: fewer than 128 steps.
    """

    start: float
    end: float
    error: float
    last: int
    verdict: Verdict


def trend_of(loss: Any) -> Trend:
    """The trend of the losses of the steps of a run; losses that are not finite are left out.

    The blocks of the last half are compared by Kendall's rank test, which holds for any distribution of the losses. A
    loss with a constant distribution is called falling or rising in 1 % of runs.

    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(size=1000)
    >>> trend_of(noise).verdict, trend_of(noise - np.arange(1000) / 100).verdict
    ('flat', 'falling')
    """
    loss = np.asarray(loss, dtype=float)
    loss = loss[np.isfinite(loss)]
    if len(loss) < _SHORTEST:
        parts = [loss[:1], loss[-1:]] if len(loss) else [np.array([np.nan])] * 2
        return Trend(float(parts[0][0]), float(parts[1][0]), np.nan, 1, "too short")
    size = len(loss) // _BLOCKS
    blocks = np.sort(loss[-size * _BLOCKS :].reshape(_BLOCKS, size), axis=1)
    cut = int(_TRIMMED * size)
    level = blocks[:, cut : size - cut].mean(axis=1)
    return Trend(float(level[0]), float(level[-1]), _error(blocks[-1], cut), size, _verdict(level))


def _verdict(level: Any) -> Verdict:
    from scipy import stats  # here, because it takes half a second

    noise = np.median(np.abs(np.diff(level))) / 0.954  # of a block: the median of |z − z'| is 0.954 for normals
    end, best = np.median(level[-3:]), level.min()
    if end - best > max(_LOST * (level[0] - best), _CERTAIN * noise):
        return "diverged"
    half = level[_BLOCKS // 2 :]
    test = stats.kendalltau(np.arange(len(half)), half)
    change = stats.theilslopes(half).slope * len(half)
    if test.pvalue > _ALPHA or abs(change) <= _MATERIAL * (level[0] - end):
        return "flat"
    return "falling" if change < 0 else "rising"


def _error(block: Any, cut: int) -> float:
    """The standard error of the trimmed mean of a sorted block (Tukey and McLaughlin 1963)."""
    kept = np.clip(block, block[cut], block[-cut - 1])
    return float(np.std(kept, ddof=1) / ((1 - 2 * _TRIMMED) * len(block) ** 0.5))
