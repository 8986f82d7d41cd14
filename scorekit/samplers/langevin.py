"""Unadjusted Langevin dynamics."""

from __future__ import annotations

from dataclasses import dataclass

from scorekit._arrays import check_count, check_positive
from scorekit.samplers.chain import ChainSampler
from scorekit.samplers.divergence import Autopsy, langevin_advice
from scorekit.samplers.kernels import Stage, Unadjusted

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

    def plan(self) -> tuple[Stage, ...]:
        """One stage, without a noise level."""
        return (Stage(Unadjusted(self.step_size), self.steps),)

    def advice(self, autopsy: Autopsy) -> str:
        """A step size below the limit of stability."""
        return langevin_advice(autopsy, self.step_size)
