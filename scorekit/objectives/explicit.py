"""Explicit score matching: the distance to a score that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scorekit._arrays import as_sigma, event_dot, own
from scorekit._score import takes_condition
from scorekit.errors import InvalidTypeError, describe
from scorekit.objectives._base import CheckedScore, ScoreObjective
from scorekit.protocols import Array, Distribution, ScoreModel, Sigma
from scorekit.registry import backend_of

__all__ = ["ExplicitScoreMatching"]


@dataclass(frozen=True, eq=False)
class ExplicitScoreMatching(ScoreObjective):
    """``ESM = ½ E|s(x, sigma) − ∇ log p_sigma(x)|²``, for densities whose score is known.

    Args:
        target: a distribution with a ``score`` method, or a score function ``(x, sigma)`` or ``(x, sigma, condition)``.
        sigma: the noise level at which both are compared: None (no noise), a positive scalar or ``(n,)``.
            ``x`` should then be drawn from the density smoothed at that level.

    Reference: Hyvärinen, Estimation of Non-Normalized Statistical Models by Score Matching, 2005.

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
                "or a score function."
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ExplicitScoreMatching):
            return NotImplemented
        return bool(self.target == other.target) and _plain(self.sigma) == _plain(other.sigma)

    def __hash__(self) -> int:
        return hash((self.target, _plain(self.sigma)))

    def _target(self) -> Any:
        return getattr(self.target, "score", self.target)

    def _losses(self, score: CheckedScore, x: Array, noise: None) -> Array:  # noqa: ARG002
        sigma = as_sigma(self.sigma, x)
        exact = CheckedScore(self._target(), score.condition if takes_condition(self._target()) else None)(
            own(x), sigma
        )
        difference = score(own(x), sigma) - exact
        return 0.5 * event_dot(difference, difference)


def _plain(sigma: Any) -> Any:
    """A level, or an array of them, as something that can be compared and hashed."""
    return tuple(backend_of(sigma).to_numpy(sigma).tolist()) if getattr(sigma, "ndim", 0) else sigma
