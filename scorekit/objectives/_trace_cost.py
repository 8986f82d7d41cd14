"""A warning for exact traces in high dimension, whose cost grows with the dimension."""

from __future__ import annotations

import time
import weakref
from contextlib import suppress
from typing import Any

import numpy as np

from scorekit._arrays import constant, event_size, readable
from scorekit._checks import warn
from scorekit.objectives._base import CheckedScore
from scorekit.protocols import Array
from scorekit.registry import backend_of

__all__ = ["warn_of_cost"]

_MANY = 512  # dimensions; below, an exact trace is never slow
_SLOW = 2.0  # seconds
_seen: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()


def warn_of_cost(score: CheckedScore, x: Array) -> None:
    """Warn once for each model and dimension if the exact trace of this batch takes seconds.

    The estimate is d times the time of vᵀ ∇s v for one v. A model with its own ``divergence`` is not judged.
    """
    d = event_size(x)
    if d < _MANY or score.has_divergence or not readable(x):
        return
    with suppress(TypeError):
        if _seen.get(score.given) == d:
            return
        _seen[score.given] = d
    seconds = d * _time_of_one(score, x)
    if seconds > _SLOW:
        warn(
            f"the exact trace takes {d} derivatives of the model, one for each dimension: about {seconds:.2g} s for "
            f'this batch of {x.shape[0]}. Use SlicedScoreMatching() or ImplicitScoreMatching("hutchinson"), with one '
            "derivative, or DenoisingScoreMatching(sigma), with none."
        )


def _time_of_one(score: CheckedScore, x: Array) -> float:
    owner = backend_of(x)
    probes = constant(np.ones((1, *x.shape)), x)
    started = time.perf_counter()
    owner.to_numpy(owner.divergence(score, x, probes)[1])
    return time.perf_counter() - started
