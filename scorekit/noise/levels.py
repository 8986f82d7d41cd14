"""Finite, strictly descending sequences of noise levels."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scorekit._arrays import constant
from scorekit._checks import check_count, check_positive
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError
from scorekit.noise.sigma_distributions import NoiseDistribution, checked_levels, checked_quantiles, set_range
from scorekit.protocols import Array

__all__ = ["Geometric", "Levels", "as_levels"]

_SHOWN = 8
"""Largest number of levels in a repr."""


class _LevelsBase(NoiseDistribution):
    """The methods of all sequences of levels, based on ``sigmas``: a read-only NumPy float64 array, descending."""

    sigmas: Any

    def __len__(self) -> int:
        return len(self.sigmas)

    def __getstate__(self) -> dict[str, Any]:
        """The state without the cached levels: a copied or unpickled array would be writable."""
        return {name: value for name, value in vars(self).items() if name != "sigmas"}

    @property
    def largest(self) -> float:
        """The first level."""
        return float(self.sigmas[0])

    @property
    def smallest(self) -> float:
        """The last level."""
        return float(self.sigmas[-1])

    def icdf(self, u: Array) -> Array:
        """The levels in ascending order, each for a proportion 1/L of [0, 1)."""
        xp = checked_quantiles(u)
        ascending = np.append(self.sigmas[::-1], self.sigmas[0])  # in float32 a u just below 1 can round to 1
        return xp.take(constant(ascending, u), xp.astype(u * len(self), xp.int64))

    def pdf(self, sigma: Array) -> Array:
        """The probability 1/L of a level, spread uniformly over its cell on the log scale: 1/(L · cell · sigma).

        A cell extends halfway to each neighbor, but not beyond the first and the last level, whose cells are therefore
        half as wide. The mean of f(sigma)/density(sigma) over the levels is then the trapezoid rule on the log scale
        for the integral of f over d sigma. Its error is of order 1/L².

        Raises:
            InvalidValueError: there is only one level, which has no cell.
        """
        xp = checked_levels(sigma)
        if len(self) == 1:
            raise InvalidValueError("one level has no spacing and no density: use at least two levels.")
        log_sigmas = np.log(self.sigmas)
        spacings = -np.diff(log_sigmas)
        cells = (np.append(spacings, 0.0) + np.append(0.0, spacings)) / 2
        nearest = xp.argmin(xp.abs(xp.log(sigma)[:, None] - constant(log_sigmas, sigma)[None, :]), axis=1)
        return 1 / (len(self) * xp.take(constant(cells, sigma), nearest) * sigma)


@dataclass(frozen=True)
class Geometric(_LevelsBase):
    """Noise levels of constant ratio, descending.

    sigma_i = sigma_max · (sigma_min / sigma_max)^(i / (L − 1)), i = 0, …, L − 1; a single level is ``sigma_max``.

    Args:
        sigma_max: the largest level, of the order of the largest distance between two data points.
        sigma_min: the smallest level, below ``sigma_max`` and small enough for its blur to be negligible.
        levels: L >= 1.

    Raises:
        InvalidTypeError: ``levels`` is not an integer, or a level is not a number.
        InvalidValueError: a level is not positive, ``sigma_max`` does not exceed ``sigma_min``, or L is below 1.

    Source: Song and Ermon, Generative modeling by estimating gradients of the data distribution (2019),
    arXiv:1907.05600.

    >>> Geometric(10.0, 0.1, 3).sigmas.tolist()
    [10.0, 1.0, 0.1]
    """

    sigma_max: float
    sigma_min: float
    levels: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", check_count(self.levels, "levels"))
        set_range(self)

    @cached_property
    def sigmas(self) -> Any:
        """The levels, descending, shape ``(levels,)``, float64 and read-only."""
        return _frozen(np.geomspace(self.sigma_max, self.sigma_min, self.levels))


@dataclass(frozen=True)
class Levels(_LevelsBase):
    """Arbitrary noise levels, strictly descending.

    Args:
        values: the levels, positive, at least one.

    Raises:
        ShapeError: ``values`` is empty or not one-dimensional.
        InvalidTypeError: ``values`` is not a sequence of numbers.
        InvalidValueError: a level is not positive, or the levels do not descend strictly.

    >>> len(Levels((3.0, 1.0, 0.2)))
    3
    """

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _descending(self.values, "values"))

    def __repr__(self) -> str:
        """All levels, or for more than eight their number and range with a checksum, which tells runs apart."""
        if len(self.values) <= _SHOWN:
            return f"Levels(values={self.values!r})"
        checksum = zlib.crc32(np.asarray(self.values).tobytes())
        return f"Levels({len(self.values)} levels from {self.values[0]:g} to {self.values[-1]:g}, crc32 {checksum:08x})"

    @cached_property
    def sigmas(self) -> Any:
        """The levels, descending, float64 and read-only."""
        return _frozen(np.asarray(self.values))


def as_levels(noise: Geometric | Levels | Sequence[float]) -> Geometric | Levels:
    """:class:`Levels` from noise levels or from a descending sequence of numbers.

    >>> as_levels([10.0, 1.0, 0.1])
    Levels(values=(10.0, 1.0, 0.1))
    """
    if isinstance(noise, (Geometric, Levels)):
        return noise
    unlike = isinstance(noise, (str, bytes, dict, type, NoiseDistribution))
    if unlike or not hasattr(noise, "__iter__") or getattr(noise, "ndim", 1) == 0:
        raise InvalidTypeError(
            f"noise is {noise!r}: expected noise levels, or a descending sequence of numbers. "
            "Write Geometric(sigma_max, sigma_min, levels), or [10.0, 1.0, 0.1]."
        )
    return Levels(_descending(tuple(noise), "noise"))


def _descending(given: Any, name: str) -> tuple[float, ...]:
    """The levels as floats, checked to be positive and to descend; ``name`` is the argument of the caller."""
    try:
        array = np.asarray(given)
        if array.dtype.kind in "cMmSUV":
            raise TypeError(array.dtype)
        values = array.astype(float)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidTypeError(
            f"{name} is {_shown(given)}: expected a sequence of numbers, the noise levels."
        ) from error
    if values.ndim != 1 or values.size == 0:
        raise ShapeError(f"{name}: levels have shape {values.shape}, got {_shown(given)}: expected at least one level.")
    for value in values:
        check_positive(value, f"{name}: each noise level")
    if np.any(np.diff(values) >= 0):
        raise InvalidValueError(
            f"{name}: noise levels must descend from the largest to the smallest, got {_shown(values.tolist())}. "
            "Write sorted(levels, reverse=True), each level once."
        )
    return tuple(float(v) for v in values)


def _shown(given: Any) -> str:
    """The given levels in a message; long ones are shortened in the middle."""
    text = repr(given)
    return text if len(text) <= 200 else f"{text[:100]} … {text[-80:]}"


def _frozen(levels: Any) -> Any:
    levels.flags.writeable = False
    return levels
