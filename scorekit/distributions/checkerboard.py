"""The checkerboard: uniform on the black squares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from scorekit._arrays import constant
from scorekit._checks import check_count, check_positive
from scorekit._numerics import by_rows, log_sum_exp, softmax
from scorekit.distributions._base import Density
from scorekit.distributions._tails import log_mass
from scorekit.protocols import Array, Rng
from scorekit.registry import array_namespace

__all__ = ["Checkerboard"]


@dataclass(frozen=True)
class Checkerboard(Density):
    """Uniform on the squares (i, j), i + j even, of a board of ``cells`` × ``cells`` squares centered at 0.

    With noise, p_sigma(x) ∝ E(x₁) E(x₂) + O(x₁) O(x₂), where E and O are the probabilities of the even and the odd
    intervals of one axis. Without noise the density is piecewise constant, and ``score`` needs sigma.

    Args:
        cells: number of squares per side, at least 2.
        size: side length of the board, positive.

    Raises:
        InvalidTypeError: ``cells`` is not an integer, or ``size`` is not a number.
        InvalidValueError: ``cells`` is below 2, or ``size`` is not positive.

    >>> import numpy as np
    >>> np.exp(Checkerboard(cells=2, size=2.0).log_prob(np.array([[0.5, 0.5], [0.5, -0.5]])))
    array([0.5, 0. ])
    """

    cells: int = 4
    size: float = 4.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "cells", check_count(self.cells, "cells", 2))
        object.__setattr__(self, "size", check_positive(self.size, "size"))

    @property
    def dim(self) -> int:
        """2."""
        return 2

    @property
    def _side(self) -> float:
        return self.size / self.cells

    @property
    def _log_height(self) -> float:
        """Minus the log of the black area."""
        return -math.log((self.cells**2 + 1) // 2) - 2 * math.log(self._side)

    def _sample(self, n: int, rng: Rng, like: Array | None) -> Array:
        i, j = np.divmod(np.arange(self.cells**2), self.cells)
        black = np.stack([i, j], axis=1)[(i + j) % 2 == 0]
        u = rng.uniform((n, 2), like)
        corner = array_namespace(u).take(constant(black, u), rng.choice(len(black), (n,)), axis=0)
        return (corner + u) * self._side - self.size / 2

    def _log_prob(self, x: Array, variance: Any) -> Array:
        if variance is None:
            return self._sharp(x)
        return by_rows(self._smoothed_log_prob, x, variance, 2 * self.cells)

    def _score(self, x: Array, variance: Any) -> Array:
        if variance is None:
            raise self._needs_noise("score")
        return by_rows(self._smoothed_score, x, variance, 2 * self.cells)

    def _sharp(self, x: Array) -> Array:
        xp = array_namespace(x)
        square = xp.floor((x + self.size / 2) / self._side)
        total = square[:, 0] + square[:, 1]
        black = xp.all((square >= 0) & (square < self.cells), axis=1) & (total == 2 * xp.floor(total / 2))
        flat = 0.0 * x[:, 0]
        return xp.where(black, flat + self._log_height, flat - math.inf)

    def _smoothed_log_prob(self, x: Array, variance: Any) -> Array:
        even, odd, _, _ = self._bands(x, variance)
        return self._log_height + _log_add(even[:, 0] + even[:, 1], odd[:, 0] + odd[:, 1])

    def _smoothed_score(self, x: Array, variance: Any) -> Array:
        """The derivatives of log E and log O, weighted with the posterior probability of an even or an odd square."""
        xp = array_namespace(x)
        even, odd, even_slope, odd_slope = self._bands(x, variance)
        both = xp.stack([even[:, 0] + even[:, 1], odd[:, 0] + odd[:, 1]], axis=0)
        proportions = softmax(both, axis=0)[:, :, None]
        return proportions[0, :, :] * even_slope + proportions[1, :, :] * odd_slope

    def _bands(self, x: Array, variance: Any) -> tuple[Array, Array, Array, Array]:
        """The logs of E and O, and their derivatives along each axis, each (n, 2)."""
        xp = array_namespace(x)
        sigma = xp.sqrt(variance * constant(np.ones(1), x))[:, None, None]
        edges = constant(np.linspace(-self.size / 2, self.size / 2, self.cells + 1), x)
        scaled = (edges - x[:, :, None]) / sigma
        mass, ratio = log_mass(scaled[:, :, :-1], scaled[:, :, 1:])
        even, even_slope = _band(mass[:, :, ::2], ratio[:, :, ::2] / sigma)
        odd, odd_slope = _band(mass[:, :, 1::2], ratio[:, :, 1::2] / sigma)
        return even, odd, even_slope, odd_slope


def _band(mass: Array, slope: Array) -> tuple[Array, Array]:
    """The log of the probability of several intervals, and its derivative."""
    xp = array_namespace(mass)
    total = log_sum_exp(mass, axis=2)
    return total, xp.sum(xp.exp(mass - total[:, :, None]) * slope, axis=2)


def _log_add(a: Array, b: Array) -> Array:
    return log_sum_exp(array_namespace(a).stack([a, b], axis=0), axis=0)
