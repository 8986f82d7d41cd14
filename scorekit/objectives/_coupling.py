"""Two watches on models: rows that depend on each other, and levels that meet the wrong axis."""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import Any

import numpy as np

from scorekit._arrays import constant, event_size, expand, no_grad, readable
from scorekit._score import inside
from scorekit.errors import InvalidValueError
from scorekit.objectives._base import CheckedScore
from scorekit.protocols import Array
from scorekit.registry import backend_of

__all__ = ["check_levels", "refuse_coupled_rows", "refuse_mixed_levels"]

_COUPLED = 1e-6  # rounding apart, the reach of one row into another relative to its reach into itself
_MIXED = 1e-3  # how far two evaluations of one row may differ, relative to the largest entry
_ROWS = 16  # rows that are looked at
_seen_uncoupled: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
_seen_levels: weakref.WeakSet[Any] = weakref.WeakSet()


def refuse_coupled_rows(score: CheckedScore, x: Array) -> None:
    """Refuse a model whose score at one sample depends on the other samples, where a trace is to be taken.

    The trace is differentiated for all rows at once, which is right only when row i of the score depends on row i
    of ``x`` alone. Batch normalization in training mode does not do so: its ISM loss would be wrong. A few reverse
    passes decide, once for each model and each combination of the modes of its parts.
    """
    modes = _modes(score.model)
    with suppress(TypeError):  # a model that cannot be hashed or weakly referenced is looked at each time
        if score.model in _seen_uncoupled and _seen_uncoupled[score.model] == modes:
            return
    if x.shape[0] == 1:  # one row tells nothing, and nothing is remembered
        return
    coupled = _couples_rows(score, x)
    if coupled is None:
        return
    if coupled:
        raise InvalidValueError(
            "the score at one sample changes with the other samples of the batch: a trace needs rows that are "
            "independent of each other. Batch normalization in training mode does this: call model.eval(), use another "
            "normalization, or DenoisingScoreMatching. sk.testing.check_score_model(model, x) tells more."
        )
    with suppress(TypeError):
        _seen_uncoupled[score.model] = modes


def _modes(model: Any) -> Any:
    """Whether each part of a module is in training mode: one batch normalization that is switched makes another one."""
    while inside(model) is not None:
        model = inside(model)
    parts = getattr(model, "modules", None)
    return [part.training for part in parts()] if callable(parts) else getattr(model, "training", None)


def _couples_rows(score: CheckedScore, x: Array) -> bool | None:
    """Does Jᵀ v reach rows where v is zero? For each bit of a row's number v is zero where the bit is 1, then 0.

    Any two rows differ in a bit, so that no pair can hide. None under a tracer, where no value can be looked at.
    """
    owner, n = backend_of(x), min(x.shape[0], _ROWS)
    ramp = constant(np.arange(1.0, event_size(x) + 1).reshape(1, *x.shape[1:]), x)
    for bit in range((n - 1).bit_length()):
        for value in (0, 1):
            taken = np.arange(x.shape[0]) >> bit & 1 == value
            weights = np.where(taken, 1 + np.cos(np.arange(x.shape[0]) ** 2) / 2, 0.0)
            v = expand(constant(weights, x), x) * ramp
            pulled = owner.vjp(score, x, v)[1]
            if not owner.readable(pulled):
                return None
            reach = np.abs(owner.to_numpy(pulled))
            if reach[~taken].max() > _COUPLED * reach.max():
                return True
    return False


def refuse_mixed_levels(score: CheckedScore, x: Array, sigma: Array) -> None:
    """:func:`check_levels`, once for each model, at its first call with a level for each sample.

    Not while a module trains, whose dropout and normalization are not meant to agree: ``fit`` looks at it before.
    """
    model: Any = score.model
    with suppress(TypeError):
        if model in _seen_levels:
            return
    if x.shape[0] == 1 or getattr(model, "training", None) or not readable(x):
        return
    check_levels(score, x, sigma)
    with suppress(TypeError):
        _seen_levels.add(model)


def check_levels(score: CheckedScore, x: Array, sigma: Array) -> None:
    """Refuse a model that gives a row another score when it is alone: a level has met the wrong axis.

    ``-x / sigma`` with levels ``(n,)`` runs only where n is the dimension, and is wrong there.
    """
    owner = backend_of(x)
    alone = CheckedScore(score.model, None if score.condition is None else score.condition[:1])
    with no_grad(x)():
        scores = (score(1 * x, sigma)[:1], alone(1 * x[:1], sigma[:1]))
    if not all(owner.readable(s) for s in scores):
        return
    whole, first = map(owner.to_numpy, scores)
    if np.abs(whole - first).max() > _MIXED * np.abs(first).max():
        raise InvalidValueError(
            f"the score of sample 0 among {x.shape[0]} samples with their own noise levels is not that of sample 0 "
            "alone: expected rows that are independent of each other. Line sigma up with the samples: "
            "sk.expand(sigma, x), or sigma.reshape(-1, 1, …)."
        )
