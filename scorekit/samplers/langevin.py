"""Unadjusted Langevin dynamics."""

from __future__ import annotations

from dataclasses import dataclass

from scorekit._checks import check_count, check_positive
from scorekit.samplers._context import Context
from scorekit.samplers._divergence import Diagnosis
from scorekit.samplers._driver import ChainSampler
from scorekit.samplers._kernel import Rows, Schedule
from scorekit.samplers._langevin_limit import LimitWatch, langevin_advice
from scorekit.samplers._linear import langevin_row, linear_schedule

__all__ = ["Langevin"]


@dataclass(frozen=True)
class Langevin(ChainSampler):
    """Unadjusted Langevin dynamics, x ← x + step_size/2 · s(x) + sqrt(step_size) · z, z ~ N(0, I).

    On N(m, v) the distance to the mean shrinks by 1 − step_size/(2v) per step, and the stationary variance is
    v / (1 − step_size/(4v)): small steps are slow, large steps are biased, and steps of 4v or more diverge.
    The model is called with ``sigma=None``. To sample at one noise level, pass ``sk.models.at(model, sigma)``.

    Args:
        step_size: epsilon > 0, in units of x².
        steps: number of steps, at least 1.

    Raises:
        ValueError: ``step_size`` is not positive and finite, or ``steps`` is below 1.
        TypeError: ``step_size`` is not a number, or ``steps`` is not an integer.

    Warns:
        RuntimeWarning: once per run, if the step is less than 5 % below 4/L, L the largest curvature
            1/v; the variance is then at least 20 times too large. L is estimated, with 13 more calls of the model,
            only if the recorded score norms are as large as with such a step.

    References: Roberts and Tweedie, Exponential convergence of Langevin distributions and their discrete
    approximations, Bernoulli 2 (1996), doi:10.2307/3318418. The factor 1/2 follows Song and Ermon (2019),
    arXiv:1907.05600.

    >>> import numpy as np
    >>> samples = Langevin(step_size=0.5, steps=100).sample(lambda x: -x, np.zeros((2000, 2)), rng=0)
    >>> samples.x.shape, bool(abs(samples.x.var() - 1 / (1 - 0.5 / 4)) < 0.1)
    ((2000, 2), True)
    """

    step_size: float
    steps: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "step_size", check_positive(self.step_size, "step_size"))
        object.__setattr__(self, "steps", check_count(self.steps, "steps"))

    def schedule(self) -> Schedule:
        """The same row at every step, without a noise level."""
        row = langevin_row(self.step_size)
        return linear_schedule(Rows(self.steps, lambda k: row))

    def advice(self, diagnosis: Diagnosis) -> str:
        """Suggest a step size below the stability limit."""
        return langevin_advice(diagnosis, self.step_size)

    def observer(self, context: Context) -> LimitWatch:
        """Warn if the step is just below the stability limit."""
        return LimitWatch(self.step_size, context)
