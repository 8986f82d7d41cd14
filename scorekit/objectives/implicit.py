"""Implicit score matching: the explicit objective without the unknown score, by partial integration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from scorekit._arrays import event_dot
from scorekit._checks import check_count, check_option
from scorekit.objectives._base import CheckedScore, ScoreObjective, probes_first, samples_first
from scorekit.objectives._coupling import refuse_coupled_rows
from scorekit.protocols import Array, RngLike

__all__ = ["ImplicitScoreMatching", "Probes"]


class Probes(NamedTuple):
    """``v``: directions for each sample, shape ``(n, m, *event)``, with E[v vᵀ] = I."""

    v: Array


@dataclass(frozen=True)
class ImplicitScoreMatching(ScoreObjective):
    """``ISM = E[tr ∇s(x) + ½ |s(x)|²] = ESM − ½ E|∇ log p|²``.

    The constant does not depend on the model, so ISM is minimized by the score of the data, which it never
    needs. It holds when p·s vanishes at infinity.

    Args:
        trace: ``"exact"``, at a cost that grows with the dimension d of one sample; or
            ``"hutchinson"``, the unbiased estimate vᵀ∇s v with Rademacher v, of variance
            2(|S|² − Σ S_ii²) for the symmetric part S of the Jacobian.
        probes: Hutchinson probes a sample, at least 1. Each sample has its own.

    A model with a method ``divergence(x, sigma) -> (s, tr ∇s)`` of its own is asked for the exact trace, and one with
    ``probed_divergence(x, sigma, probes) -> (s, mean of vᵀ ∇s v)`` for the estimate.

    Raises:
        ValueError: rows of the model depend on each other (batch normalization in training mode).

    Reference: Hyvärinen, Estimation of Non-Normalized Statistical Models by Score Matching, 2005.
    Hutchinson, A Stochastic Estimator of the Trace of the Influence Matrix, 1990.

    >>> import numpy as np
    >>> ImplicitScoreMatching().losses(lambda x: -2 * x, np.array([[3.0, 4.0]])).tolist()
    [46.0]
    """

    trace: Literal["exact", "hutchinson"] = "exact"
    probes: int = 1

    def __post_init__(self) -> None:
        check_option(self.trace, "trace", ("exact", "hutchinson"))
        check_count(self.probes, "probes")

    @property
    def sampling_levels(self) -> tuple[float | None, ...]:
        """The model is called without a level."""
        return (None,)

    def draw(self, x: Array, rng: RngLike = None) -> Probes | None:
        """Rademacher probes for the estimate; nothing for the exact trace."""
        if self.trace == "exact":
            return None
        return Probes(samples_first(self._stream(x, rng).rademacher((self.probes, *x.shape), like=x)))

    def _prepare(self, score: CheckedScore, x: Array) -> None:
        refuse_coupled_rows(score, x)

    def _losses(self, score: CheckedScore, x: Array, noise: Probes | None) -> Array:
        s, trace = score.divergence(x, None if noise is None else probes_first(noise.v))
        return trace + 0.5 * event_dot(s, s)
