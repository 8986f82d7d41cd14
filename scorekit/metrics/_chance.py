"""What a metric gives for two samples of one distribution, and whether a test can reject at all."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from scorekit._arrays import as_rng, host

__all__ = ["relabeled", "warn_if_powerless"]

_REJECTION = 0.05
"""The level at which tests are usual."""

_FEWEST_DRAWS = 1 / _REJECTION - 1
"""With fewer random draws no p-value is at most 5 %."""


def relabeled(a: Any, b: Any, statistic: Callable[[Any, Any], Any], repeats: int, name: str) -> Any:
    """The mean of ``statistic`` over ``repeats`` random divisions of the pooled rows into sets of the same sizes.

    This is its expected value for two samples of one distribution, without an assumption about the distribution. The
    divisions have a fixed seed, so the same arguments give the same value.
    """
    pool, stream = np.concatenate([a, b]), as_rng(0, None, name)
    found = []
    for _ in range(repeats):
        order = host(stream.choice(len(pool), (len(pool),), replace=False)).astype(int)
        found.append(statistic(pool[order[: len(a)]], pool[order[len(a) :]]))
    return np.mean(found, axis=0)


def warn_if_powerless(possible: float, samples: str, option: str = "", draws: int | None = None) -> None:
    """Warn if the smallest possible p-value exceeds 5 %.

    ``possible`` is the smallest p-value that samples of this size can give, ``draws`` the value of ``option``, the
    number of random draws, or None without draws. One draw means that the caller does not ask for a test.
    """
    if draws == 1:
        return
    if draws is not None and draws < _FEWEST_DRAWS:
        few = f"{option} is {draws}, so the p-value is at least {1 / (1 + draws):.3g}"
        remedy = f"use at least {_FEWEST_DRAWS:g}, or {option}=1 if you need no test"
    elif possible > _REJECTION:
        few, remedy = f"with {samples} the p-value is at least {possible:.3g}", "use more samples"
    else:
        return
    warnings.warn(f"{few}: the test cannot reject at the 5 % level. To test, {remedy}.", RuntimeWarning, stacklevel=3)
