"""Implicit score matching: the explicit objective without the unknown score, by integration by parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from scorekit._arrays import check_rng, event_dot
from scorekit._checks import check_count, check_option
from scorekit._tables import displayed
from scorekit.objectives._base import CheckedScore, ScoreObjective, probes_first, samples_first
from scorekit.objectives._coupling import refuse_coupled_rows
from scorekit.objectives._trace_cost import warn_of_cost
from scorekit.protocols import Array, RngLike

__all__ = ["ImplicitScoreMatching", "Probes"]


@displayed
class Probes(NamedTuple):
    """``v``: directions for each sample, shape ``(n, m, *event)``, with E[v vᵀ] = I."""

    v: Array


@dataclass(frozen=True)
class ImplicitScoreMatching(ScoreObjective):
    """``ISM = E[tr ∇s(x) + ½ |s(x)|²] = ESM − ½ E|∇ log p|²``.

    The constant does not depend on the model, so the score of the data minimizes ISM. The equation holds if p·s
    vanishes at infinity.

    Args:
        trace: ``"exact"``, whose cost grows with the dimension d of one sample; or ``"hutchinson"``, the unbiased
            estimate vᵀ∇s v with Rademacher v. Its variance is 2(|S|² − Σ S_ii²), S the symmetric part of the Jacobian.
        probes: number of Hutchinson probes per sample, at least 1. They are independent between samples.

    If the model has a method ``divergence(x, sigma) -> (s, tr ∇s)``, it computes the exact trace. A method
    ``probed_divergence(x, sigma, probes) -> (s, mean of vᵀ ∇s v)`` computes the estimate.

    Raises:
        ValueError: an unknown ``trace``, ``probes`` below 1, or, when called, rows of the model that depend on each
            other (batch normalization in training mode).

    Warns:
        RuntimeWarning: once for each model, if the exact trace of a batch takes more than 2 seconds, with an estimate.

    Autodiff's derivative of the trace with respect to the parameters is wrong if the derivatives of the score jump, as
    with ReLU: ``fit`` raises an error for such a model. It is right for softplus, SiLU, GELU, tanh and ELU.

    References: Hyvärinen, Estimation of Non-Normalized Statistical Models by Score Matching, 2005, JMLR 6:695–709.
    Hutchinson, A Stochastic Estimator of the Trace of the Influence Matrix, 1990, doi:10.1080/03610919008812866.

    >>> import numpy as np
    >>> ImplicitScoreMatching().losses(lambda x: -2 * x, np.array([[3.0, 4.0]])).tolist()
    [46.0]
    """

    trace: Literal["exact", "hutchinson"] = "exact"
    probes: int = 1

    def __post_init__(self) -> None:
        check_option(self.trace, "trace", ("exact", "hutchinson"))
        object.__setattr__(self, "probes", check_count(self.probes, "probes"))

    @property
    def takes_trace(self) -> bool:
        """True."""
        return True

    @property
    def sampling_levels(self) -> tuple[float | None, ...]:
        """``(None,)``: the model is called without a noise level."""
        return (None,)

    def draw(self, x: Array, rng: RngLike = None) -> Probes | None:
        """Draw Rademacher probes for the estimate; None for the exact trace."""
        if self.trace == "exact":
            check_rng(rng)
            return None
        return Probes(samples_first(self._stream(x, rng).rademacher((self.probes, *x.shape), like=x)))

    def _prepare(self, score: CheckedScore, x: Array) -> None:
        refuse_coupled_rows(score, x)
        if self.trace == "exact":
            warn_of_cost(score, x)

    def _losses(self, score: CheckedScore, x: Array, noise: Probes | None) -> Array:
        s, trace = score.divergence(x, None if noise is None else probes_first(noise.v))
        return trace + 0.5 * event_dot(s, s)
