"""Explicit score matching: the distance to a known score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scorekit._arrays import as_sigma, event_dot, own
from scorekit._score import part_of, score_function, takes_condition
from scorekit.errors import InvalidTypeError, InvalidValueError, describe
from scorekit.objectives._base import CheckedScore, ScoreObjective
from scorekit.protocols import Array, Distribution, ScoreModel, Sigma
from scorekit.registry import backend_of

__all__ = ["ExplicitScoreMatching"]


@dataclass(frozen=True, eq=False)
class ExplicitScoreMatching(ScoreObjective):
    """``ESM = ½ E|s(x, sigma) − ∇ log p_sigma(x)|²``, for densities whose score is known.

    For a model of ``sk.models.standardized`` it is ½ E|scale · (s(x) − ∇ log p(x))|², and ``sigma`` must be None: the
    noise of the model is sigma · scale.

    Args:
        target: a distribution with a ``score`` method, or a score function ``(x, sigma)`` or ``(x, sigma, condition)``.
        sigma: the noise level of the comparison: None (no noise), a positive scalar or ``(n,)``. With a noise level,
            draw ``x`` from the smoothed density.

    Raises:
        TypeError: ``target`` has no score.
        ValueError: when called, ``sigma`` is not None and the model is standardized.

    Reference: Hyvärinen, Estimation of Non-Normalized Statistical Models by Score Matching, 2005, JMLR 6:695–709.

    >>> import numpy as np
    >>> ExplicitScoreMatching(lambda x: -x).losses(lambda x: -2 * x, np.array([[3.0, 4.0]])).tolist()
    [12.5]
    """

    target: Distribution | ScoreModel
    sigma: Sigma = None

    def __post_init__(self) -> None:
        if not callable(self._target()):
            raise InvalidTypeError(
                f"target is a {describe(self.target)}: expected a distribution with a score method, "
                f"or a score function.{part_of(self.target)}"
            )
        score_function(self._target(), "target")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ExplicitScoreMatching):
            return NotImplemented
        return bool(self.target == other.target) and _plain(self.sigma) == _plain(other.sigma)

    def __hash__(self) -> int:
        return hash((self.target, _plain(self.sigma)))

    def _target(self) -> Any:
        return getattr(self.target, "score", self.target)

    @property
    def sampling_levels(self) -> tuple[float | None, ...]:
        """The level of the comparison, or the largest and the smallest of several."""
        levels = _plain(self.sigma)
        return (max(levels), min(levels)) if isinstance(levels, tuple) else (levels,)

    def _losses(self, score: CheckedScore, x: Array, noise: None) -> Array:  # noqa: ARG002
        sigma = as_sigma(self.sigma, x)
        condition = score.condition if takes_condition(self._target()) else None
        exact = CheckedScore(self._in_units(score.units, sigma), condition, "target")(own(x), sigma)
        difference = score(own(x), sigma) - exact
        return 0.5 * event_dot(difference, difference)

    def _in_units(self, units: Any, sigma: Sigma) -> Any:
        """The target as a score of standardized points, if the model has ``units``."""
        if units is None:
            return self._target()
        if sigma is not None:
            raise InvalidValueError(
                "the noise of a standardized model is sigma * scale, and that of the target is sigma in each feature: "
                "expected sigma=None. With noise, compare the model inside with the target of standardized data."
            )
        target = score_function(self._target())

        def scaled(u: Array, sigma: Sigma = None, condition: Array | None = None) -> Array:
            return target(units.from_standard(u), sigma, condition) * units.like(u)[1]

        return scaled


def _plain(sigma: Any) -> Any:
    """A noise level or an array of levels as a hashable value."""
    return tuple(backend_of(sigma).to_numpy(sigma).tolist()) if getattr(sigma, "ndim", 0) else sigma
