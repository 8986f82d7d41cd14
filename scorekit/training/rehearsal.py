"""Checks before the first step that samplers will be able to call the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from scorekit._arrays import constant, no_grad
from scorekit._score import evaluate, takes_condition
from scorekit.datasets._transforms import padded
from scorekit.errors import InvalidTypeError, ScorekitError, describe
from scorekit.objectives._base import CheckedScore
from scorekit.objectives._coupling import check_levels
from scorekit.protocols import Array, Learner
from scorekit.training.learnable import check_learnable
from scorekit.training.sources import Source
from scorekit.training.sources.seeding import seeded

__all__ = ["check_reaches", "few", "rehearse"]

_ROWS = 3
_MULTIPLES = (4, 8, 16, 32, 64)


def check_reaches(model: Any, source: Source) -> None:
    """Raise an error if the data have conditions and the model has no parameter for them."""
    if source.condition is not None and not takes_condition(model):
        raise InvalidTypeError(
            f"the data have a second item, a {describe(source.condition)}, and the model has no parameter for it: "
            "pass the samples alone, as data[0] or a dataset of arrays; or a model s(x, sigma, condition), for "
            "instance a network made with classes=… or condition_dim=…."
        )


def rehearse(learner: Learner, objective: Any, source: Source, seed: int, null: Any = None) -> None:
    """Evaluate the EMA model as samplers do: with one row and several, at the largest and the smallest noise level.

    Then check that the objective can train the model (:func:`~scorekit.training.learnable.check_learnable`).
    Objectives without ``sampling_levels`` are skipped. ``null`` is the null condition of training, or None.
    """
    levels = getattr(objective, "sampling_levels", None)
    match = getattr(learner, "match", _unchanged)
    if not levels:
        match(source.first)
        return
    try:
        _call_as_samplers_do(learner, source, seed, levels)
    except InvalidTypeError:
        if not match(source.first):  # nothing that a dtype could explain
            raise
        _call_as_samplers_do(learner, source, seed, levels)
    with seeded(source.owner.name, ("fit", seed, "trial")), np.errstate(all="ignore"):
        check_learnable(learner, objective, source, tuple(levels), null)


def _unchanged(_x: Array) -> bool:
    """The weights keep their dtype."""
    return False


def _call_as_samplers_do(learner: Learner, source: Source, seed: int, levels: Any) -> None:
    frozen = getattr(learner, "frozen", None)
    model = learner.model if frozen is None else frozen()
    x, condition = few(learner, source)
    named = _named(model, x, levels[0], condition)
    with seeded(source.owner.name, ("fit", seed, "rehearsal")), no_grad(x)(), np.errstate(all="ignore"), named:
        for level in dict.fromkeys(levels):
            for rows in dict.fromkeys((x.shape[0], 1)):
                evaluate(model, x[:rows], level, None if condition is None else condition[:rows])
        if len(set(levels)) > 1 and x.shape[0] > 1:
            each = constant(np.resize(np.asarray(levels, float), x.shape[0]), x)
            score = CheckedScore(model, condition)
            check_levels(score, x if score.units is None else score.units.to_standard(x), each)


def few(learner: Learner, source: Source) -> tuple[Array, Array | None]:
    """A few samples and their conditions, on the device of the model."""
    told = source.checked_first()
    receive: Any = getattr(learner, "receive", lambda batch: batch)
    x, condition = receive((source.first[:_ROWS], None if told is None else told[:_ROWS]))
    return x, condition


@contextmanager
def _named(model: Any, x: Array, level: float | None, condition: Array | None) -> Iterator[None]:
    """Say in the message of an error that the call would fail after training, and which size of images would not."""
    said = "before the first step fit calls the model as samplers will, in evaluation mode, and this fails:"
    try:
        yield
    except ScorekitError as error:
        raise type(error)(f"{said} {error}{_size_that_fits(model, x, level, condition, str(error))}") from error
    except Exception as error:
        hint = _size_that_fits(model, x, level, condition, str(error))
        raise InvalidTypeError(f"{said} {type(error).__name__}: {error}{hint}") from error


def _size_that_fits(model: Any, x: Array, level: float | None, condition: Array | None, said: str) -> str:
    """The advice to pad images, if the model takes padded ones. Networks that halve images need multiples of 2^k."""
    if x.ndim != 4 or "datasets.pad" in said:
        return ""
    if _works(model, x, level, condition):  # the size is not what is wrong
        return ""
    for multiple in _MULTIPLES:
        height, width = (-(-side // multiple) * multiple for side in x.shape[2:])
        if _works(model, padded(x, (height, width)), level, condition):
            size = height if height == width else (height, width)
            return (
                f" The model takes images of {height}×{width}, and these have {x.shape[2]}×{x.shape[3]}: write "
                f"sk.datasets.pad(x, {size})."
            )
    return ""


def _works(model: Any, x: Array, level: float | None, condition: Array | None) -> bool:
    try:
        evaluate(model, x[:1], level, None if condition is None else condition[:1])
    except Exception:
        return False
    return True
