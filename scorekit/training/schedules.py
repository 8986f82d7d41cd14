"""Learning rate schedules."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scorekit._checks import check_count, check_positive
from scorekit.errors import InvalidValueError

__all__ = ["WarmupCosine"]


@dataclass(frozen=True)
class WarmupCosine:
    """A learning rate with linear warmup to ``peak`` and cosine decay to zero.

    ``rate(t) = peak · (t + 1)/warmup`` for t < warmup, then ``peak · ½ (1 + cos(π (t − warmup)/(steps − warmup)))``.

    Args:
        peak: the largest learning rate, positive.
        steps: the number of steps of the run.
        warmup: the number of warmup steps, fewer than ``steps``; 0 for no warmup.

    Raises:
        ValueError: ``peak`` is not positive, ``steps`` < 1, or ``warmup`` is negative or not below ``steps``.

    Reference: Loshchilov, Hutter, "SGDR: Stochastic gradient descent with warm restarts" (2017), arXiv:1608.03983.

    >>> rate = WarmupCosine(1e-2, steps=1000, warmup=100)
    >>> rate(99), round(rate(550), 6)
    (0.01, 0.005)
    """

    peak: float
    steps: int
    warmup: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "peak", check_positive(self.peak, "peak"))
        object.__setattr__(self, "steps", check_count(self.steps, "steps"))
        object.__setattr__(self, "warmup", check_count(self.warmup, "warmup", minimum=0))
        if self.warmup >= self.steps:
            raise InvalidValueError(f"warmup must be smaller than steps, got {self.warmup} of {self.steps} steps.")

    def __call__(self, step: int) -> float:
        """The learning rate of step ``step``, counted from 0; zero from ``steps`` on."""
        if step < self.warmup:
            return self.peak * (step + 1) / self.warmup
        done = min(1.0, (step - self.warmup) / (self.steps - self.warmup))
        return self.peak * 0.5 * (1 + math.cos(math.pi * done))
