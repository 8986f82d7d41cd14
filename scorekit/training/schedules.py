"""Learning rates that change with the step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scorekit._checks import check_count, check_positive
from scorekit.errors import InvalidValueError

__all__ = ["WarmupCosine"]


@dataclass(frozen=True)
class WarmupCosine:
    """A rate that rises linearly to ``peak`` over ``warmup`` steps and falls to zero as half a cosine at ``steps``.

    ``rate(t) = peak · (t + 1)/warmup`` for t < warmup, then ``peak · ½ (1 + cos(π (t − warmup)/(steps − warmup)))``.

    Args:
        peak: the largest rate, positive.
        steps: the length of the run.
        warmup: steps of the rise, fewer than ``steps``; 0 for none.

    Reference: Loshchilov, Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017.

    >>> rate = WarmupCosine(1e-2, steps=1000, warmup=100)
    >>> rate(99), round(rate(550), 6)
    (0.01, 0.005)
    """

    peak: float
    steps: int
    warmup: int = 0

    def __post_init__(self) -> None:
        check_positive(self.peak, "peak")
        check_count(self.steps, "steps")
        check_count(self.warmup, "warmup", minimum=0)
        if self.warmup >= self.steps:
            raise InvalidValueError(f"warmup must be shorter than the run, got {self.warmup} of {self.steps} steps.")

    def __call__(self, step: int) -> float:
        """The rate of step ``step``, counted from 0; zero after the end."""
        if step < self.warmup:
            return self.peak * (step + 1) / self.warmup
        done = min(1.0, (step - self.warmup) / (self.steps - self.warmup))
        return self.peak * 0.5 * (1 + math.cos(math.pi * done))
