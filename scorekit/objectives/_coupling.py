"""Two checks of models: that rows do not depend on each other, and that sigma is aligned with the batch axis."""

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

_COUPLED = 1e-6  # largest allowed gradient of one row with respect to another, relative to that of the row itself
_MIXED = 1e-3  # largest allowed difference of two evaluations of one row, relative to the largest entry
_ROWS = 16  # number of rows that are checked
_seen_uncoupled: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
_seen_levels: weakref.WeakSet[Any] = weakref.WeakSet()


def refuse_coupled_rows(score: CheckedScore, x: Array) -> None:
    """Raise ``ValueError`` if the score at one sample depends on the other samples; called before a trace is computed.

    The trace is computed for all rows at once. This is correct only if row i of the score depends on row i of ``x``
    alone. With batch normalization in training mode it does not, and the ISM loss would be wrong. The check takes a
    few reverse passes, once per model and per combination of the training modes of its submodules.
    """
    modes = _modes(score.model)
    with suppress(TypeError):  # a model that cannot be hashed or weakly referenced is checked every time
        if score.model in _seen_uncoupled and _seen_uncoupled[score.model] == modes:
            return
    if x.shape[0] == 1:  # nothing can be checked with one row, so nothing is cached
        return
    coupled = _couples_rows(score, x)
    if coupled is None:
        return
    if coupled:
        raise InvalidValueError(
            "the score at one sample changes with the other samples of the batch: a trace needs rows that are "
            "independent of each other. Batch normalization in training mode does this: call model.eval(), use another "
            "normalization, or DenoisingScoreMatching. For details run sk.testing.check_score_model(model, x)."
        )
    with suppress(TypeError):
        _seen_uncoupled[score.model] = modes


def _modes(model: Any) -> Any:
    """The training mode of each submodule; the result of the check depends on all of them."""
    while inside(model) is not None:
        model = inside(model)
    parts = getattr(model, "modules", None)
    return [part.training for part in parts()] if callable(parts) else getattr(model, "training", None)


def _couples_rows(score: CheckedScore, x: Array) -> bool | None:
    """Whether Jᵀ v is nonzero in rows where v is zero; None under a tracer, where no value can be read.

    For each bit of the row index, v is set to zero in the rows where the bit is 1, and then where it is 0. Any two
    rows differ in at least one bit, so every pair is checked.
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
    """Run :func:`check_levels` once per model, at its first call with one level per sample.

    It is skipped in training mode, because dropout and batch normalization differ between two calls. ``fit`` runs the
    check before training.
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
    """Raise ``ValueError`` if a row has a different score when it is alone: sigma is broadcast along the wrong axis.

    For example, ``-x / sigma`` with levels ``(n,)`` runs without an error if n equals the dimension, and is wrong.
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
            "alone: expected rows that are independent of each other. Align sigma with the batch axis: "
            "sk.expand(sigma, x), or sigma.reshape(-1, 1, …)."
        )
