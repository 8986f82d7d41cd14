"""Creation of Axes, and the common style of plots in the plane."""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable

from scorekit.errors import InvalidTypeError, InvalidValueError, describe

__all__ = ["DARK", "LIGHT", "SIZE", "Box", "Limits", "add_colorbar", "as_axes", "as_box", "box_of", "style_plane"]

Box: TypeAlias = tuple[tuple[float, float], tuple[float, float]]
Limits: TypeAlias = float | tuple[float, float] | Box
"""The visible part of the plane: r for [−r, r]², (low, high) for both axes, or ((x0, x1), (y0, y1))."""

SIZE = 4.0
"""Size of a panel in inches; a color bar adds one inch to the width."""

DARK, LIGHT = "#1f3b73", "#a8a8a8"
"""Colors of the main data and of the reference data; they differ in color and in gray."""


def as_axes(ax: Axes | None, width: float = SIZE, height: float = SIZE) -> Axes:
    """``ax`` itself, or the Axes of a new pyplot figure of the given size in inches."""
    if ax is None:
        from matplotlib import pyplot as plt

        return plt.subplots(figsize=(width, height), layout="constrained")[1]
    given: object = ax
    if isinstance(given, Axes):
        return given
    hint = " Pass one, for instance axes[0]." if isinstance(given, np.ndarray) else ""
    raise InvalidTypeError(f"ax is a {describe(given)}: expected a matplotlib Axes or None.{hint}")


def as_box(limits: Limits) -> Box:
    """``((x0, x1), (y0, y1))`` from any of the accepted :data:`Limits`."""
    try:
        given = np.asarray(limits)
        values = given.astype(float) if given.dtype.kind in "fiuO" else np.asarray(np.nan)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidTypeError(f"limits are {limits!r}: {_EXPECTED}") from error
    if values.ndim == 0:
        values = np.array([-values, values])
    if values.shape == (2,):
        values = np.stack([values, values])
    if values.shape != (2, 2) or not np.all(np.abs(values) < 1e150) or not np.all(values[:, 0] < values[:, 1]):
        raise InvalidValueError(f"limits are {limits!r}: {_EXPECTED}")
    return cast(Box, tuple((float(low), float(high)) for low, high in values))


_EXPECTED = "expected r for [-r, r] in both directions, (low, high), or ((x0, x1), (y0, y1)), ascending and finite."


def box_of(points: Any) -> Box:
    """The bounding box of all points ``(…, 2)``, enlarged by 5 % on each side."""
    pooled = points.reshape(-1, 2)
    low, high = pooled.min(axis=0), pooled.max(axis=0)
    margin = 0.05 * max(float(np.max(high - low)), 1e-9 + 1e-6 * float(np.max(np.abs(pooled))))
    return as_box(tuple((float(a - margin), float(b + margin)) for a, b in zip(low, high, strict=True)))  # type: ignore[arg-type]


def style_plane(ax: Axes, box: Box) -> None:
    """Set equal units on both axes, the limits, and the axis labels."""
    ax.set_aspect("equal")
    ax.set_xlim(box[0])
    ax.set_ylim(box[1])
    ax.set_xlabel("$x_1$")
    ax.set_ylabel("$x_2$")


def add_colorbar(ax: Axes, mappable: ScalarMappable, label: str, extend: str = "neither") -> None:
    """Add a color bar of the height of the panel."""
    bar = ax.figure.colorbar(mappable, ax=ax, fraction=0.046, pad=0.03, extend=extend)
    bar.set_label(label)
    bar.outline.set_visible(False)
