"""Nodes for one-dimensional integrals of exp(f), one integral per sample.

For a smooth integrand that vanishes at both ends, the trapezoid rule converges faster than any power of the spacing.
This module finds, for every sample, the interval where f is within about 36 nats of its maximum. The search runs in
NumPy on the CPU; the nodes are then constants, and derivatives pass only through the integrand. Under a tracer the
search runs in the tracer's arrays with a fixed number of rounds. The nodes of a sample are the same in both cases, and
do not depend on the other samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from scorekit._arrays import host, readable
from scorekit.protocols import Array
from scorekit.registry import array_namespace

__all__ = ["nodes", "searchable"]

LogIntegrand: TypeAlias = Callable[[Array], Array]

DEPTH = 36.0
"""exp(−36) = 2e-16: smaller values of the integrand are negligible."""
SCAN = 49
ROUNDS = 12
STALLS = 2
"""A row stops after this many consecutive rounds that hardly shrink it: the next grid may still find a missed peak."""


def searchable(x: Array, variance: Any) -> tuple[Any, Any, Any]:
    """``(xp, x, variance)`` for the search, with variance ``(n,)``: NumPy arrays if values can be read."""
    if readable(x) and (isinstance(variance, float) or readable(variance)):
        x = host(x)
        return np, x, np.broadcast_to(host(variance), x.shape[:1])
    xp = array_namespace(x)
    return xp, x, xp.zeros_like(x[:, 0]) + variance


def nodes(xp: Any, f: LogIntegrand, low: Array, high: Array, count: int) -> tuple[Array, Array]:
    """Nodes ``(n, count)`` and the logs of their weights, for ∫ exp f over [low, high].

    ``xp`` is NumPy, or the namespace of tracers. ``f`` maps ``(n, m)`` to ``(n, m)``, one function per row. It has at
    most two maxima, and at both ends it is more than ``DEPTH`` below its largest value. If a valley deeper than that
    separates the two maxima, each gets half of the nodes; otherwise all nodes cover both.
    """
    low, high = _close_in(xp, f, low, high)
    split, valley = _valley(xp, f, low, high)
    if xp is np and not split.any():
        return _grid(xp, low, high, count)
    left = _close_in(xp, f, low, xp.where(split, valley, high))
    right = _close_in(xp, f, xp.where(split, valley, low), high)
    half = count // 2
    (z_left, h_left), (z_right, h_right) = _grid(xp, *left, half), _grid(xp, *right, count - half)
    z_all, h_all = _grid(xp, low, high, count)
    two = split[:, None]
    z = xp.where(two, xp.concat([z_left, z_right], axis=1), z_all)
    return z, xp.where(two, xp.concat([h_left, h_right], axis=1), h_all)


def _grid(xp: Any, low: Array, high: Array, count: int) -> tuple[Array, Array]:
    """The midpoint rule: as accurate as the trapezoid rule here, without nodes at the ends."""
    step = (high - low) / count
    z = low[:, None] + step[:, None] * xp.asarray(np.arange(count) + 0.5)
    return z, xp.broadcast_to(xp.log(step)[:, None], z.shape)


def _scan(xp: Any, f: LogIntegrand, low: Array, high: Array) -> Array:
    return f(low[:, None] + (high - low)[:, None] * xp.asarray(np.arange(SCAN) / (SCAN - 1)))


def _place(low: Array, high: Array, index: Array) -> Array:
    """The position of the scan point ``index`` in each row."""
    return low + (high - low) * (index / (SCAN - 1))


def _close_in(xp: Any, f: LogIntegrand, low: Array, high: Array) -> tuple[Array, Array]:
    """Shrink each interval to the hull of the points where f is within DEPTH of its maximum, plus one cell per side.

    The maximum of a unimodal function lies between the neighbors of the highest scan point, so it is never lost,
    however narrow it is. With two maxima, the highest point near each of them is also kept. A row stops after
    ``STALLS`` rounds that did not shrink it, so its window does not depend on the other rows.
    """
    going, stalled = low < high, xp.zeros_like(low)
    for _ in range(ROUNDS):
        value = _scan(xp, f, low, high)
        keep = (value >= xp.max(value, axis=1, keepdims=True) - DEPTH) | _peaks(xp, value)
        first, last = _ends(xp, keep)
        closer_low = _place(low, high, xp.maximum(first - 1, 0))
        closer_high = _place(low, high, xp.minimum(last + 1, SCAN - 1))
        shrunk = (closer_high - closer_low) < 0.7 * (high - low)
        low, high = xp.where(going, closer_low, low), xp.where(going, closer_high, high)
        stalled = xp.where(shrunk, 0.0, stalled + 1.0)
        going = going & (stalled < STALLS)
        if xp is np and not going.any():
            break
    return low, high


def _ends(xp: Any, marked: Array) -> tuple[Array, Array]:
    """The first and the last marked index of each row of a scan."""
    index = xp.asarray(np.arange(SCAN))
    return xp.min(xp.where(marked, index, SCAN - 1), axis=1), xp.max(xp.where(marked, index, 0), axis=1)


def _peaks(xp: Any, value: Array) -> Array:
    """Local maxima of a scan that a finer scan could raise to within DEPTH of the largest value.

    Between scan points, a concave f exceeds the highest of them by at most its drop to the neighbors.
    """
    edge = xp.full_like(value[:, :1], -math.inf)
    before, after = xp.concat([edge, value[:, :-1]], axis=1), xp.concat([value[:, 1:], edge], axis=1)
    is_peak = (value >= before) & (value >= after)
    with np.errstate(invalid="ignore"):
        rise = xp.where(is_peak, xp.minimum(value - before, value - after), 0.0)
    rise = xp.where(xp.isfinite(rise), rise, 0.0)
    return is_peak & (value + rise >= xp.max(value, axis=1, keepdims=True) - DEPTH)


def _valley(xp: Any, f: LogIntegrand, low: Array, high: Array) -> tuple[Array, Array]:
    """Rows that have two maxima with a deep valley between them, and the position of its minimum."""
    value = _scan(xp, f, low, high)
    first, last = _ends(xp, _peaks(xp, value))
    index = xp.asarray(np.arange(SCAN))
    between = (index > first[:, None]) & (index < last[:, None])
    inside = xp.where(between, value, math.inf)
    lowest = xp.argmin(inside, axis=1)
    deep = xp.any(between, axis=1) & (xp.min(inside, axis=1) < xp.max(value, axis=1) - DEPTH)
    return deep, _place(low, high, lowest)
