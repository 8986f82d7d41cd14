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

    On N(m, v) the chain forgets its start by a = 1 − step_size/(2v) a step and settles at the variance
    v / (1 − step_size/(4v)): small steps are slow, large ones biased, and from 4v on they diverge.
    The model is called with ``sigma=None``; give ``sk.models.at(model, sigma)`` to sample at one noise level.

    Args:
        step_size: epsilon > 0, in the units of x squared.
        steps: how many, at least 1.

    Raises:
        ValueError, TypeError: a value outside its range, or of the wrong kind.

    Warns:
        RuntimeWarning: once a run of :meth:`sample`, if the step is less than 5 % below 4/L, L the largest curvature
            1/v, so that the variance is at least 20 times too large. L is estimated, by 13 more calls of the model,
            only if the recorded norms of the score are as large as such a step makes them.

    Reference: Roberts and Tweedie, Exponential convergence of Langevin distributions and their discrete
    approximations, Bernoulli 2 (1996). The factor 1/2 is that of Song and Ermon (2019).

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
        """A step size below the limit of stability."""
        return langevin_advice(diagnosis, self.step_size)

    def observer(self, context: Context) -> LimitWatch:
        """A warning for steps just below the limit of stability."""
        return LimitWatch(self.step_size, context)
