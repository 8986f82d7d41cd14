"""What all objectives share: their noise as an argument, the checks, and the mean over the batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from scorekit._arrays import as_rng, check_batch, weighted_mean
from scorekit._conditions import check_condition
from scorekit._score import check_score, score_function
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.protocols import Array, Rng, RngLike, ScoreModel
from scorekit.registry import array_namespace, backend_of

__all__ = ["CheckedScore", "ScoreObjective", "probes_first", "samples_first"]


class CheckedScore:
    """A model as the objectives call it: under one condition, and what comes back is like what went in."""

    def __init__(self, model: ScoreModel, condition: Array | None = None) -> None:
        self.model, self.condition = model, condition
        self._score = score_function(model)

    def __call__(self, x: Array, sigma: Any = None) -> Array:
        return check_score(self._score(x, sigma, self.condition), x)

    def divergence(self, x: Array, probes: Array | None = None) -> tuple[Array, Array]:
        """``(s, tr ∇s)`` without noise, or with ``probes`` the mean of vᵀ ∇s v: by the model's own way if it has one.

        That is ``divergence(x, sigma)``, and ``probed_divergence(x, sigma, probes)``; both get ``condition=`` where
        there is one.
        """
        name = "divergence" if probes is None else "probed_divergence"
        own = getattr(self.model, name, None)
        if own is None:
            return backend_of(x).divergence(self, x, probes)
        told = {} if self.condition is None else {"condition": self.condition}
        s, trace = own(x, None, **told) if probes is None else own(x, None, probes, **told)
        if tuple(trace.shape) != (x.shape[0],):
            raise ShapeError(f"model.{name} returned a trace of shape {tuple(trace.shape)}: expected ({x.shape[0]},).")
        return check_score(s, x), trace


class ScoreObjective(ABC):
    """An objective: concrete classes give ``_losses`` of checked arguments, and ``draw`` if they draw.

    >>> import numpy as np
    >>> class SquaredScore(ScoreObjective):
    ...     def _losses(self, score, x, noise):
    ...         return 0.5 * (score(x) ** 2).sum(axis=1)
    >>> float(SquaredScore()(lambda x: -x, np.array([[3.0, 4.0]])))
    12.5
    """

    def draw(self, x: Array, rng: RngLike = None) -> Any:
        """All random numbers that the losses of ``x`` need; None for an objective that draws none.

        Args:
            x: a batch ``(n, *event)``. Its shape, dtype and device count, and not its values: a part of a batch draws
                for the whole with a view ``broadcast_to(x[:1], (total, *event))`` and takes its own rows.
            rng: an Rng, a seed or None.

        Returns:
            A NamedTuple of arrays whose first axis is n, or None.
        """
        del x, rng

    def __call__(
        self,
        model: ScoreModel,
        x: Array,
        rng: RngLike = None,
        weights: Array | None = None,
        *,
        noise: Any = None,
        condition: Any = None,
    ) -> Array:
        """The loss: ``sum(w · losses) / sum(w)``, the plain mean without weights.

        Args:
            model: a score model.
            x: data, shape ``(n, *event)``.
            rng: an Rng, a seed or None; not used by objectives that draw nothing.
            weights: shape ``(n,)``, not negative, not all zero: a quadrature rule, or importance weights.
            noise: what :meth:`draw` returned, in place of ``rng``.
            condition: what a conditional model is told of each sample, first axis n; None for any other model.

        Returns:
            A scalar array, differentiable in what ``model`` closes over.

        Raises:
            ShapeError: an argument, or what the model returned, has another shape.
            TypeError: the model takes no condition and one is given; arrays of two frameworks or dtypes.
            ValueError: ``x`` or ``condition`` is not finite; both ``rng`` and ``noise`` are given.
        """
        return weighted_mean(self.losses(model, x, rng, noise=noise, condition=condition), weights)

    def losses(
        self, model: ScoreModel, x: Array, rng: RngLike = None, *, noise: Any = None, condition: Any = None
    ) -> Array:
        """One loss a sample, shape ``(n,)``; arguments as for a call. With ``noise`` a pure function of its arguments.

        >>> import numpy as np, scorekit as sk
        >>> objective, x = sk.objectives.DenoisingScoreMatching(0.5), np.ones((4, 2))
        >>> noise = objective.draw(x, rng=0)
        >>> whole = objective.losses(lambda x, sigma: -x, x, noise=noise)
        >>> part = objective.losses(lambda x, sigma: -x, x[:1], noise=type(noise)(*(a[:1] for a in noise)))
        >>> bool((part == whole[:1]).all())
        True
        """
        check_batch(x)
        score = CheckedScore(model, check_condition(condition, x))
        self._prepare(score, x)
        return self._losses(score, x, self._noise_for(x, rng, noise))

    def _noise_for(self, x: Array, rng: RngLike, noise: Any) -> Any:
        if noise is None:
            return _checked_noise(self.draw(x, rng), x, f"{type(self).__name__}.draw returned")
        if rng is not None:
            raise InvalidValueError(
                "both rng and noise are given: expected one of them, the noise or where it is from."
            )
        return _checked_noise(noise, x, "noise has")

    @property
    def sampling_levels(self) -> tuple[float | None, ...] | None:
        """The noise levels at which a trained model will be called: the largest and the smallest; None if unknown.

        ``fit`` tries them before the first step.
        """
        return None

    def _prepare(self, score: CheckedScore, x: Array) -> None:
        """Look at the model before it is used."""
        del score, x

    @abstractmethod
    def _losses(self, score: CheckedScore, x: Array, noise: Any) -> Array:
        """The losses of checked arguments; ``noise`` is what :meth:`draw` makes."""

    def _stream(self, x: Array, rng: RngLike) -> Rng:
        return as_rng(rng, x, type(self).__name__)


def _checked_noise(noise: Any, x: Array, who: str) -> Any:
    """The noise of a batch, refused when it is not one tuple of arrays with an entry for each sample."""
    if noise is None:
        return None
    if not isinstance(noise, tuple):
        raise InvalidTypeError(f"{who} a {describe(noise)}: expected a NamedTuple of arrays, or None.")
    for part in noise:
        if isinstance(part, tuple) or part is None:
            _checked_noise(part, x, who)
        elif tuple(getattr(part, "shape", ()))[:1] != (x.shape[0],):
            raise ShapeError(
                f"{who} {describe(part)} for {x.shape[0]} samples: expected arrays whose first axis is {x.shape[0]}."
            )
    return noise


def samples_first(probes: Array) -> Array:
    """A view of probes ``(m, n, *event)`` as ``(n, m, *event)``, which is how noise is handed around."""
    return array_namespace(probes).permute_dims(probes, (1, 0, *range(2, probes.ndim)))


def probes_first(probes: Array) -> Array:
    """The view back, ``(m, n, *event)``."""
    return samples_first(probes)
