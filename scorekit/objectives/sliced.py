"""Sliced score matching: random directions in place of the full trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scorekit._arrays import event_size, event_sum
from scorekit._checks import check_count, check_option
from scorekit.objectives._base import CheckedScore, ScoreObjective, probes_first, samples_first
from scorekit.objectives._coupling import refuse_coupled_rows
from scorekit.objectives.implicit import Probes
from scorekit.protocols import Array, Rng, RngLike
from scorekit.registry import array_namespace

__all__ = ["SlicedScoreMatching"]


@dataclass(frozen=True)
class SlicedScoreMatching(ScoreObjective):
    """Sliced score matching: ISM with the trace replaced by random projections.

    The directions v have E[v vᵀ] = I and are independent for each sample:

    - plain: ``SSM = E[vᵀ∇s v + ½ (vᵀs)²]``
    - variance-reduced: ``SSM-VR = E[vᵀ∇s v + ½ |s|²]``, with the square averaged over v in closed form.

    The expectation of both over v is ISM.

    Args:
        projections: number of directions per sample, at least 1.
        distribution: ``"rademacher"`` (the least variance for most models), ``"gaussian"``, or ``"sphere"``,
            uniform on the sphere of radius √d.
        variance_reduced: True for SSM-VR, False for plain SSM.

    If the model has a method ``probed_divergence(x, sigma, probes) -> (s, mean of vᵀ ∇s v)``, it is used.

    Raises:
        ValueError: ``projections`` below 1, an unknown ``distribution``, or, when called, rows of the model that
            depend on each other (batch normalization in training mode).

    As for :class:`ImplicitScoreMatching`, the derivatives of the score must not jump: no ReLU.

    Reference: Song, Garg, Shi, Ermon, Sliced Score Matching: A Scalable Approach to Density and Score
    Estimation, 2019, arXiv:1905.07088.

    >>> import numpy as np
    >>> SlicedScoreMatching().losses(lambda x: -2 * x, np.array([[3.0, 4.0]]), rng=0).tolist()
    [46.0]
    """

    projections: int = 1
    distribution: Literal["rademacher", "gaussian", "sphere"] = "rademacher"
    variance_reduced: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "projections", check_count(self.projections, "projections"))
        check_option(self.distribution, "distribution", ("rademacher", "gaussian", "sphere"))
        check_option(self.variance_reduced, "variance_reduced", (True, False))

    def _prepare(self, score: CheckedScore, x: Array) -> None:
        refuse_coupled_rows(score, x)

    @property
    def takes_trace(self) -> bool:
        """True."""
        return True

    @property
    def sampling_levels(self) -> tuple[float | None, ...]:
        """``(None,)``: the model is called without a noise level."""
        return (None,)

    def draw(self, x: Array, rng: RngLike = None) -> Probes:
        """Draw the directions, shape ``(n, projections, *event)``."""
        return Probes(samples_first(self._directions(x, self._stream(x, rng))))

    def _losses(self, score: CheckedScore, x: Array, noise: Probes) -> Array:
        directions = probes_first(noise.v)
        s, curvature = score.divergence(x, directions)
        if self.variance_reduced:
            return curvature + 0.5 * event_sum(s * s)
        along = [event_sum(directions[k, ...] * s) ** 2 for k in range(self.projections)]
        return curvature + 0.5 * sum(along[1:], along[0]) / self.projections

    def _directions(self, x: Array, rng: Rng) -> Array:
        """Directions with E[v vᵀ] = I, shape ``(projections, n, *event)``."""
        shape = (self.projections, *x.shape)
        if self.distribution == "rademacher":
            return rng.rademacher(shape, like=x)
        v = rng.normal(shape, like=x)
        if self.distribution == "gaussian":
            return v
        xp = array_namespace(v)
        axes = tuple(range(2, v.ndim))
        return v * xp.sqrt(event_size(x) / xp.sum(v * v, axis=axes, keepdims=True))
