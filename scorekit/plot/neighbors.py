"""Plots of samples beside their nearest training images."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from scorekit._arrays import host
from scorekit._checks import check_count
from scorekit.metrics import Neighbors
from scorekit.metrics import nearest_neighbors as find
from scorekit.plot._axes import DARK
from scorekit.plot.images import image_grid
from scorekit.protocols import Array

__all__ = ["nearest_neighbors"]

_GAP = 2


def nearest_neighbors(
    samples: Array,
    training: Array,
    ax: Axes | None = None,
    *,
    k: int = 1,
    columns: int = 4,
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Plot each sample, framed, and to its right its ``k`` nearest training images, nearest first.

    Args:
        samples: images ``(n, h, w)``, ``(n, c, h, w)`` or ``(n, h, w, c)`` with c = 1 or 3.
        training: images of the same shape.
        ax: the Axes; None for a new figure.
        k: number of neighbors, at least 1.
        columns: samples per row, each with its neighbors.
        limits: the values of black and white, as in :func:`image_grid`.

    Returns:
        The Axes, without ticks.

    Raises:
        ShapeError: ``samples`` and ``training`` are not images of one shape.
        InvalidTypeError: an array is not float32 or float64, or ``k`` or ``columns`` is not an integer.
        InvalidValueError: an array holds NaN or infinity, or ``k``, ``columns`` or ``limits`` is out of range.

    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> images = np.random.default_rng(0).random((9, 8, 8))
    >>> ax = nearest_neighbors(images[:3], images[3:], Figure().subplots(), k=2, columns=2)
    >>> ax.images[0].get_array().shape[:2], len(ax.patches)
    ((18, 58), 3)
    """
    found = find(samples, training, k)
    k, columns = check_count(k, "k"), min(check_count(columns, "columns"), samples.shape[0])
    ax = image_grid(_side_by_side(samples, training, found), ax, columns=columns * (k + 1), limits=limits, gap=_GAP)
    _frame(ax, samples.shape[0], columns, k + 1)
    ax.set_title(f"samples (framed), and nearest training image{'s' if k > 1 else ''}", fontsize="small")
    return ax


def _side_by_side(samples: Array, training: Array, found: Neighbors) -> Any:
    """``(n (k + 1), …)``: each sample, then its neighbors."""
    nearest = host(training)[found.indices]
    together = np.concatenate([host(samples)[:, None], nearest], axis=1)
    return together.reshape(-1, *together.shape[2:])


def _frame(ax: Axes, n: int, columns: int, group: int) -> None:
    """Draw a frame around each sample: the first of every ``group`` tiles, with ``columns`` groups per row."""
    rows = -(-n // columns)
    tall, wide = ax.images[-1].get_array().shape[:2]  # type: ignore[union-attr]
    down, across = (tall + _GAP) // rows, (wide + _GAP) // (columns * group)
    for i in range(n):
        corner = ((i % columns) * group * across - 1, (i // columns) * down - 1)
        size = (across - _GAP + 1, down - _GAP + 1)
        ax.add_patch(Rectangle(corner, *size, fill=False, edgecolor=DARK, linewidth=1.5, clip_on=False))
