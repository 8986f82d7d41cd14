"""The base class of all objectives: noise as an argument, argument checks, and the mean over the batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from scorekit._arrays import as_rng, check_batch, check_rng, weighted_mean
from scorekit._conditions import check_condition
from scorekit._score import check_score, score_function
from scorekit.errors import InvalidValueError, ShapeError, describe
from scorekit.learning.drawing import check_noise
from scorekit.learning.isotropic import isotropic_noise
from scorekit.learning.views import units_of, without_units
from scorekit.protocols import Array, Rng, RngLike, ScoreModel
from scorekit.registry import array_namespace, backend_of

__all__ = ["CheckedScore", "ScoreObjective", "probes_first", "samples_first"]


class CheckedScore:
    """A model with a fixed condition; its output is checked to have the shape and dtype of its input.

    For a model of ``sk.models.standardized`` it is the score of standardized points: ``units`` is that view, ``model``
    the model inside, and ``given`` the model that was passed, the same object at each step of a learner.
    """

    def __init__(self, model: ScoreModel, condition: Array | None = None, name: str = "model") -> None:
        self.given, self.condition, self._name = model, condition, name
        self.units = units_of(model)
        self.model = model if self.units is None else without_units(model)
        self._score = score_function(self.model, name)

    def __call__(self, x: Array, sigma: Any = None) -> Array:
        with isotropic_noise():
            return check_score(self._score(x, sigma, self.condition), x, self._name)

    @property
    def has_divergence(self) -> bool:
        """Whether the model computes its exact trace itself."""
        return getattr(self.model, "divergence", None) is not None

    def divergence(self, x: Array, probes: Array | None = None) -> tuple[Array, Array]:
        """``(s, tr ∇s)`` at sigma=None, or with ``probes`` the mean of vᵀ ∇s v in place of the trace.

        The model's own methods ``divergence(x, sigma)`` and ``probed_divergence(x, sigma, probes)`` are used if they
        exist. Both get ``condition=`` if there is a condition.
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
    """Base class of objectives. A subclass defines ``_losses`` for checked arguments, and ``draw`` if it is random.

    >>> import numpy as np
    >>> class SquaredScore(ScoreObjective):
    ...     def _losses(self, score, x, noise):
    ...         return 0.5 * (score(x) ** 2).sum(axis=1)
    >>> float(SquaredScore()(lambda x: -x, np.array([[3.0, 4.0]])))
    12.5
    """

    def draw(self, x: Array, rng: RngLike = None) -> Any:
        """Draw all random numbers that the losses of ``x`` need; None for a deterministic objective.

        Args:
            x: a batch ``(n, *event)``. Only its shape, dtype and device are used. For a part of a batch, draw for the
                whole batch with the view ``broadcast_to(x[:1], (total, *event))`` and take the rows of the part.
            rng: an Rng, a seed or None.

        Returns:
            A NamedTuple of arrays whose first axis is n, or None.
        """
        del x
        check_rng(rng)

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
        """The loss of the batch: ``sum(w · losses) / sum(w)``, or the mean if there are no weights.

        Args:
            model: a score model. For one of ``sk.models.standardized``, the loss is that of the model inside on the
                standardized data.
            x: data, shape ``(n, *event)``.
            rng: an Rng, a seed or None; not used by deterministic objectives.
            weights: shape ``(n,)``, nonnegative and not all zero: quadrature or importance weights.
            noise: the result of :meth:`draw`, in place of ``rng``.
            condition: the condition of each sample, first axis n; None for an unconditional model.

        Returns:
            A scalar array, differentiable in the parameters of ``model``.

        Raises:
            ShapeError: an argument or the model's output has the wrong shape.
            TypeError: ``condition`` is passed to a model without one; arrays have different frameworks or dtypes.
            ValueError: ``x`` or ``condition`` is not finite; both ``rng`` and ``noise`` are passed.
        """
        return weighted_mean(self.losses(model, x, rng, noise=noise, condition=condition), weights)

    def losses(
        self, model: ScoreModel, x: Array, rng: RngLike = None, *, noise: Any = None, condition: Any = None
    ) -> Array:
        """The loss of each sample, shape ``(n,)``. The arguments are those of a call.

        With ``noise``, the result is a pure function of the arguments.

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
        x = x if score.units is None else score.units.to_standard(x)
        self._prepare(score, x)
        losses = self._losses(score, x, self._noise_for(x, rng, noise))
        if tuple(getattr(losses, "shape", ())) != (x.shape[0],):
            raise ShapeError(
                f"{type(self).__name__}._losses returned a {describe(losses)} for {x.shape[0]} samples: expected "
                f"({x.shape[0]},), one loss per sample. Sum over the axes of a sample."
            )
        return losses

    def _noise_for(self, x: Array, rng: RngLike, noise: Any) -> Any:
        if noise is None:
            return check_noise(self.draw(x, rng), x.shape[0], f"{type(self).__name__}.draw returned")
        if rng is not None:
            raise InvalidValueError(
                "both rng and noise were passed: expected one of them. With noise from draw, leave rng out."
            )
        return check_noise(noise, x.shape[0], "noise has")

    @property
    def sampling_levels(self) -> tuple[float | None, ...] | None:
        """The largest and the smallest noise level at which a trained model is called; None if unknown.

        ``fit`` evaluates the model at both before the first step.
        """
        return None

    @property
    def takes_trace(self) -> bool:
        """Whether the losses contain a derivative of the score with respect to x; ReLU is then wrong."""
        return False

    def _prepare(self, score: CheckedScore, x: Array) -> None:
        """Check the model before the losses are computed."""
        del score, x

    @abstractmethod
    def _losses(self, score: CheckedScore, x: Array, noise: Any) -> Array:
        """The losses, for checked arguments; ``noise`` is the result of :meth:`draw`."""

    def _stream(self, x: Array, rng: RngLike) -> Rng:
        return as_rng(rng, check_batch(x, finite=False), type(self).__name__)


def samples_first(probes: Array) -> Array:
    """A view of probes ``(m, n, *event)`` as ``(n, m, *event)``, the layout of noise."""
    return array_namespace(probes).permute_dims(probes, (1, 0, *range(2, probes.ndim)))


def probes_first(probes: Array) -> Array:
    """The inverse of :func:`samples_first`: a view of shape ``(m, n, *event)``."""
    return samples_first(probes)
