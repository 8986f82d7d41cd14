"""Plots of score fields in the plane, and of their errors."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, LogNorm, Normalize

from scorekit._checks import check_option, check_positive
from scorekit.metrics._score_error import check_noise_of, check_target
from scorekit.plot._axes import SIZE, Limits, add_colorbar, as_axes, as_box, style_plane
from scorekit.plot._plane import Backdrop, check_level, draw_backdrop, field_on, make_backdrop, make_plane
from scorekit.protocols import Array, Distribution, ScoreModel

__all__ = ["score_error", "score_field"]


def score_field(
    model: ScoreModel,
    ax: Axes | None = None,
    *,
    limits: Limits,
    grid: int = 20,
    sigma: float | None = None,
    like: Array | None = None,
    density: Any = None,
    scale_by: ScoreModel | None = None,
    colorbar: bool = True,
) -> Axes:
    """Plot a score model in the plane as arrows.

    The color of an arrow is the length |s| of the vector; dark means long. The scale is logarithmic if the largest
    length exceeds 20 medians. The drawn length increases with log(1 + |s|/median): no arrow is longer than a cell, and
    short vectors remain visible.

    Args:
        model: the score model s(x, sigma) on points ``(n, 2)``.
        ax: the Axes; None for a new figure.
        limits: r for [−r, r]², (low, high), or ((x0, x1), (y0, y1)).
        grid: arrows per side, at least 2.
        sigma: None or one positive noise level.
        like: an array that sets the framework, dtype and device of the model's input; None for NumPy float64.
        density: a distribution (smoothed by sigma), or a function from points ``(n, 2)`` to log-densities ``(n,)``.
            Contours enclose 50, 90 and 99 % of the mass.
        scale_by: another field whose lengths set the scales of colors and arrows, to compare panels.
        colorbar: whether to add a color bar.

    Returns:
        The Axes; the array of its quiver is |s|.

    Raises:
        ShapeError: the output of ``model``, ``scale_by`` or ``density`` has the wrong shape, or ``density`` has a
            dimension other than 2.
        InvalidTypeError: ``density``, ``limits`` or ``ax`` has the wrong type.
        InvalidValueError: ``limits``, ``grid``, ``sigma`` or ``colorbar`` is out of range.
        NonFiniteError: a field is NaN or infinite on the grid.

    >>> from matplotlib.figure import Figure
    >>> ax = score_field(lambda x: -x, Figure().subplots(), limits=3.0, grid=10)
    >>> len(ax.collections[0].get_array())
    100
    """
    check_option(colorbar, "colorbar", (True, False))
    box, sigma = as_box(limits), check_level(sigma)
    plane = make_plane(box, grid, like)
    field = field_on(plane, model, sigma)
    measure = _length(field if scale_by is None else field_on(plane, scale_by, sigma, "scale_by"))
    backdrop = make_backdrop(density, box, sigma, like)
    ax = as_axes(ax, SIZE + colorbar)
    length = _length(field)
    cell = min((high - low) / grid for low, high in box)
    arrows = field * (0.95 * cell * _shown_length(length, measure))[..., None]
    norm = _length_norm(measure)
    quiver = ax.quiver(
        plane.x,
        plane.y,
        arrows[..., 0],
        arrows[..., 1],
        length,
        angles="xy",
        scale_units="xy",
        scale=1,
        pivot="mid",
        cmap=_on_white(),
        norm=norm,
        width=0.0045,
        headwidth=3.6,
        headlength=4.2,
        headaxislength=3.8,
        zorder=2,
    )
    _add_density(ax, backdrop)
    if colorbar:
        add_colorbar(ax, quiver, _name("|s", sigma, "|"), _extend(norm, length))
    style_plane(ax, box)
    return ax


def _shown_length(length: Any, measure: Any) -> Any:
    """The factor for each vector that makes its length log(1 + |s|/median), at most 1.

    The median and the largest length are those of ``measure``.
    """
    largest = float(np.max(measure))
    if largest == 0:
        return np.zeros_like(length)
    middle = float(np.median(measure)) or largest
    shown = np.minimum(np.log1p(length / middle) / np.log1p(largest / middle), 1.0)
    return shown / np.where(length > 0, length, 1.0)


def _length_norm(length: Any) -> Normalize:
    largest, middle = float(np.max(length)), float(np.median(length))
    if middle > 0 and largest > 20 * middle:
        smallest = float(np.min(length[length > 0]))
        return LogNorm(max(smallest, 1e-3 * middle), largest, clip=False)
    return Normalize(0, largest or 1.0)


def _on_white() -> Colormap:
    """Viridis without its lightest part, which is invisible on white: long arrows are dark, in color and in gray."""
    return ListedColormap(colormaps["viridis_r"](np.linspace(0.15, 1, 256)), "viridis_on_white")


def score_error(
    model: ScoreModel,
    distribution: Distribution,
    ax: Axes | None = None,
    *,
    limits: Limits,
    grid: int = 120,
    sigma: float | None = None,
    like: Array | None = None,
    relative: bool = False,
    scale: str = "linear",
    vmax: float | None = None,
    contours: bool = True,
    colorbar: bool = True,
) -> Axes:
    """Plot the error |s − s*| of a score model against the exact score s* as a map.

    Args:
        model: the score model s(x, sigma) on points ``(n, 2)``.
        distribution: has ``score(x, sigma)``; for the contours also ``log_prob`` and ``smoothed(sigma)``.
        ax: the Axes; None for a new figure.
        limits: r for [−r, r]², (low, high), or ((x0, x1), (y0, y1)).
        grid: cells per side, at least 2. The color of a cell is the value at its center.
        sigma: None or one positive noise level, for both fields.
        like: an array that sets the framework, dtype and device of the model's input; None for NumPy float64.
        relative: show |s − s*|/|s*| instead; the zero field has 1.
        scale: color scale, "linear" or "log" (at most four decades).
        vmax: largest value of the color scale, positive. By default the largest error, or the 99th percentile of the
            relative error, which has a pole at every mode. Set it to compare panels.
        contours: outline the smallest regions with 50, 90 and 99 % of the data's mass.
        colorbar: whether to add a color bar.

    Returns:
        The Axes; the array of its first collection is the error, ``(grid, grid)``, rows from below.

    Raises:
        ShapeError: ``distribution`` has a dimension other than 2, or the output of ``model`` has the wrong shape.
        InvalidTypeError: ``distribution`` lacks a method, or ``limits`` or ``ax`` has the wrong type.
        InvalidValueError: ``limits``, ``grid``, ``sigma``, ``vmax`` or an option is out of range.
        NonFiniteError: a field is NaN or infinite on the grid.

    >>> import scorekit as sk
    >>> from matplotlib.figure import Figure
    >>> mixture = sk.distributions.GaussianMixture([0.8, 0.2], [[5.0, 5.0], [-5.0, -5.0]], 1.0)
    >>> ax = score_error(lambda x: -x, mixture, Figure().subplots(), limits=8.0, grid=50)
    >>> ax.collections[0].get_array().shape
    (50, 50)
    """
    check_option(scale, "scale", ("linear", "log"))
    for name, flag in {"relative": relative, "contours": contours, "colorbar": colorbar}.items():
        check_option(flag, name, (True, False))
    box, sigma = as_box(limits), check_level(sigma)
    plane = make_plane(box, grid, like)
    check_target(distribution, plane.points)
    check_noise_of(model, sigma)
    exact = field_on(plane, distribution.score, sigma, "distribution.score")
    error = _length(field_on(plane, model, sigma) - exact)
    if relative:
        error = error / np.maximum(_length(exact), np.finfo(float).tiny)
    top = _top(error, relative) if vmax is None else check_positive(vmax, "vmax")
    norm = _error_norm(error, scale, top)
    backdrop = make_backdrop(distribution if contours else None, box, sigma, like)
    ax = as_axes(ax, SIZE + colorbar)
    mesh = ax.pcolormesh(plane.x, plane.y, error, cmap="viridis", norm=norm, shading="nearest", rasterized=True)
    _add_density(ax, backdrop, on_dark=True)
    if colorbar:
        label = _name("|s", sigma, " − ∇log p|") + (" / |∇log p|" if relative else "")
        add_colorbar(ax, mesh, label, _extend(norm, error))
    style_plane(ax, box)
    return ax


def _length(field: Any) -> Any:
    return np.sqrt(np.sum(field**2, axis=-1))


def _top(error: Any, relative: bool) -> float:
    """The largest error, or the 99th percentile of the relative error, which has a pole at every mode."""
    return float(np.percentile(error, 99) if relative else np.max(error)) or 1.0


def _error_norm(error: Any, scale: str, top: float) -> Normalize:
    if scale == "linear":
        return Normalize(0, top)
    positive = error[error > 0]
    smallest = float(np.min(positive)) if positive.size else top
    return LogNorm(min(max(smallest, 1e-4 * top), top / 10), top)


def _extend(norm: Normalize, values: Any) -> str:
    below = norm.vmin is not None and bool(np.min(values) < norm.vmin)
    above = norm.vmax is not None and bool(np.max(values) > norm.vmax)
    return {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[below, above]


def _add_density(ax: Axes, backdrop: Backdrop | None, on_dark: bool = False) -> None:
    handles = draw_backdrop(ax, backdrop, "white" if on_dark else "0.55", filled=not on_dark)
    if not handles or backdrop is None:
        return
    legend = ax.legend(handles=handles, loc=backdrop.emptiest_corner, fontsize="small", framealpha=0.85)
    if on_dark:
        legend.get_frame().set_facecolor("0.25")
        for text in legend.get_texts():
            text.set_color("white")


def _name(start: str, sigma: float | None, end: str) -> str:
    return f"{start}(x){end}" if sigma is None else f"{start}(x, σ = {sigma:.3g}){end}"
