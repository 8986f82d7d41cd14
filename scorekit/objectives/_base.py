"""What all objectives share: the doors, the mean over the batch, and a watch on models that couple samples."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any

import numpy as np

from scorekit._arrays import align, as_rng, check_batch, constant, event_size, weighted_mean
from scorekit._score import check_score, score_function
from scorekit.errors import InvalidValueError, ShapeError
from scorekit.protocols import Array, Rng, RngLike, ScoreModel
from scorekit.registry import backend_of

__all__ = ["CheckedScore", "ScoreObjective", "refuse_coupled_rows"]


class CheckedScore:
    """A model as the objectives call it: what comes back is shaped and typed like what went in."""

    def __init__(self, model: ScoreModel) -> None:
        self.model = model
        self._score = score_function(model)

    def __call__(self, x: Array, sigma: Any = None) -> Array:
        return check_score(self._score(x, sigma), x)

    def divergence(self, x: Array, probes: Array | None = None) -> tuple[Array, Array]:
        """``(s, tr ∇s)`` without noise, or with ``probes`` the mean of vᵀ ∇s v: by the model's own way if it has one.

        That is ``divergence(x, sigma)``, and ``probed_divergence(x, sigma, probes)``.
        """
        name = "divergence" if probes is None else "probed_divergence"
        own = getattr(self.model, name, None)
        if own is None:
            return backend_of(x).divergence(self, x, probes)
        s, trace = own(x, None) if probes is None else own(x, None, probes)
        if tuple(trace.shape) != (x.shape[0],):
            raise ShapeError(f"model.{name} returned a trace of shape {tuple(trace.shape)}: expected ({x.shape[0]},).")
        return check_score(s, x), trace


class ScoreObjective(ABC):
    """An objective: concrete classes give ``_losses`` of checked arguments.

    >>> import numpy as np
    >>> class SquaredScore(ScoreObjective):
    ...     draws = False
    ...     def _losses(self, score, x, rng):
    ...         return 0.5 * (score(x) ** 2).sum(axis=1)
    >>> float(SquaredScore()(lambda x: -x, np.array([[3.0, 4.0]])))
    12.5
    """

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
        score = CheckedScore(model)
        self._prepare(score, x)
        return self._losses(score, x, as_rng(rng, x, type(self).__name__) if self.draws else None)

    def _prepare(self, score: CheckedScore, x: Array) -> None:
        """Look at the model before it is used."""
        del score, x

    @abstractmethod
    def _losses(self, score: CheckedScore, x: Array, rng: Rng | None) -> Array:
        """The losses of checked arguments."""


_UNSEEN = object()
_COUPLED = 1e-6  # rounding apart, the reach of one row into another relative to its reach into itself
_seen_uncoupled: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def refuse_coupled_rows(score: CheckedScore, x: Array) -> None:
    """Refuse a model whose score at one sample depends on the other samples, where a trace is to be taken.

    The trace is differentiated for all rows at once, which is right only when row i of the score depends on row i
    of ``x`` alone; batch normalisation in training mode does not do so, and its ISM loss would be wrong without
    a word. One reverse pass from sample 0 decides, once for each model and each of its modes.
    """
    model: Any = score.model
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


def _couples_rows(score: CheckedScore, x: Array) -> bool:
    """Does Jᵀ v reach other rows when v is zero outside row 0?"""
    owner = backend_of(x)
    first = constant((np.arange(x.shape[0]) == 0).astype(float), x)
    ramp = constant(np.arange(1.0, event_size(x) + 1).reshape(1, *x.shape[1:]), x)
    reach = np.abs(owner.to_numpy(owner.vjp(score, x, align(first, x) * ramp)[1]))
    return bool(reach[1:].max() > _COUPLED * reach.max())
