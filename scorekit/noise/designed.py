"""Noise levels and a step size computed from the data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from scorekit._arrays import check_batch, event_size, host
from scorekit._checks import check_count, check_positive, warn
from scorekit._numerics import row_blocks
from scorekit._tables import html_text
from scorekit.errors import InvalidValueError, ShapeError
from scorekit.noise import columns
from scorekit.noise.columns import block_size, blocks, extreme_columns, far_rows, spread_rows
from scorekit.noise.levels import Geometric
from scorekit.noise.overlap import overlaps, widest_ratio
from scorekit.noise.sigma_distributions import check_range
from scorekit.protocols import Array

__all__ = ["Designed", "design", "variance_ratio"]

BLUR = 0.01  # sigma_min divided by the range of the data
_TAILS = 0.2  # sigma_min relative to the scale of the widest column; without heavy tails 0.01 of the range is 0.1
_SAMPLE = 2000  # rows from which the scales of columns are compared


@dataclass(frozen=True)
class Designed(Geometric):
    """Geometric noise levels with a matching step size; created by :func:`design`.

    ``step_size`` and ``steps_per_level`` are arguments of :class:`~scorekit.samplers.AnnealedLangevin`. ``dim`` is the
    dimension of one sample. ``samples`` is the number of samples in the data. The largest distance was computed among
    ``compared`` of them (0 if the user set ``sigma_max``). ``left_out`` samples were far from all others.

    >>> import numpy as np
    >>> noise = design(np.array([[0.0, 0.0], [3.0, 4.0]]), sigma_min=0.1)
    >>> isinstance(noise, Designed), noise.sigma_max, noise.levels, noise.steps_per_level
    (True, 5.0, 11, 5)
    """

    step_size: float
    steps_per_level: int
    dim: int
    samples: int
    compared: int
    left_out: int = 0

    @property
    def ratio(self) -> float:
        """The ratio gamma = sigma_i / sigma_(i + 1) > 1."""
        return float((self.sigma_max / self.sigma_min) ** (1 / (self.levels - 1)))

    @property
    def overlap(self) -> float:
        """The overlap of neighboring levels, see :func:`overlaps`."""
        return float(overlaps(self, self.dim)[0])

    @property
    def variance_ratio(self) -> float:
        """Variance divided by sigma_i² after the steps of a level, starting from the variance of the level before."""
        return variance_ratio(self.ratio, self.steps_per_level, self.step_size / (2 * self.smallest**2))

    def _repr_html_(self) -> str:
        return html_text(self.report())

    def report(self) -> str:
        """A text with the chosen values, the reasons, and the sampler to use."""
        among = (
            "given" if not self.compared else f"the largest distance among {self.compared} of {self.samples} samples"
        )
        return "\n".join(
            [
                f"noise levels for {self.samples} samples of dimension {self.dim}"
                + (f" ({self.left_out} far from all others left out)" if self.left_out else ""),
                f"  sigma_max        {self.sigma_max:.6g}  ({among})",
                f"  sigma_min        {self.sigma_min:.6g}",
                f"  levels           {self.levels}  (ratio {self.ratio:.5f}, neighbors overlap by {self.overlap:.3f})",
                f"  steps_per_level  {self.steps_per_level}",
                f"  step_size        {self.step_size:.6g}  ({self.step_size / self.smallest**2:.4g} sigma_min^2; after "
                f"the steps of a level the variance is {self.variance_ratio:.4f} sigma^2)",
                "sampler: AnnealedLangevin(noise, noise.steps_per_level, noise.step_size)",
            ]
        )


def design(
    data: Array,
    *,
    sigma_max: float | None = None,
    sigma_min: float | None = None,
    levels: int | None = None,
    steps_per_level: int = 5,
    subset: int = 2000,
) -> Designed:
    """Noise levels and a step size for the given data, by the rules of NCSNv2.

    Arguments that are not None replace the rules:

    - ``sigma_max`` is the largest distance between two samples, so that the largest level connects all modes
      (Technique 1).
    - ``levels`` is the smallest number for which neighboring levels overlap by one half, see :func:`overlaps`
      (Technique 2), with a ratio of at most 1.5.
    - ``step_size`` brings the variance after the steps of a level as close as possible to sigma² (Technique 4), for
      one-point data and starting from the variance of the level before. It is for x + step/2 · s + sqrt(step) · z, so
      it is twice the published epsilon.
    - ``sigma_min`` is 0.01 of the range of the data (largest minus smallest entry); for images in [0, 1] this is the
      published 0.01.

    Samples that are far from all others are left out of these rules, and a warning names one. A sample is far if its
    distance from the median is more than 20 times that of all but one in a hundred samples.

    Args:
        data: samples, shape ``(n, *event)``, n >= 2, of any framework. For features with different units, use
            standardized data, see :func:`location_scale`.
        sigma_max: the largest level, positive.
        sigma_min: the smallest level, positive and below ``sigma_max``.
        levels: L >= 2.
        steps_per_level: T >= 1, as large as time allows.
        subset: the number of samples, at least 2, among which the largest distance is computed: those farthest from the
            mean. For n <= ``subset`` it is exact; otherwise it is a lower bound, and rarely smaller than the exact
            value.

    Returns:
        :class:`Designed`, a :class:`Geometric` with the step size and a ``report()``.

    Raises:
        ShapeError: ``data`` has fewer than 2 axes or 2 samples.
        InvalidTypeError: ``data`` is not float32 or float64, or a count is not an integer.
        InvalidValueError: ``data`` holds NaN or infinity, all samples or all entries are equal, a count is too small,
            or ``sigma_max`` does not exceed ``sigma_min``.

    Warns:
        RuntimeWarning: the scales of two columns of data ``(n, d)`` differ by more than a factor of 20, or of 3 if
            ``sigma_min`` is more than 0.4 times the smaller scale; or samples are left out. Not given if both
            ``sigma_max`` and ``sigma_min`` are set.

    Source: Song and Ermon, Improved techniques for training score-based generative models (2020), arXiv:2006.09011.

    >>> import numpy as np
    >>> images = np.random.default_rng(0).random((50, 1, 8, 8))
    >>> noise = design(images)
    >>> noise.levels, round(noise.ratio, 3), noise.steps_per_level
    (21, 1.349, 5)
    """
    check_batch(data, "data")
    count, subset = check_count(steps_per_level, "steps_per_level"), check_count(subset, "subset", minimum=2)
    if data.shape[0] < 2:
        raise ShapeError(
            f"data has shape {tuple(data.shape)}: expected at least two samples, to compute their distances."
        )
    far = far_rows(data)
    compared = 0 if sigma_max is not None else min(subset, int(np.sum(~far)))
    top = _largest_distance(data, far, compared) if sigma_max is None else check_positive(sigma_max, "sigma_max")
    bottom = BLUR * _range(data, far) if sigma_min is None else check_positive(sigma_min, "sigma_min")
    check_range(top, bottom)
    dim = event_size(data)
    if levels is None:
        levels = max(2, 1 + math.ceil(math.log(top / bottom) / math.log(widest_ratio(dim)) - 1e-9))
    levels = check_count(levels, "levels", minimum=2)
    step = _step_size((top / bottom) ** (1 / (levels - 1)), count)
    if sigma_max is None or sigma_min is None:
        _warn_of_far(data, far)
        _warn_of_scales(data, bottom)
    return Designed(
        top, bottom, levels, 2 * step * bottom**2, count, dim, int(data.shape[0]), compared, int(np.sum(far))
    )


def variance_ratio(gamma: float, steps: int, u: float) -> float:
    """Variance divided by sigma² after ``steps`` Langevin steps of size 2u sigma² on N(m, sigma²), from gamma² sigma².

    A step multiplies x − m by a = 1 − u and adds N(0, 2u sigma²): v ← a² v + 2u, with fixed point 1/(1 − u/2).

    Args:
        gamma: the deviation before the steps divided by sigma, at least 1.
        steps: the number of steps, at least 1.
        u: half of the step size divided by sigma², in (0, 2).

    Raises:
        ValueError: an argument is outside its range.

    >>> variance_ratio(2.0, 1, 0.5)
    2.0
    """
    gamma, steps, u = check_positive(gamma, "gamma"), check_count(steps, "steps"), check_positive(u, "u")
    if gamma < 1 or u >= 2:
        raise InvalidValueError(f"gamma is {gamma} and u is {u}: expected gamma >= 1, and u < 2 for a stable step.")
    return _variance_ratio(gamma, steps, u)


def _variance_ratio(gamma: float, steps: int, u: float) -> float:
    rest = 1 / (1 - u / 2)
    return float((1 - u) ** (2 * steps) * (gamma**2 - rest) + rest)


def _step_size(gamma: float, steps: int) -> float:
    """The u in (0, 1] with the smallest :func:`variance_ratio`, which always exceeds 1."""
    from scipy.optimize import minimize_scalar

    grid = np.geomspace(1e-6, 1.0, 400)
    best = int(np.argmin([_variance_ratio(gamma, steps, u) for u in grid]))
    around = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    found = minimize_scalar(lambda u: _variance_ratio(gamma, steps, u), bounds=around, options={"xatol": 1e-12})
    return float(found.x)


def _range(data: Array, far: Any) -> float:
    """The largest entry minus the smallest, without the samples that are far from all others."""
    ends = [(rows.min(), rows.max()) for rows in _near(data, far) if len(rows)]
    low, high = float(min(low for low, _ in ends)), float(max(high for _, high in ends))
    if low == high:
        raise InvalidValueError("all entries of data are equal, so their range gives no sigma_min. Set sigma_min.")
    return high - low


def _near(data: Array, far: Any) -> Iterator[Any]:
    """The samples that are not far from all others, one block of rows at a time."""
    for rows, away in zip(blocks(data), _split(far, data), strict=True):
        yield rows[~away]


def _split(mask: Any, data: Array) -> Any:
    """A mask of samples in parts, one for each block."""
    return np.split(mask, range(block_size(data), len(mask), block_size(data)))


def _largest_distance(data: Array, far: Any, count: int) -> float:
    """The largest distance between two of the ``count`` samples farthest from the mean."""
    center = sum(rows.sum(axis=0) for rows in _near(data, far)) / np.sum(~far)
    radii = np.concatenate([np.linalg.norm(rows - center, axis=1) for rows in blocks(data)])
    taken = np.zeros(len(radii), dtype=bool)
    taken[np.argsort(-np.where(far, -1.0, radii), kind="stable")[:count]] = True
    farthest = np.concatenate([rows[m] for rows, m in zip(blocks(data), _split(taken, data), strict=True)])
    distance = _diameter(farthest - center)
    if distance == 0:
        raise InvalidValueError(
            f"all {data.shape[0]} samples of data are equal, so their largest distance gives no sigma_max. "
            "Set sigma_max and sigma_min, or use other data."
        )
    return distance


def _warn_of_scales(data: Array, sigma_min: float) -> None:
    """Warn if the noise levels hide the structure of some columns of tabular data."""
    found = extreme_columns(spread_rows(data, _SAMPLE)) if data.ndim == 2 else None
    if found is None:
        return
    if found.hides(sigma_min) and sigma_min > _TAILS * found.wide_scale:
        warn(
            f"sigma_min={sigma_min:.3g}, {BLUR:g} of the range of the data, is large beside their scale: {found}. "
            "Noise of this size hides the structure of all but the few values that are far away. Set sigma_min="
            f"{0.05 * found.narrow_scale:.2g}."
        )
    elif not found.fit(sigma_min):
        warn(
            f"the columns of data have different scales: {found}. Noise levels that fit one do not fit the other, and "
            "samples lose the structure of narrow columns. Standardize: mean, scale = sk.noise.location_scale(data), "
            "noise = sk.noise.design((data - mean) / scale), and train sk.models.standardized(model, mean, scale)."
        )


def _warn_of_far(data: Array, far: Any) -> None:
    """Warn about samples that were left out, with the column in which the first of them is farthest."""
    if not far.any():
        return
    first = int(np.argmax(far))
    row = host(data[first : first + 1, ...]).reshape(-1)
    column = int(np.argmax(np.abs(row - np.median(spread_rows(data, columns.CHUNK), axis=0))))
    warn(
        f"{int(far.sum())} of {len(far)} samples are far from all others and were left out: sample {first} has "
        f"{row[column]:.3g} in column {column}. sigma_max is the largest distance between the other samples. Remove "
        "these samples from the training data, or set sigma_max if they are valid."
    )


def _diameter(rows: Any) -> float:
    """The largest distance between two rows: the pair from |a|² + |b|² − 2 ab, its distance from the difference."""
    squares = np.sum(rows * rows, axis=1)
    largest, best = -math.inf, 0.0
    for part in row_blocks(len(rows), columns.CHUNK):
        apart = squares[part, None] + squares - 2 * rows[part] @ rows.T
        i, j = np.unravel_index(np.argmax(apart), apart.shape)
        if apart[i, j] > largest:
            largest, best = float(apart[i, j]), float(np.linalg.norm(rows[part.start + i] - rows[j]))
    return best
