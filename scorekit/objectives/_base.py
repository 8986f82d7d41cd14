"""What all objectives share: the doors, the mean over the batch, and a watch on models that couple samples."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from scorekit._arrays import align, as_rng, check_batch, check_score, event_size, score_function, weighted_mean
from scorekit.errors import InvalidValueError
from scorekit.protocols import Array, Rng, RngLike, ScoreModel
from scorekit.registry import array_namespace, backend_of

__all__ = ["ScoreObjective", "refuse_coupled_rows"]

ScoreFunction = Callable[..., Array]


class ScoreObjective(ABC):
    """An objective: concrete classes give ``_losses`` of checked arguments."""

    @property
    def draws(self) -> bool:
        """Does it draw random numbers?"""
        return True

    def __call__(self, model: ScoreModel, x: Array, rng: RngLike = None, weights: Array | None = None) -> Array:
        """The loss: ``sum(w · losses) / sum(w)``, the plain mean without weights.

        Args:
            model: a score model.
            x: data, shape ``(n, *event)``.
            rng: an Rng, a seed or None; not used by objectives that draw nothing.
            weights: shape ``(n,)``, not negative, not all zero: a quadrature rule, or importance weights.

        Returns:
            A scalar array, differentiable in what ``model`` closes over.
        """
        return weighted_mean(self.losses(model, x, rng), weights)

    def losses(self, model: ScoreModel, x: Array, rng: RngLike = None) -> Array:
        """One loss a sample, shape ``(n,)``; arguments as for a call."""
        check_batch(x)
        score = score_function(model)
        stream = as_rng(rng, x) if self.draws else None

        def checked(y: Array, sigma: Any = None) -> Array:
            return check_score(score(y, sigma), y)

        self._prepare(model, checked, x)
        return self._losses(checked, x, stream)

    def _prepare(self, model: ScoreModel, score: ScoreFunction, x: Array) -> None:
        """Look at the model before it is used."""
        del model, score, x

    @abstractmethod
    def _losses(self, score: ScoreFunction, x: Array, rng: Rng | None) -> Array:
        """The losses of checked arguments."""


_UNSEEN = object()
_COUPLED = 1e-6  # rounding apart, the reach of one row into another relative to its reach into itself
_seen_uncoupled: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def refuse_coupled_rows(model: ScoreModel, score: ScoreFunction, x: Array) -> None:
    """Refuse a model whose score at one sample depends on the other samples, where a trace is to be taken.

    The trace is differentiated for all rows at once, which is right only when row i of the score depends on row i
    of ``x`` alone; batch normalisation in training mode does not do so, and its ISM loss would be wrong without
    a word. One reverse pass from sample 0 decides, once for each model and each of its modes.
    """
    mode = getattr(model, "training", None)
    with suppress(TypeError):  # a model that cannot be hashed or weakly referenced is looked at each time
        if _seen_uncoupled.get(model, _UNSEEN) == mode:
            return
    if x.shape[0] > 1 and _couples_rows(score, x):
        raise InvalidValueError(
            "the score at sample 0 changes with the other samples of the batch: a trace needs rows that are "
            "independent of each other. Batch normalisation in training mode does this: call model.eval(), use another "
            "normalisation, or DenoisingScoreMatching. sk.testing.check_score_model(model, x) tells more."
        )
    with suppress(TypeError):
        _seen_uncoupled[model] = mode


def _couples_rows(score: ScoreFunction, x: Array) -> bool:
    """Does Jᵀ v reach other rows when v is zero outside row 0?"""
    xp, owner = array_namespace(x), backend_of(x)
    first = xp.astype(xp.arange(x.shape[0]) == 0, x.dtype)
    ramp = xp.reshape(xp.astype(xp.arange(1, event_size(x) + 1), x.dtype), (1, *x.shape[1:]))
    reach = np.abs(owner.to_numpy(owner.vjp(score, x, align(first, x) * ramp)[1]))
    return bool(reach[1:].max() > _COUPLED * reach.max())
