"""Explicit score matching: the distance to a score that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scorekit._arrays import as_sigma, check_score, event_dot, score_function
from scorekit.errors import InvalidTypeError
from scorekit.objectives._base import CheckedScore, ScoreObjective
from scorekit.protocols import Array, Distribution, Rng, ScoreModel, Sigma
from scorekit.registry import describe

__all__ = ["ExplicitScoreMatching"]


@dataclass(frozen=True)
class ExplicitScoreMatching(ScoreObjective):
    """``ESM = ½ E|s(x, sigma) − ∇ log p_sigma(x)|²``, for densities whose score is known.

    Args:
        target: a distribution with a ``score`` method, or a score function ``(x, sigma)``.
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

    @property
    def draws(self) -> bool:
        """Nothing is random here."""
        return False

    def _target(self) -> Any:
        return getattr(self.target, "score", self.target)

    def _losses(self, score: CheckedScore, x: Array, rng: Rng | None) -> Array:  # noqa: ARG002
        sigma = as_sigma(self.sigma, x)
        difference = score(x, sigma) - check_score(score_function(self._target())(x, sigma), x)
        return 0.5 * event_dot(difference, difference)
