"""Data that end abruptly, for which implicit score matching is wrong.

Integration by parts gives E[tr ∇s] = −E[s·∇log p] plus the integral of p·s over the boundary of the data's range. The
objective leaves this term out (Hyvärinen 2005). It is zero if the density vanishes at the boundary.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scorekit.training.sources import Source

__all__ = ["edge_of"]

_COLUMNS, _NUMBERS = 64, 2**21  # columns that are checked, and entries in all
_FEWEST = 64  # extreme values that are compared; with fewer, edges and tails look alike
_SMALLEST = 2048  # samples
_SLOPE = 0.04  # what mean(y) / max(y), below, loses if the density rises behind an edge
_FEW = 20  # values with which nothing is said, and images that are taken together
_ATOM = 0.05  # a part of the samples that equals the extreme value exactly


def edge_of(source: Source, objective: Any = None) -> str | None:
    """The place where the data end abruptly, as the beginning of a sentence; None if there is none."""
    d = math.prod(source.first.shape[1:])
    x = source.some(max(_SMALLEST, _NUMBERS // min(d, _COLUMNS)))
    rows = source.owner.to_numpy(getattr(objective, "as_seen", lambda x: x)(x)).astype(float)
    rows = rows.reshape(-1, 1) if rows.ndim > 2 and len(rows) < _FEW else rows.reshape(len(rows), -1)
    shown = np.unique(np.linspace(0, rows.shape[1] - 1, _COLUMNS).astype(int))
    for column in shown:
        for sign, name in ((1.0, "smallest"), (-1.0, "largest")):
            values = sign * rows[:, column]
            part = _atom(values)
            end = sign * values.min()
            if part:
                return f"{part:.0%} of the values in column {column} of the data equal the {name}, {end:.4g}, exactly"
            if _ends_abruptly(values):
                return f"column {column} of the data ends abruptly at its {name} value, {end:.4g}"
    return None


def _atom(values: Any) -> float:
    """The part of the values that equals the smallest, if it is large, also beside that of other values; else 0."""
    ends = int((values == values.min()).sum())
    if len(values) < _FEW or ends < max(5, _ATOM * len(values)) or ends == len(values):
        return 0.0
    _, counts = np.unique(values, return_counts=True)
    return ends / len(values) if ends >= 0.5 * counts.max() else 0.0


def _ends_abruptly(values: Any) -> bool:
    """Whether the density just above the smallest value is as high as farther above.

    Let y be the distances of the k smallest values below the next one. If the density behaves like |x − end|^(a − 1),
    mean(y) / max(y) tends to 1 / (1 + a): to 1/2 for an edge, to 1/3 if the density falls linearly to 0, and to 0 like
    1 / log k for the tails of normal and heavier distributions. The standard deviation is √(1 / 12k) for an edge. All
    of k, k/2, k/4, … must show an edge, and as steep a one: a small cluster far from the others does so for one k only,
    a thin curve for large k only.
    """
    n = len(values)
    if n < _SMALLEST:
        return False
    k = max(n // 16, _SMALLEST // 4)
    small = np.sort(np.partition(values, k)[: k + 1])
    expected = 0.5
    while k >= _FEWEST:
        y = small[k] - small[:k]
        if not y[0] > 0 or y.mean() / y[0] < expected - max(0.85 / k**0.5, _SLOPE):
            return False
        expected, k = max(expected, y.mean() / y[0]), k // 2
    return True
