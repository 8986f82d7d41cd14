"""Robust location and scale of each feature of the data, and samples that are far from all others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import check_batch, constant, event_size, host
from scorekit._numerics import row_blocks
from scorekit.errors import ShapeError
from scorekit.protocols import Array

__all__ = [
    "CHUNK",
    "LocationScale",
    "block_size",
    "blocks",
    "extreme_columns",
    "far_rows",
    "location_scale",
    "spread_rows",
]

CHUNK = 512  # samples per block
_ENTRIES, _AT_LEAST = 4_000_000, 32  # of the rows from which quartiles are computed
_FENCE = 5.0  # interquartile ranges beyond the quartiles, at which a value is clipped
_FAR = 20.0  # times the radius of all but one in a hundred rows
_FEWEST = 20  # rows; among fewer, no row is judged to be far
_UNEVEN = 20.0  # ratio of the scales of two columns from which no common noise levels fit both (measured)
_HIDDEN, _APART = 0.4, 3.0  # the smallest level relative to the narrow column hides it, if another is wider


class LocationScale(NamedTuple):
    """``mean`` and ``scale`` of each feature, in the shape of one sample and like the data."""

    mean: Array
    scale: Array


def location_scale(data: Array) -> LocationScale:
    """Robust location and scale of each feature, for :func:`sk.models.standardized <scorekit.models.standardized>`.

    They are the mean and the standard deviation of the values clipped to the quartiles ± 5 interquartile ranges, so a
    few outliers do not determine them. A feature whose quartiles are equal is not clipped. A constant feature gets the
    smallest scale of the others, or 1. Quartiles are computed from evenly spaced rows if the data are large.

    Args:
        data: samples, shape ``(n, *event)``, n >= 2, of any framework.

    Returns:
        :class:`LocationScale`, a pair ``(mean, scale)`` of arrays of shape ``event``.

    Raises:
        ShapeError: ``data`` has fewer than 2 axes or 2 samples.
        InvalidTypeError: ``data`` is not float32 or float64.
        InvalidValueError: ``data`` holds NaN or infinity.

    Reference: Tukey, Exploratory Data Analysis (1977), chapter 2, for fences at multiples of the interquartile range.

    >>> import numpy as np
    >>> data = np.random.default_rng(0).normal([0.0, 50.0], [1.0, 1000.0], (5000, 2))
    >>> data[0] = 1e9
    >>> mean, scale = location_scale(data)
    >>> (scale / [1.0, 1000.0]).round(1).tolist()
    [1.0, 1.0]
    """
    check_batch(data, "data")
    if data.shape[0] < 2:
        raise ShapeError(f"data has shape {tuple(data.shape)}: expected at least two samples, to compute a scale.")
    mean, deviation = _clipped_moments(data)
    varies = deviation > 0
    scale = np.where(varies, deviation, deviation[varies].min() if varies.any() else 1.0)
    event = tuple(data.shape[1:])
    return LocationScale(constant(mean.reshape(event), data), constant(scale.reshape(event), data))


def block_size(data: Array) -> int:
    """The number of samples of a block: 512, or fewer with 4 million entries."""
    return max(1, min(CHUNK, _ENTRIES // event_size(data)))


def blocks(data: Array) -> Iterator[Any]:
    """The samples as rows in float64 on the CPU, one block at a time, so that large data are not copied as a whole."""
    for rows in row_blocks(data.shape[0], block_size(data)):
        part = host(data[rows, ...])
        yield part.reshape(len(part), -1)


def spread_rows(data: Array, most: int | None = None) -> Any:
    """At most ``most`` evenly spaced samples as rows in float64, with 4 million entries (but at least 32 samples)."""
    n, limit = data.shape[0], max(_AT_LEAST, _ENTRIES // event_size(data))
    step = math.ceil(n / (limit if most is None else min(most, limit)))
    chosen = data[::step, ...]
    return host(chosen).reshape(chosen.shape[0], -1)


def _clipped_moments(data: Array) -> tuple[Any, Any]:
    """Mean and standard deviation of each column, clipped to its fences."""
    low, high = _fences(spread_rows(data))
    n = data.shape[0]
    mean = sum(np.clip(rows, low, high).sum(axis=0) for rows in blocks(data)) / n
    squares = sum(np.square(np.clip(rows, low, high) - mean).sum(axis=0) for rows in blocks(data)) / n
    rounding = 64 * np.finfo(np.float64).eps * np.abs(mean)  # the mean of equal numbers is rounded
    deviation = np.sqrt(squares)
    return mean, np.where(deviation > rounding, deviation, 0.0)


def _fences(rows: Any) -> tuple[Any, Any]:
    first, third = np.quantile(rows, [0.25, 0.75], axis=0)
    reach = np.where(third > first, _FENCE * (third - first), math.inf)
    return first - reach, third + reach


def far_rows(data: Array) -> Any:
    """Which samples are far from all others, ``(n,)`` booleans: at most one in a hundred (but one is always possible).

    Distances are from the median of evenly spaced samples. A sample is far if its distance is more than 20 times that
    of all but one in a hundred.
    """
    n = data.shape[0]
    none = np.zeros(n, dtype=bool)
    if n < _FEWEST:
        return none
    center = np.median(spread_rows(data, CHUNK), axis=0)
    radii = np.concatenate([np.linalg.norm(rows - center, axis=1) for rows in blocks(data)])
    usual = float(np.sort(radii)[n - 1 - max(1, n // 100)])
    return radii > _FAR * usual if usual > 0 else none


class Columns(NamedTuple):
    """The columns with the smallest and the largest scale, and these scales."""

    narrow: int
    wide: int
    narrow_scale: float
    wide_scale: float

    def __str__(self) -> str:
        return (
            f"column {self.narrow} has the scale {self.narrow_scale:.3g} and column {self.wide} the scale "
            f"{self.wide_scale:.3g}"
        )

    def hides(self, sigma_min: float) -> bool:
        """Whether noise levels down to ``sigma_min`` hide the structure of the narrow column."""
        return sigma_min > _HIDDEN * self.narrow_scale

    def fit(self, sigma_min: float) -> bool:
        """Whether common noise levels down to ``sigma_min`` fit both columns.

        They do not if the scales differ by more than a factor of 20; or of 3, and ``sigma_min`` is more than 0.4 times
        the smaller scale.
        """
        return self.wide_scale <= (_APART if self.hides(sigma_min) else _UNEVEN) * self.narrow_scale


def extreme_columns(rows: Any) -> Columns | None:
    """The columns with the smallest and the largest scale; None if there are no two columns to compare.

    Columns that hold one value in at least half of the rows, as pixels at the border of an image, are not compared.
    """
    if rows.shape[0] < _FEWEST:
        return None
    first, third = np.quantile(rows, [0.25, 0.75], axis=0)
    compared = np.flatnonzero(third > first)
    if not len(compared):
        return None
    scales = (third - first)[compared] / 1.349  # the standard deviation of a normal distribution
    narrow, wide = int(np.argmin(scales)), int(np.argmax(scales))
    return Columns(int(compared[narrow]), int(compared[wide]), float(scales[narrow]), float(scales[wide]))
