"""Checks before the first step that samplers will be able to call the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from scorekit._arrays import constant, no_grad
from scorekit._score import evaluate, takes_condition
from scorekit.errors import InvalidTypeError, ScorekitError, describe
from scorekit.objectives._base import CheckedScore
from scorekit.objectives._coupling import check_levels
from scorekit.protocols import Array, Learner
from scorekit.training.learnable import check_learnable
from scorekit.training.sources import Source
from scorekit.training.sources.seeding import seeded

__all__ = ["check_reaches", "rehearse"]

_ROWS = 3


def check_reaches(model: Any, source: Source) -> None:
    """Raise an error if the data have conditions and the model has no parameter for them."""
    if source.condition is not None and not takes_condition(model):
        raise InvalidTypeError(
            f"the data have a second item, a {describe(source.condition)}, and the model has no parameter for it: "
            "pass the samples alone, as data[0] or a dataset of arrays; or a model s(x, sigma, condition), for "
            "instance a network made with classes=… or condition_dim=…."
        )


def rehearse(learner: Learner, objective: Any, source: Source, seed: int) -> None:
    """Evaluate the EMA model as samplers do: with one row and several, at the largest and the smallest noise level.

    Then check that the objective can train the model (:func:`~scorekit.training.learnable.check_learnable`).
    Objectives without ``sampling_levels`` are skipped.
    """
    levels = getattr(objective, "sampling_levels", None)
    if not levels:
        return
    frozen = getattr(learner, "frozen", None)
    model = learner.model if frozen is None else frozen()
    x, condition = _few(learner, source)
    with seeded(source.owner.name, ("fit", seed, "rehearsal")), no_grad(x)(), np.errstate(all="ignore"), _named():
        for level in dict.fromkeys(levels):
            for rows in dict.fromkeys((x.shape[0], 1)):
                evaluate(model, x[:rows], level, None if condition is None else condition[:rows])
        if len(set(levels)) > 1 and x.shape[0] > 1:
            each = constant(np.resize(np.asarray(levels, float), x.shape[0]), x)
            check_levels(CheckedScore(model, condition), x, each)
    with seeded(source.owner.name, ("fit", seed, "trial")), np.errstate(all="ignore"):
        check_learnable(learner, objective, source, tuple(levels))


def _few(learner: Learner, source: Source) -> tuple[Array, Array | None]:
    told = source.checked_first()
    receive: Any = getattr(learner, "receive", lambda batch: batch)
    x, condition = receive((source.first[:_ROWS], None if told is None else told[:_ROWS]))
    return x, condition


@contextmanager
def _named() -> Iterator[None]:
    """Say in the message of an error that the call would fail after training."""
    said = "before the first step fit calls the model as samplers will, in evaluation mode, and this fails:"
    try:
        yield
    except ScorekitError as error:
        raise type(error)(f"{said} {error}") from error
    except Exception as error:
        raise InvalidTypeError(f"{said} {type(error).__name__}: {error}") from error
