"""Kernels: one step of a chain, without a loop around it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from scorekit.protocols import Array
from scorekit.samplers.walk import Walk

__all__ = ["Denoise", "Kernel", "Moved", "Stage", "Unadjusted"]


class Moved(NamedTuple):
    """What a kernel's step returns.

    ``x``: the new positions, an array of its own. ``score``: the score where the step began. ``carry``: what the
    kernel wants back at its next step (a momentum, a log-density). ``facts``: values a chain, shape ``(n,)``, whose
    means go into the stats under these names; the same names at every step.
    """

    x: Array
    score: Array
    carry: Any = None
    facts: Mapping[str, Array] = {}


class Kernel(Protocol):
    """One step of a Markov chain: a frozen dataclass of numbers, with no state of its own.

    >>> Unadjusted(0.1).step_size, Denoise().step_size
    (0.1, nan)
    """

    @property
    def step_size(self) -> float:
        """The step size as the stats and messages name it; NaN if there is none."""
        ...

    def init(self, x: Array, sigma: float | None, walk: Walk) -> Any:
        """The first ``carry`` of a stage that begins at ``x``."""
        ...

    def step(self, x: Array, carry: Any, sigma: float | None, walk: Walk) -> Moved:
        """One step from ``x``, at noise level ``sigma``. Every chain moves by itself; ``x`` is not changed."""
        ...


class Stage(NamedTuple):
    """``steps`` steps of a kernel at one noise level; ``level`` is the index of ``sigma`` in its ladder."""

    kernel: Kernel
    steps: int
    sigma: float | None = None
    level: int = 0


@dataclass(frozen=True)
class Unadjusted:
    """The unadjusted Langevin step, x + step/2 · s(x, sigma) + sqrt(step) · z, z ~ N(0, I).

    >>> Unadjusted(0.1).step_size
    0.1
    """

    step_size: float

    def init(self, x: Array, sigma: float | None, walk: Walk) -> None:  # noqa: ARG002
        """Nothing is carried."""
        return

    def step(self, x: Array, carry: Any, sigma: float | None, walk: Walk) -> Moved:  # noqa: ARG002
        """One step for every chain."""
        score = walk.score(x, sigma)
        # The noise comes first: its product is the kernel's own array, in the inner order, whatever order the model
        # answered in, so the two sums may be taken in place.
        new = math.sqrt(self.step_size) * walk.normal()
        new += (self.step_size / 2) * score
        new += x
        return Moved(new, score)


@dataclass(frozen=True)
class Denoise:
    """The noise-free step to the posterior mean (Tweedie), x + sigma² · s(x, sigma).

    >>> import numpy as np
    >>> from scorekit.samplers import Walk
    >>> walk = Walk(lambda x, sigma: (1 - x) / sigma**2, np.zeros((2, 1)), rng=0)  # one-point data, at 1
    >>> Denoise().step(walk.layout.enter(walk.x0), None, 0.5, walk).x.ravel().tolist()
    [1.0, 1.0]
    """

    step_size: float = field(default=math.nan, init=False)

    def init(self, x: Array, sigma: float | None, walk: Walk) -> None:  # noqa: ARG002
        """Nothing is carried."""
        return

    def step(self, x: Array, carry: Any, sigma: float | None, walk: Walk) -> Moved:  # noqa: ARG002
        """One step for every chain; no noise is drawn."""
        assert sigma is not None
        score = walk.score(x, sigma)
        return Moved(x + sigma**2 * score, score)
