"""Grids in the plane, and fields and densities on them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from scorekit._arrays import check_batch, check_like, constant, host
from scorekit._checks import check_count, check_positive
from scorekit._score import refuse_other_framework
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.metrics._host import host_score
from scorekit.plot._axes import Box
from scorekit.protocols import Array, ScoreModel

__all__ = [
    "Backdrop",
    "Plane",
    "check_level",
    "counts_on",
    "draw_backdrop",
    "emptiest_corner",
    "field_on",
    "log_density_on",
    "make_backdrop",
    "make_plane",
    "planar",
]

MASSES = (0.5, 0.9, 0.99)
"""A density is drawn as the smallest regions that contain these proportions of the mass."""

FINE = 200
"""Cells per side of the grid for contours."""

EMPTY = -1e4
"""Smallest log-density relative to the largest: contours cannot be drawn next to −∞."""


class Plane(NamedTuple):
    """The coordinates ``x (g,)`` and ``y (g,)`` of a grid, and its points ``(g·g, 2)``; x varies fastest."""

    x: Any
    y: Any
    points: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Rows (y) and columns (x)."""
        return len(self.y), len(self.x)


def make_plane(box: Box, grid: int, like: Array | None) -> Plane:
    """The centers of ``grid`` × ``grid`` cells that fill the box, as an array like ``like``."""
    grid = check_count(grid, "grid", minimum=2)
    steps = (np.arange(grid) + 0.5) / grid
    x, y = (low + (high - low) * steps for low, high in box)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return Plane(x, y, points if like is None else constant(points, check_like(like)))


def field_on(plane: Plane, model: ScoreModel, sigma: float | None, name: str = "model") -> Any:
    """The vectors of a score field on the grid, float64 ``(rows, columns, 2)``."""
    way = "Pass an array of its framework, as like=torch.zeros(1)."
    refuse_other_framework(model, plane.points, "the points of the grid", way=way)
    return host_score(model, plane.points, sigma, name).reshape(*plane.shape, 2)


def log_density_on(plane: Plane, density: Any, sigma: float | None) -> Any:
    """The log-density of a (smoothed) distribution or of a function of x on the grid, float64 ``(rows, columns)``."""
    values = _log_prob(density, sigma)(plane.points)
    if tuple(getattr(values, "shape", ())) != (len(plane.points),):
        raise ShapeError(
            f"density returned a {describe(values)}: expected one log-density per point, ({len(plane.points)},)."
        )
    return host(values).reshape(plane.shape)


def _log_prob(density: Any, sigma: float | None) -> Any:
    _check_dimension(density)
    if hasattr(density, "log_prob"):
        return density.log_prob if sigma is None else density.smoothed(sigma).log_prob
    if callable(density):
        return density
    raise InvalidTypeError(
        f"density is a {describe(density)}: expected a distribution with log_prob, or a function from (n, 2) to (n,)."
    )


def _check_dimension(distribution: Any) -> None:
    """Raise ``ShapeError`` if the distribution has a dimension other than 2."""
    dim = getattr(distribution, "dim", 2)
    if dim != 2:
        raise ShapeError(
            f"the distribution or density, a {describe(distribution)}, has dimension {dim}: expected 2, because plots "
            "are in the plane."
        )


class Backdrop(NamedTuple):
    """A log-density on a fine grid, relative to its largest value, and the ascending levels to draw."""

    plane: Plane
    relative: Any
    levels: list[float]

    @property
    def emptiest_corner(self) -> Any:
        """The corner with the least mass, for the legend."""
        return emptiest_corner(np.exp(self.relative))


def make_backdrop(density: Any, box: Box, sigma: float | None = None, like: Array | None = None) -> Backdrop | None:
    """The argument of :func:`draw_backdrop` for a density; None for None."""
    if density is None:
        return None
    plane = make_plane(box, FINE, like)
    values = log_density_on(plane, density, sigma)
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        raise InvalidValueError(
            "the density is zero or not finite on the whole grid: choose limits that contain the data."
        )
    relative = np.where(np.isfinite(values), np.maximum(values - finite.max(), EMPTY), EMPTY)
    return Backdrop(plane, relative, _mass_levels(relative))


def draw_backdrop(ax: Axes, backdrop: Backdrop | None, color: str = "0.55", filled: bool = True) -> list[Artist]:
    """Outline (and shade) the smallest regions that contain each of :data:`MASSES`; return the legend handles."""
    if backdrop is None or not backdrop.levels:
        return []
    (x, y, _), relative, levels = backdrop
    if filled:
        ax.contourf(x, y, relative, levels=[*levels, 1.0], colors=["0.93", "0.84", "0.74"][-len(levels) :], zorder=0)
    ax.contour(x, y, relative, levels=levels, colors=color, linewidths=0.8, linestyles="solid", zorder=1.5)
    label = "50, 90, 99 % of the mass"
    if filled:
        return [Patch(facecolor="0.84", edgecolor=color, linewidth=0.8, label=label)]
    return [Line2D([], [], color=color, linewidth=0.8, label=label)]


def _mass_levels(relative: Any) -> list[float]:
    """The ascending levels whose superlevel sets contain the masses, relative to the mass on the grid."""
    falling = np.sort(relative, axis=None)[::-1]
    mass = np.cumsum(np.exp(falling))
    levels = np.unique(falling[np.searchsorted(mass, np.asarray(MASSES) * mass[-1])])
    return [float(level) for level in levels if level < 0]


def emptiest_corner(density: Any) -> Any:
    """The corner of a grid (rows from below) with the least mass, as a legend location of matplotlib.

    Matplotlib's own "best" ignores densities, and warns if there are many points.
    """
    rows, columns = (
        max(1, round(proportion * size)) for proportion, size in zip((0.2, 0.6), density.shape, strict=True)
    )
    parts = {"lower": slice(None, rows), "upper": slice(-rows, None)}
    sides = {"left": slice(None, columns), "right": slice(-columns, None)}
    mass = {f"{v} {h}": float(density[parts[v], sides[h]].sum()) for v in parts for h in sides}
    return min(mass, key=lambda corner: mass[corner])


def counts_on(points: Any, box: Box) -> Any:
    """The number of points ``(…, 2)`` in each cell of a coarse grid, rows from below."""
    return np.histogram2d(points[..., 1].ravel(), points[..., 0].ravel(), bins=20, range=np.array(box[::-1]))[0]


def planar(x: Array, name: str, axes: int = 2) -> Any:
    """Points ``(n, 2)``, or ``(kept, n, 2)`` if ``axes`` is 3, as float64; other shapes raise ``ShapeError``."""
    check_batch(x, name)
    if x.ndim != axes or x.shape[-1] != 2:
        expected = "(n, 2)" if axes == 2 else "(kept, n, 2)"
        hint = f" Choose two coordinates, for instance {name}[..., :2]." if x.ndim == axes and x.shape[-1] > 2 else ""
        raise ShapeError(f"{name} has shape {tuple(x.shape)}: expected {expected}, points in the plane.{hint}")
    return host(x)


def check_level(sigma: Any) -> float | None:
    """The noise level of a plot: None or one positive number."""
    return None if sigma is None else check_positive(sigma, "sigma", "A plot has one level: omit sigma for no noise.")
