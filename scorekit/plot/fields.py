"""Score fields on the plane, and where they are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, LogNorm, Normalize

from scorekit._checks import check_option, check_positive
from scorekit.metrics._score_error import check_target
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
    """Arrows of a score model on the plane.

    The color of an arrow is the length |s| of the vector, dark for long (logarithmic where lengths span more than a
    factor 20 above their median). Its drawn length grows with log(1 + |s|/median), so that none is longer than a
    cell and the weak ones can still be read.

    Args:
        model: the score model s(x, sigma) on points ``(n, 2)``.
        ax: where to draw; None for a new figure.
        limits: r for [−r, r]², (low, high), or ((x0, x1), (y0, y1)).
        grid: arrows a side.
        sigma: None or one noise level.
        like: an array whose framework, dtype and device the model wants; NumPy float64 by default.
        density: a distribution (drawn smoothed by sigma), or a function from points ``(n, 2)`` to log-densities
            ``(n,)``: contours around 50, 90 and 99 % of the mass.
        scale_by: another field, whose lengths set the scales of colors and arrows, so that panels can be compared.
        colorbar: whether to add one.

    Returns:
        The Axes; its quiver holds |s| as its array.

    Raises:
        ShapeError, InvalidTypeError, InvalidValueError, NonFiniteError: what came and what was expected.

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
    """By how much to scale each vector so that its length becomes log(1 + |s|/median), at most 1.

    Median and largest length are those of ``measure``.
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
    """Viridis from where it can be seen on white: long arrows dark, in color and in gray."""
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
    """A map of the distance |s − s*| between a score model and the exact score s*.

    Args:
        model: the score model s(x, sigma) on points ``(n, 2)``.
        distribution: has ``score(x, sigma)``; for the contours also ``log_prob`` and ``smoothed(sigma)``.
        ax: where to draw; None for a new figure.
        limits: r for [−r, r]², (low, high), or ((x0, x1), (y0, y1)).
        grid: cells a side, each colored by the value at its center.
        sigma: None or one noise level, for both fields.
        like: an array whose framework, dtype and device the model wants; NumPy float64 by default.
        relative: show |s − s*|/|s*| instead: 1 is what no model at all would get.
        scale: of the colors, "linear" or "log" (over at most four decades).
        vmax: the largest value that has a color of its own; by default the largest one, or the 99th percentile of
            the relative error, which has a pole at every mode. Give it to compare panels.
        contours: outline the smallest regions with 50, 90 and 99 % of the data's mass.
        colorbar: whether to add one.

    Returns:
        The Axes; its first collection holds the error as its array, ``(grid, grid)``, rows from below.

    Raises:
        ShapeError, InvalidTypeError, InvalidValueError, NonFiniteError: what came and what was expected.

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
    """The largest error, or for the relative one, which has a pole at every mode, nearly the largest."""
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
