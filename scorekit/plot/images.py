"""Plots of images in a grid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from scorekit._arrays import check_batch, host
from scorekit._checks import check_count, check_number
from scorekit.errors import InvalidValueError, ShapeError
from scorekit.plot._axes import SIZE, as_axes
from scorekit.protocols import Array

__all__ = ["channels_last", "check_shades", "columns_of", "image_grid", "scaled", "tile"]


def image_grid(
    images: Array,
    ax: Axes | None = None,
    *,
    columns: int | None = None,
    limits: tuple[float, float] | None = None,
    gap: int = 1,
) -> Axes:
    """Plot images in rows, starting at the top left, with one brightness scale for all.

    Args:
        images: ``(n, h, w)``, ``(n, c, h, w)`` or ``(n, h, w, c)`` with c = 1 (gray) or 3 (red, green, blue).
        ax: the Axes; None for a new figure.
        columns: images per row; by default the grid is nearly square.
        limits: the values of black and white; values outside are clipped. By default the smallest and largest value of
            all images. Use (0, 1) or (−1, 1) to compare figures.
        gap: pixels between images, at least 0.

    Returns:
        The Axes, without ticks; its image contains all tiles.

    Raises:
        ShapeError: ``images`` has another shape.
        InvalidTypeError: ``images`` is not float32 or float64, or ``columns`` or ``gap`` is not an integer.
        InvalidValueError: ``images`` holds NaN or infinity, or ``columns``, ``limits`` or ``gap`` is out of range.

    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = image_grid(np.random.default_rng(0).random((6, 1, 8, 8)), Figure().subplots(), columns=3)
    >>> ax.images[0].get_array().shape[:2]
    (17, 26)
    """
    check_batch(images, "images")
    pixels = channels_last(host(images))
    shades = scaled(pixels, limits)
    tiles = tile(shades, columns_of(pixels, columns), check_count(gap, "gap", minimum=0))
    ax = as_axes(ax, SIZE, SIZE * max(0.25, tiles.shape[0] / tiles.shape[1]))
    ax.imshow(tiles, interpolation="nearest")
    ax.set_axis_off()
    return ax


def columns_of(pixels: Any, columns: int | None) -> int:
    """Images per row: ``columns``, or the number that makes the grid nearly square; at most the number of images."""
    n, height, width, _ = pixels.shape
    wanted = math.ceil(math.sqrt(n * height / width)) if columns is None else check_count(columns, "columns")
    return min(int(n), wanted)


def channels_last(x: Any) -> Any:
    """``(n, h, w, c)``. The second axis is the channel axis, unless only the last axis has 1 or 3 entries."""
    if x.ndim == 3:
        return x[..., None]
    if x.ndim == 4 and x.shape[1] in (1, 3):
        return np.moveaxis(x, 1, -1)
    if x.ndim == 4 and x.shape[3] in (1, 3):
        return x
    hint = " For flat images use images.reshape(n, height, width)." if x.ndim == 2 else ""
    raise ShapeError(
        f"images have shape {x.shape}: expected (n, h, w), (n, c, h, w) or (n, h, w, c), c = 1 or 3 channels.{hint}"
    )


def scaled(pixels: Any, limits: tuple[float, float] | None) -> Any:
    """Values in [0, 1]; ½ everywhere if all values are equal and ``limits`` is None."""
    low, high = (float(pixels.min()), float(pixels.max())) if limits is None else check_shades(limits)
    if limits is None and low == high:
        return np.full_like(pixels, 0.5)
    return np.clip((pixels - low) / (high - low), 0, 1)


def check_shades(limits: Any) -> tuple[float, float]:
    """The values that are black and white, checked."""
    expected = f"limits are {limits!r}: expected (black, white), ascending, for instance (0, 1)."
    try:
        low, high = (check_number(value, "limits") for value in limits)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(expected) from error
    if not -1e150 < low < high < 1e150:
        raise InvalidValueError(expected)
    return low, high


def tile(shades: Any, columns: int, gap: int) -> Any:
    """One RGBA image ``(rows, columns, 4)``, transparent in the gaps and in the empty places of the last row."""
    n, height, width, _ = shades.shape
    rows = math.ceil(n / columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4))
    for i in range(n):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        place = sheet[top : top + height, left : left + width]
        place[..., :3] = shades[i]
        place[..., 3] = 1
    return sheet
