"""The linear kernel: a step is a linear combination of position, score and noise, with three coefficients per row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from scorekit.protocols import Array
from scorekit.samplers._kernel import Kernel, Row, Schedule, Step

if TYPE_CHECKING:
    from scorekit.samplers._context import Context

__all__ = ["Coefficients", "Linear", "denoising_row", "langevin_row", "linear_row", "linear_schedule"]


class Coefficients(NamedTuple):
    """The coefficients of a :class:`Linear` row: x ← a · x + b · s(x, sigma) + c · z."""

    a: float
    b: float
    c: float


@dataclass(frozen=True)
class Linear(Kernel):
    """The step x ← a · x + b · s(x, sigma) + c · z, z ~ N(0, I), with a, b and c from the row.

    ===================================  ==========  ================  ==========================
    step                                 a           b                 c
    ===================================  ==========  ================  ==========================
    Langevin with step size e            1           e / 2             sqrt(e)
    Euler step of the probability flow   1           σ (σ − σ')        0
    ancestral sampling                   1           σ² − σ'²          σ' sqrt(1 − σ'² / σ²)
    denoising (Tweedie)                  1           σ²                0
    ===================================  ==========  ================  ==========================

    Args:
        noise: False for rows with c = 0; then no noise is drawn. :func:`linear_schedule` uses both.

    >>> import numpy as np
    >>> from scorekit.samplers.kernels import Context, denoising_row
    >>> context = Context(lambda x, sigma: (1 - x) / sigma**2, np.zeros((2, 1)), rng=0)  # one-point data, at 1
    >>> x = context.copy_in(context.x0)
    >>> Linear(noise=False).step(x, None, denoising_row(0.5), context).x.ravel().tolist()
    [1.0, 1.0]
    """

    noise: bool = True

    def step(self, x: Array, state: Any, row: Row, context: Context) -> Step:
        """One step of all chains."""
        a, b, c = row.numbers
        score = context.score(x, row.sigma)
        new = a * x + b * score
        return Step(new + c * context.normal() if self.noise else new, state, score)


def linear_row(
    a: float,
    b: float,
    c: float,
    sigma: float | None = None,
    sigma_next: float | None = None,
    level: int = 0,
    step_size: float = math.nan,
) -> Row:
    """The row of a step x ← a · x + b · s(x, sigma) + c · z. If c = 0, its kernel draws no noise.

    >>> linear_row(1.0, 0.05, 0.3).numbers
    Coefficients(a=1.0, b=0.05, c=0.3)
    """
    return Row(sigma, sigma_next, level, step_size, 0 if c else 1, Coefficients(a, b, c))


def langevin_row(step_size: float, sigma: float | None = None, level: int = 0) -> Row:
    """The row of a Langevin step, x ← x + step_size/2 · s(x, sigma) + sqrt(step_size) · z.

    >>> langevin_row(0.25).numbers
    Coefficients(a=1.0, b=0.125, c=0.5)
    """
    return linear_row(1.0, step_size / 2, math.sqrt(step_size), sigma, sigma, level, step_size)


def denoising_row(sigma: float, level: int = 0) -> Row:
    """The row of the noiseless step to the posterior mean, x ← x + sigma² · s(x, sigma).

    >>> denoising_row(0.5).numbers
    Coefficients(a=1.0, b=0.25, c=0.0)
    """
    return linear_row(1.0, sigma**2, 0.0, sigma, 0.0, level)


def linear_schedule(rows: Sequence[Row]) -> Schedule:
    """The schedule of rows from :func:`linear_row`, :func:`langevin_row` and :func:`denoising_row`.

    >>> len(linear_schedule([langevin_row(0.1), denoising_row(0.5)]))
    2
    """
    return Schedule((Linear(), Linear(noise=False)), rows)
