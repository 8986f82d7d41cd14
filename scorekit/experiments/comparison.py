"""Distances between two sets of images or features, with their uncertainty."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import scorekit as sk
from scorekit._checks import check_count
from scorekit._tables import html_table, text_table
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.experiments.features import PixelFeatures, chosen_rows, features_of, function_in
from scorekit.experiments.sources import Source, read_source
from scorekit.metrics import Moments
from scorekit.metrics._chance import relabeled
from scorekit.metrics._frechet_distance import apart, expected_frechet, plain_frechet, side, simulated_frechet
from scorekit.metrics._precision_recall import measured
from scorekit.protocols import Array

__all__ = ["FEWEST", "Comparison", "ComparisonRow", "cells", "compare", "components", "feature_distances"]

_GROUPS = 10
"""Groups of the jackknife."""

_HALVES = 20
"""Random halves for the errors of precision and recall."""

_RELABELED = 5
"""Random relabelings for the expected precision and recall."""

_POINTS = 2000
"""Points of each set for precision and recall, whose time grows with their square."""

FEWEST = 40
"""The smallest set for which pixels have principal components and a jackknife has a meaning."""

_TITLES = {
    "frechet": "Fréchet distance",
    "frechet_extrapolated": "Fréchet distance for n → ∞",
    "kernel": "kernel distance",
}

_HEADER = ("", "value", "±", "equal distributions")

Set = str | os.PathLike[str] | Array | sk.datasets.ImageData | tuple[Any, ...]


class ComparisonRow(NamedTuple):
    """A metric, its value, its standard error, and its expected value for two samples of one distribution.

    A number that is not known is NaN.
    """

    metric: str
    value: float
    stderr: float
    expected: float


class Comparison(NamedTuple):
    """The rows of :func:`compare`, and what was compared. ``print`` shows a table, and notebooks display it."""

    a: str
    b: str
    features: str
    rows: tuple[ComparisonRow, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        above = [f"A: {self.a}", f"B: {self.b}", f"features: {self.features}", ""]
        return "\n".join([*above, text_table(_HEADER, map(cells, self.rows), left=(0,)), *self.notes])

    def __repr__(self) -> str:
        values = ", ".join(f"{row.metric} {row.value:.4g} ± {row.stderr:.2g}" for row in self.rows)
        return f"Comparison({values})"

    def _repr_html_(self) -> str:
        note = "; ".join([f"A: {self.a}", f"B: {self.b}", f"features: {self.features}", *self.notes])
        return html_table(_HEADER, map(cells, self.rows), note)

    def row(self, metric: str) -> ComparisonRow:
        """The row of a metric, for instance ``"frechet"``. An unknown name raises ``ValueError``."""
        for row in self.rows:
            if row.metric == metric:
                return row
        known = ", ".join(repr(row.metric) for row in self.rows)
        raise InvalidValueError(f"unknown metric {metric!r}: expected one of {known}.")

    def plain(self) -> dict[str, Any]:
        """The content as values that JSON can hold; numbers that are not known are None."""
        rows = [
            {key: None if isinstance(v, float) and math.isnan(v) else v for key, v in row._asdict().items()}
            for row in self.rows
        ]
        return {"a": self.a, "b": self.b, "features": self.features, "rows": rows, "notes": list(self.notes)}


def cells(row: ComparisonRow) -> tuple[str, ...]:
    """A row as text."""
    return (
        _TITLES.get(row.metric, row.metric),
        *(_number(value, digits) for value, digits in zip(row[1:], (4, 2, 4), strict=True)),
    )


def _number(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}g}"


def compare(a: Set, b: Set, features: str | Callable[[Any], Any] | None = None, *, neighbors: int = 3) -> Comparison:
    """Compare two sets of images or features: Fréchet and kernel distance, precision, recall, density and coverage.

    Each value has a standard error (for the Fréchet distance a jackknife over ten random groups of both sets, for the
    kernel distance that of :func:`scorekit.metrics.kernel_distance`, otherwise from random halves) and its expected
    value for two samples of one distribution of these sizes, from random relabelings of the pooled features. Compare a
    value with that, not with zero.

    Args:
        a: the samples: the folder of a run (its newest samples), a folder of samples, a folder or a zip of image files,
            an ``.npy`` or ``.npz`` file, an :class:`~scorekit.datasets.ImageData`, or an array of images
            ``(n, c, h, w)`` or ``(n, h, w, c)``, of uint8 or floats in [0, 1], or of features ``(n, d)``; or moments
            ``(mean, covariance, n)``, or an ``.npz`` file with ``mu`` and ``sigma``, for the Fréchet distance alone.
        b: the reference, usually real images, likewise.
        features: a function that maps images ``(n, c, h, w)``, float32 NumPy in [0, 1], to features ``(n, d)``; or
            ``FILE.py:NAME`` for a function in a file. None compares pixels: the first principal components of the
            pixels of both sets, as many as a tenth of the smaller set and at most 64. They depend on the sets, so
            values on pixels of different pairs of sets cannot be compared.
        neighbors: k of precision, recall, density and coverage.

    Returns:
        A :class:`Comparison`.

    Raises:
        ValueError: a file or folder cannot be read, images differ in shape, a set is too small, or the function in
            ``features`` is missing or raises an error.
        TypeError: an argument is of another type.

    >>> import numpy as np
    >>> from scorekit import experiments
    >>> rng = np.random.default_rng(0)
    >>> found = experiments.compare(rng.random((200, 1, 8, 8)), rng.random((300, 1, 8, 8)))
    >>> found.features
    '20 principal components of the pixels of A and B'
    >>> kernel = found.row("kernel")
    >>> abs(kernel.value) < 5 * kernel.stderr
    True
    """
    neighbors = check_count(neighbors, "neighbors")
    sources = read_source(a, "a"), read_source(b, "b")
    function = function_in(features, "features") if isinstance(features, str) else features
    if function is not None and not callable(function):
        raise InvalidTypeError(f"features is a {describe(features)}: expected a function, 'FILE.py:NAME' or None.")
    where = features if isinstance(features, str) else "features"
    rows_a, rows_b, used = _features(sources, function, where)
    about = sources[0].about, sources[1].about, used
    d_a, d_b = (x.mean.size if isinstance(x, Moments) else x.shape[1] for x in (rows_a, rows_b))
    if d_a != d_b:
        raise ShapeError(f"a has {d_a} features, b has {d_b}: expected the same number.")
    if isinstance(rows_a, Moments) or isinstance(rows_b, Moments):
        note = "of moments only the Fréchet distance can be computed, without a standard error"
        return Comparison(*about, (_frechet_of_moments(rows_a, rows_b),), (note,))
    return Comparison(*about, *feature_distances(rows_a, rows_b, neighbors))


def _features(
    sources: tuple[Source, Source], function: Callable[[Any], Any] | None, where: str
) -> tuple[Any, Any, str]:
    """The features or moments of both sides, and a text about them."""
    a, b = sources
    with_images = [source for source in sources if source.images is not None]
    if function is None and len(with_images) == 2:
        if a.images.shape[1:] != b.images.shape[1:]:
            raise ShapeError(
                f"the images differ in shape ({a.about}; {b.about}): expected one shape, or pass features."
            )
        pixels = PixelFeatures.of(a.images, b.images).first(components(len(a.images), len(b.images)))
        return pixels(a.images), pixels(b.images), f"{pixels} of A and B"
    if function is None and with_images:
        other = b if a.images is not None else a
        raise InvalidValueError(
            f"one set is of images ({with_images[0].about}), the other is not ({other.about}): pass the function that "
            "made these features, features='FILE.py:NAME' (on the command line --features FILE.py:NAME)."
        )
    sides = [
        features_of(source.images, function, where)
        if source.images is not None and function is not None
        else source.moments
        if source.features is None
        else np.asarray(source.features, np.float64)
        for source in sources
    ]
    return sides[0], sides[1], where if with_images else "as given"


def components(*sizes: int) -> int:
    """The number of principal components for sets of these sizes. Sets below 40 raise an error."""
    fewest = min(sizes)
    if fewest < FEWEST:
        raise InvalidValueError(
            f"a set has {fewest} images: expected at least {FEWEST} of each to compare pixels. Draw more samples."
        )
    return min(64, fewest // 10)


def _frechet_of_moments(a: Any, b: Any) -> ComparisonRow:
    first, second = side(a, "a"), side(b, "b")
    return ComparisonRow("frechet", apart(first, second), math.nan, simulated_frechet(first, second))


def feature_distances(a: Any, b: Any, neighbors: int = 3) -> tuple[tuple[ComparisonRow, ...], tuple[str, ...]]:
    """The rows of a :class:`Comparison` of features ``(n, d)`` and ``(m, d)``, and notes."""
    fewest = min(len(a), len(b))
    need = max(2 * _GROUPS, 2 * neighbors + 2)
    if fewest < need:
        raise InvalidValueError(
            f"the sets have {len(a)} and {len(b)} rows: expected at least {need} of each, for standard errors."
        )
    a, b = (np.random.default_rng(0).permutation(x) for x in (a, b))  # groups must not follow an order of classes
    frechet = _jackknife(a, b, lambda x, y: (plain_frechet(x, y),))
    made, real = (x[chosen_rows(len(x), _POINTS)] for x in (a, b))

    def manifolds(x: Any, y: Any) -> tuple[float, ...]:
        return measured(y, x, neighbors)

    four = _halved(made, real, manifolds)
    expected = relabeled(made, real, manifolds, _RELABELED, "compare")
    n, m = len(made), len(real)
    chance = [*expected[:2], 1.0, 1 - math.comb(m - 1, neighbors) / math.comb(n + m - 1, neighbors)]
    rows = [ComparisonRow("frechet", *frechet[0][:2], expected_frechet(a, b))]
    if fewest - math.ceil(fewest / _GROUPS) > a.shape[1]:
        rows.append(ComparisonRow("frechet_extrapolated", frechet[0][2], frechet[0][1], 0.0))
    rows.append(ComparisonRow("kernel", *sk.metrics.kernel_distance(a, b), 0.0))
    names = ("precision", "recall", "density", "coverage")
    rows += [ComparisonRow(name, *found, float(c)) for name, found, c in zip(names, four, chance, strict=True)]
    notes = (f"precision to coverage: {n} and {m} random rows, {neighbors} neighbors",)
    return tuple(rows), notes


def _halved(a: Any, b: Any, statistic: Callable[[Any, Any], Sequence[float]]) -> list[tuple[float, float]]:
    """Value and standard error of each number: the deviation over random halves of both sets.

    The variance of a mean over a half without replacement is that of the mean over the whole set. The jackknife is too
    large by a factor of 1.4 to 2.2 for numbers that depend on nearest neighbors (measured).
    """
    stream = np.random.default_rng(0)

    def half(x: Any) -> Any:
        return x[stream.choice(len(x), len(x) // 2, replace=False)]

    parts = np.asarray([statistic(half(a), half(b)) for _ in range(_HALVES)])
    return list(zip(statistic(a, b), np.std(parts, axis=0, ddof=1).tolist(), strict=True))


def _jackknife(a: Any, b: Any, statistic: Callable[[Any, Any], Sequence[float]]) -> list[tuple[float, float, float]]:
    """Value, standard error and the value extrapolated to 1/n = 0 of each number, by leaving out one of ten groups."""
    g, whole = _GROUPS, np.asarray(statistic(a, b))
    groups = [np.arange(len(x)) % g for x in (a, b)]
    parts = np.asarray([statistic(a[groups[0] != j], b[groups[1] != j]) for j in range(g)])
    center = np.mean(parts, axis=0)
    stderr = np.sqrt((g - 1) / g * np.sum((parts - center) ** 2, axis=0))
    beyond = g * whole - (g - 1) * center
    return [(float(v), float(e), float(x)) for v, e, x in zip(whole, stderr, beyond, strict=True)]
