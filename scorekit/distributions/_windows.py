"""Where to put the nodes of a one-dimensional integral of exp(f), one integral a sample.

The trapezoid rule converges faster than any power of the spacing for a smooth integrand that vanishes at both ends.
All that is left is to find, for every sample, where f is within some 36 nats of its maximum. That search is done here,
on the host and in NumPy: nodes are constants, and derivatives pass through the integrand alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["nodes"]

Values: TypeAlias = npt.NDArray[np.float64]
LogIntegrand: TypeAlias = Callable[[Values], Values]

DEPTH = 36.0
"""exp(−36) = 2e-16: what lies below it does not count."""
SCAN = 49
ROUNDS = 12


def nodes(f: LogIntegrand, low: Values, high: Values, count: int) -> tuple[Values, Values]:
    """Nodes ``(n, count)`` and the logs of their weights, for ∫ exp f over [low, high].

    ``f`` maps ``(n, m)`` to ``(n, m)``, one function a row; it has at most two maxima, and is below its largest value
    by more than ``DEPTH`` at both ends. Where the two maxima are parted by a valley deeper than that, each gets half of
    the nodes; else all nodes are spread over both.
    """
    low, high = _close_in(f, low, high)
    split, valley = _valley(f, low, high)
    if not split.any():
        return _grid(low, high, count)
    left, right = _close_in(f, low, np.where(split, valley, high)), _close_in(f, np.where(split, valley, low), high)
    half = count // 2
    (z_left, h_left), (z_right, h_right) = _grid(*left, half), _grid(*right, count - half)
    z_all, h_all = _grid(low, high, count)
    two = split[:, None]
    z = np.where(two, np.concatenate([z_left, z_right], axis=1), z_all)
    return z, np.where(two, np.concatenate([h_left, h_right], axis=1), h_all)


def _grid(low: Values, high: Values, count: int) -> tuple[Values, Values]:
    """The midpoint rule: the trapezoid's twin, with no node on the edge."""
    step = (high - low) / count
    z = low[:, None] + step[:, None] * (np.arange(count) + 0.5)
    return z, np.broadcast_to(np.log(step)[:, None], z.shape)


def _scan(f: LogIntegrand, low: Values, high: Values) -> tuple[Values, Values]:
    z = low[:, None] + (high - low)[:, None] * (np.arange(SCAN) / (SCAN - 1))
    return z, f(z)


def _close_in(f: LogIntegrand, low: Values, high: Values) -> tuple[Values, Values]:
    """Shrink to the hull of where f is within DEPTH of its maximum, and one cell more on each side.

    Between two neighbours of the highest point seen lies the maximum of a function with one: nothing is lost, however
    narrow it is. With two maxima, the highest point beside each of them is kept as well.
    """
    rows = np.arange(len(low))
    for _ in range(ROUNDS):
        z, value = _scan(f, low, high)
        keep = (value >= value.max(axis=1, keepdims=True) - DEPTH) | _peaks(value)
        first, last = keep.argmax(axis=1), SCAN - 1 - keep[:, ::-1].argmax(axis=1)
        closer_low, closer_high = z[rows, np.maximum(first - 1, 0)], z[rows, np.minimum(last + 1, SCAN - 1)]
        shrunk = (closer_high - closer_low) < 0.7 * (high - low)
        low, high = closer_low, closer_high
        if not shrunk.any():
            break
    return low, high


def _peaks(value: Values) -> npt.NDArray[np.bool_]:
    """Local maxima of a scan that a finer scan could raise to within DEPTH of the largest value.

    Between scan points, a concave f rises above the highest of them by no more than it falls to the neighbours.
    """
    padded = np.pad(value, ((0, 0), (1, 1)), constant_values=-math.inf)
    before, after = padded[:, :-2], padded[:, 2:]
    is_peak = (value >= before) & (value >= after)
    with np.errstate(invalid="ignore"):
        rise = np.where(is_peak, np.minimum(value - before, value - after), 0.0)
    rise = np.where(np.isfinite(rise), rise, 0.0)
    found: npt.NDArray[np.bool_] = is_peak & (value + rise >= value.max(axis=1, keepdims=True) - DEPTH)
    return found


def _valley(f: LogIntegrand, low: Values, high: Values) -> tuple[npt.NDArray[np.bool_], Values]:
    """Which rows have two maxima with a deep valley between them, and where it is lowest."""
    z, value = _scan(f, low, high)
    peaks = _peaks(value)
    first, last = peaks.argmax(axis=1), SCAN - 1 - peaks[:, ::-1].argmax(axis=1)
    index = np.arange(SCAN)
    between = (index > first[:, None]) & (index < last[:, None])
    inside = np.where(between, value, math.inf)
    lowest, rows = inside.argmin(axis=1), np.arange(len(low))
    deep = between.any(axis=1) & (inside[rows, lowest] < value.max(axis=1) - DEPTH)
    return deep, z[rows, lowest]
