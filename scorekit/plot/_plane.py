"""A grid on the plane, and what fields and densities are on it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from scorekit._arrays import check_batch, check_count, check_positive, constant
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError
from scorekit.metrics._host import host, host_score
from scorekit.plot._axes import Box
from scorekit.protocols import Array, ScoreModel
from scorekit.registry import describe

__all__ = [
    "Plane",
    "check_level",
    "check_plane",
    "counts_on",
    "draw_contours",
    "emptiest_corner",
    "field_on",
    "log_density_on",
    "make_plane",
    "planar",
]

MASSES = (0.5, 0.9, 0.99)
"""Density is drawn as the smallest regions that hold these shares of the mass."""


class Plane(NamedTuple):
    """The coordinates ``x (g,)`` and ``y (g,)`` of a grid, and its points ``(g·g, 2)``, x running fastest."""

    x: Any
    y: Any
    points: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Rows (y) and columns (x)."""
        return len(self.y), len(self.x)


def make_plane(box: Box, grid: int, like: Array | None) -> Plane:
    """A grid of the centres of ``grid`` × ``grid`` cells that fill the box, as an array like ``like``."""
    grid = check_count(grid, "grid", minimum=2)
    steps = (np.arange(grid) + 0.5) / grid
    x, y = (low + (high - low) * steps for low, high in box)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return Plane(x, y, points if like is None else constant(points, like))


def field_on(plane: Plane, model: ScoreModel, sigma: float | None, name: str = "model") -> Any:
    """The vectors of a field on the grid, float64 ``(rows, columns, 2)``."""
    return host_score(model, plane.points, sigma, name).reshape(*plane.shape, 2)


def log_density_on(plane: Plane, density: Any, sigma: float | None) -> Any:
    """The log-density on the grid, float64 ``(rows, columns)``, of a distribution (smoothed) or a function of x."""
    values = _log_prob(density, sigma)(plane.points)
    if tuple(getattr(values, "shape", ())) != (len(plane.points),):
        raise ShapeError(
            f"density returned a {describe(values)}: expected one log-density a point, ({len(plane.points)},)."
        )
    return host(values).reshape(plane.shape)


def _log_prob(density: Any, sigma: float | None) -> Any:
    check_planar_distribution(density)
    if hasattr(density, "log_prob"):
        return density.log_prob if sigma is None else density.smoothed(sigma).log_prob
    if callable(density):
        return density
    raise InvalidTypeError(
        f"density is a {describe(density)}: expected a distribution with log_prob, or a function from (n, 2) to (n,)."
    )


def check_planar_distribution(distribution: Any) -> None:
    """Refuse a distribution that says that its dimension is not 2."""
    dim = getattr(distribution, "dim", 2)
    if dim != 2:
        raise ShapeError(f"the distribution has dimension {dim}: expected 2, for the plane is what can be drawn.")


def draw_contours(ax: Axes, plane: Plane, log_density: Any, color: str, filled: bool = False) -> Line2D | None:
    """Outline the smallest regions that hold each of :data:`MASSES`; what the legend needs, None if there are none."""
    levels = _mass_levels(log_density)
    if len(levels) == 0:
        return None
    relative = log_density - np.max(log_density)
    if filled:
        shades = ["0.93", "0.84", "0.74"][-len(levels) :]
        ax.contourf(plane.x, plane.y, relative, levels=[*levels, 1.0], colors=shades, zorder=0)
    ax.contour(plane.x, plane.y, relative, levels=levels, colors=color, linewidths=0.8, linestyles="solid", zorder=1.5)
    return Line2D([], [], color=color, linewidth=0.8, label="50, 90, 99 % of the mass")


def _mass_levels(log_density: Any) -> list[float]:
    """The ascending levels, relative to the largest, whose superlevel sets hold the masses (of what the grid shows)."""
    finite = log_density[np.isfinite(log_density)]
    if finite.size == 0:
        raise InvalidValueError(
            "the density is zero or not finite on the whole grid: choose limits that hold the data."
        )
    falling = np.sort(finite - finite.max())[::-1]
    mass = np.cumsum(np.exp(falling))
    at = np.searchsorted(mass / mass[-1], MASSES)
    levels = np.unique(falling[np.minimum(at, len(falling) - 1)])
    return [float(level) for level in levels if level < 0]


def emptiest_corner(density: Any) -> Any:
    """Where a legend hides least: the corner of a grid (rows from below) with the least mass, as matplotlib names it.

    Matplotlib's own "best" knows nothing of densities, and warns when there are many points.
    """
    rows, columns = (max(1, round(share * size)) for share, size in zip((0.2, 0.6), density.shape, strict=True))
    parts = {"lower": slice(None, rows), "upper": slice(-rows, None)}
    sides = {"left": slice(None, columns), "right": slice(-columns, None)}
    mass = {f"{v} {h}": float(density[parts[v], sides[h]].sum()) for v in parts for h in sides}
    return min(mass, key=lambda corner: mass[corner])


def counts_on(points: Any, box: Box) -> Any:
    """How many of the points ``(…, 2)`` fall in each cell of a coarse grid, rows from below."""
    return np.histogram2d(*points.reshape(-1, 2).T[::-1], bins=20, range=(box[1], box[0]))[0]


def check_plane(x: Array, name: str, axes: int = 2) -> None:
    """Refuse an array that is not a finite ``(n, 2)``, or ``(kept, n, 2)`` for three ``axes``."""
    check_batch(x, name)
    if x.ndim != axes or x.shape[-1] != 2:
        expected = "(n, 2)" if axes == 2 else "(kept, n, 2)"
        hint = f" Choose two coordinates, for instance {name}[..., :2]." if x.ndim == axes and x.shape[-1] > 2 else ""
        raise ShapeError(f"{name} has shape {tuple(x.shape)}: expected {expected}, points of the plane.{hint}")


def planar(x: Array, name: str, axes: int = 2) -> Any:
    """The checked points as float64 on the host."""
    check_plane(x, name, axes)
    return host(x)


def check_level(sigma: Any) -> float | None:
    """A noise level for a whole picture: None or one positive number."""
    return (
        None if sigma is None else check_positive(sigma, "sigma", "A picture has one level: leave sigma out for none.")
    )
