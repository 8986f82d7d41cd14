"""Plots of samples and chains in the plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from scorekit._checks import check_count, check_positive
from scorekit.errors import InvalidTypeError
from scorekit.plot._axes import DARK, LIGHT, Limits, as_axes, as_box, box_of, style_plane
from scorekit.plot._plane import counts_on, draw_backdrop, emptiest_corner, make_backdrop, planar
from scorekit.plot._states import kept_states
from scorekit.protocols import Array

__all__ = ["chains", "samples", "trajectory_of"]


def samples(
    x: Array,
    ax: Axes | None = None,
    *,
    reference: Array | None = None,
    limits: Limits | None = None,
    labels: tuple[str, str] = ("samples", "held-out data"),
    size: float | None = None,
) -> Axes:
    """Plot samples as a scatter plot, optionally over held-out data.

    Args:
        x: the samples ``(n, 2)``.
        ax: the Axes; None for a new figure.
        reference: data ``(m, 2)`` for comparison, drawn below the samples as larger gray dots.
        limits: r for [−r, r]², (low, high), or ((x0, x1), (y0, y1)); by default the bounding box of all points. The
            legend counts the points outside.
        labels: names of the samples and of the reference in the legend.
        size: area of a dot in points², positive; by default it decreases with the number of points.

    Returns:
        The Axes; its collections are the reference (if not None) and the samples.

    Raises:
        ShapeError: ``x`` or ``reference`` is not ``(n, 2)``.
        InvalidTypeError: an array is not float32 or float64, or ``labels`` are not two names.
        InvalidValueError: an array holds NaN or infinity, or ``limits`` or ``size`` is out of range.

    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = samples(np.zeros((10, 2)), Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['samples (10)']
    """
    points = planar(x, "x")
    held_out = None if reference is None else planar(reference, "reference")
    everything = points if held_out is None else np.concatenate([points, held_out])
    box = box_of(everything) if limits is None else as_box(limits)
    size = None if size is None else check_positive(size, "size")
    named = isinstance(labels, (tuple, list)) and [type(name) for name in labels] == [str, str]
    if not named:
        raise InvalidTypeError(f"labels are {labels!r}: expected two names, for instance ('samples', 'data').")
    ax = as_axes(ax)
    if held_out is not None:
        _dots(ax, held_out, box, LIGHT, labels[1], 3 * _area(len(held_out), size), zorder=1)
    _dots(ax, points, box, DARK, labels[0], _area(len(points), size), zorder=2)
    legend = ax.legend(loc=emptiest_corner(counts_on(everything, box)), fontsize="small", framealpha=0.85)
    for handle in legend.legend_handles:
        handle.set_alpha(1)  # type: ignore[union-attr]
        handle.set_sizes([18])  # type: ignore[union-attr]
    style_plane(ax, box)
    return ax


def _area(n: int, size: float | None) -> float:
    return float(np.clip(6000 / n, 1.5, 16)) if size is None else size


def _dots(ax: Axes, points: Any, box: Any, color: str, label: str, area: float, zorder: float) -> None:
    alpha = float(np.clip(1500 / len(points), 0.5, 0.9))
    name = f"{label} ({_counted(points, box)})"
    ax.scatter(points[:, 0], points[:, 1], s=area, c=color, alpha=alpha, linewidths=0, label=name, zorder=zorder)


def _counted(points: Any, box: Any) -> str:
    """The number of points, and the number of points outside the limits."""
    low, high = np.array(box).T
    outside = int(np.sum(np.any((points < low) | (points > high), axis=1)))
    return f"{len(points):,}" + (f", {outside:,} outside" if outside else "")


def trajectory_of(trajectory: Any) -> Any:
    """The states ``(kept, n, 2)`` as float64, from an array or from ``Samples``."""
    return planar(kept_states(trajectory, "(kept, n, 2)"), "trajectory", axes=3)


def chains(
    trajectory: Any,
    ax: Axes | None = None,
    *,
    limits: Limits | None = None,
    background: Any = None,
    most: int = 20,
) -> Axes:
    """Plot the paths of chains in the plane, from an open circle (the first kept state) to a filled one (the last).

    Args:
        trajectory: the kept states ``(kept, n, 2)``, or the ``Samples`` that contain them.
        ax: the Axes; None for a new figure.
        limits: r for [−r, r]², (low, high), or ((x0, x1), (y0, y1)); by default the bounding box of the paths.
        background: a distribution or a log-density, drawn as regions with 50, 90 and 99 % of the mass.
        most: largest number of chains to draw, evenly spaced among all; the legend shows both numbers.

    Returns:
        The Axes; its last three collections are the paths, their starts and their ends.

    Raises:
        ShapeError: ``trajectory`` is not ``(kept, n, 2)``.
        InvalidTypeError: ``trajectory`` is not an array, or the ``Samples`` have no trajectory.
        InvalidValueError: ``trajectory`` holds NaN or infinity, or ``limits`` or ``most`` is out of range.

    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = chains(np.random.default_rng(0).normal(size=(5, 30, 2)).cumsum(0), Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['20 of 30 chains', 'start', 'end']
    """
    states = trajectory_of(trajectory)
    n = states.shape[1]
    shown = states[:, np.unique(np.linspace(0, n - 1, min(n, check_count(most, "most"))).round().astype(int))]
    box = box_of(shown) if limits is None else as_box(limits)
    backdrop = make_backdrop(background, box)
    ax = as_axes(ax)
    regions = draw_backdrop(ax, backdrop)
    handles = _paths(ax, shown, f"{shown.shape[1]} of {n} chains" if shown.shape[1] < n else f"{n} chains")
    ax.legend(
        handles=[*handles, *regions],
        loc=emptiest_corner(counts_on(shown, box)),
        fontsize="small",
        framealpha=0.85,
    )
    style_plane(ax, box)
    return ax


def _paths(ax: Axes, states: Any, label: str) -> list[Any]:
    lines = LineCollection(
        list(np.swapaxes(states, 0, 1)), colors=DARK, linewidths=0.7, alpha=0.55, label=label, zorder=2
    )
    ax.add_collection(lines)
    ends: dict[str, Any] = {"linewidths": 1.0, "edgecolors": DARK, "s": 22}
    first, last = states[0], states[-1]
    start = ax.scatter(first[:, 0], first[:, 1], facecolors="white", label="start", zorder=3, **ends)
    end = ax.scatter(last[:, 0], last[:, 1], facecolors=DARK, label="end", zorder=4, **ends)
    return [lines, start, end]
