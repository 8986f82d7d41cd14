"""Two checks of models: that rows do not depend on each other, and that sigma is aligned with the batch axis."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
        if score.given in _seen_uncoupled and _seen_uncoupled[score.given] == modes:
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
        _seen_uncoupled[score.given] = modes


def _modes(model: Any) -> Any:
    """The training flags of all parts of a module, because one batch normalization may be switched alone."""
    return [getattr(part, "training", None) for part in _parts(model)]


def _parts(model: Any) -> list[Any]:
    """The parts of the module inside views; for any other model, the model itself."""
    while inside(model) is not None:
        model = inside(model)
    parts = getattr(model, "modules", None)
    return list(parts()) if callable(parts) else [model]


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
    """Call :func:`check_levels`, once for each model, at its first call with several samples and their own levels."""
    model: Any = score.given
    with suppress(TypeError):
        if model in _seen_levels:
            return
    if x.shape[0] == 1 or not readable(x) or _is_prepared(model):
        return
    with _evaluation_mode(model):
        check_levels(score, x, sigma)
    with suppress(TypeError):
        _seen_levels.add(model)


def _is_prepared(model: Any) -> bool:
    """Whether a learner has wrapped the model to train it: ``fit`` checked it before, and it may be compiled."""
    while model is not None and not getattr(type(model), "is_prepared", False):
        model = inside(model)
    return model is not None


def check_levels(score: CheckedScore, x: Array, sigma: Array) -> None:
    """Raise ``ValueError`` if a row has another score when it is alone, because sigma meets the wrong axis.

    For example, ``-x / sigma`` with levels ``(n,)`` runs without an error if n equals the dimension, and is wrong. A
    model whose rows differ with one level for all as well (dropout, batch normalization) is not judged.
    """
    if _meets_the_wrong_axis(score, x, sigma):
        raise InvalidValueError(
            f"the score of sample 0 among {x.shape[0]} samples with their own noise levels is not that of sample 0 "
            "alone: expected rows that are independent of each other. Align sigma with the batch axis: "
            "sk.expand(sigma, x), or sigma.reshape(-1, 1, …)."
        )


def _meets_the_wrong_axis(score: CheckedScore, x: Array, sigma: Array) -> bool:
    owner = backend_of(x)

    def first_row(points: Array, levels: Array) -> Any:
        told = None if score.condition is None else score.condition[: points.shape[0]]
        s = CheckedScore(score.model, told)(1 * points, levels)[:1]
        return owner.to_numpy(s) if owner.readable(s) else None

    with no_grad(x)(), suppress(Exception):  # an error here is raised by the call itself, with its own message
        alone, whole = first_row(x[:1], sigma[:1]), first_row(x, sigma)
        if alone is None or _agree(whole, alone):
            return False
        same = first_row(x, 0 * sigma + sigma[0])
        return _agree(same, alone) and _agree(first_row(x, sigma), whole)  # no other mask of dropout
    return False


def _agree(a: Any, b: Any) -> bool:
    return bool(np.abs(a - b).max() <= _MIXED * np.abs(b).max())


@contextmanager
def _evaluation_mode(model: Any) -> Iterator[None]:
    """Inside, each part of a module is in evaluation mode: an evaluation changes no buffers and draws no masks."""
    parts = [part for part in _parts(model) if getattr(part, "training", False)]
    for part in parts:
        part.training = False
    try:
        yield
    finally:
        for part in parts:
            part.training = True
