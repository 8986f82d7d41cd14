"""Initial weights for a network that is about to be loaded: zeros, and no more of them than the file has numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from scorekit.errors import CheckpointError
from scorekit.protocols import Array, Shape

__all__ = ["Zeros", "check_sizes"]

_SMALL = 1 << 20  # numbers that any network may have; then the comparison of shapes names what differs
_COUNT = 4096  # a count or a length that any network may have


class Zeros:
    """A stream for the argument ``rng`` of a network, of at most ``numbers`` zeros and a few more.

    The settings of a network are read from a file, and a small file can ask for a network of many gigabytes. The
    weights are drawn from this stream, so that such a network raises an error before it takes memory.

    >>> Zeros(8).normal((2, 4)).shape
    (2, 4)
    >>> Zeros(8).normal((20_000, 20_000))
    Traceback (most recent call last):
        ...
    scorekit.errors.CheckpointError: its settings ask for a network of at least 400,000,000 numbers, the file has 8
    """

    def __init__(self, numbers: int) -> None:
        self._numbers, self._drawn = numbers, 0

    def reserve(self, numbers: int) -> None:
        """Raise an error if a network of so many numbers is larger than the file.

        For networks whose layers take memory before their weights are drawn.
        """
        if numbers > self._numbers + _SMALL:
            raise CheckpointError(
                f"its settings ask for a network of at least {numbers:,} numbers, the file has {self._numbers:,}"
            )

    def normal(self, shape: Shape, like: Array | None = None) -> Array:
        """Zeros of this shape, and of the dtype of ``like``."""
        self._drawn += math.prod(shape)
        self.reserve(self._drawn)
        return np.zeros(shape, np.float64 if like is None else like.dtype)

    def uniform(self, shape: Shape, like: Array | None = None) -> Array:
        """Zeros, as :meth:`normal`."""
        return self.normal(shape, like)

    def rademacher(self, shape: Shape, like: Array | None = None) -> Array:
        """Zeros, as :meth:`normal`."""
        return self.normal(shape, like)

    def integers(self, low: int, high: int, shape: Shape) -> Array:  # noqa: ARG002
        """The smallest integer, ``low``."""
        return self.normal(shape).astype(np.int64) + low

    def choice(self, n: int, shape: Shape, p: Any = None, replace: bool = True) -> Array:  # noqa: ARG002
        """The first indices, all different."""
        return np.arange(self.normal(shape).size).reshape(shape) % n

    def state(self) -> dict[str, Any]:
        """Nothing: all numbers are zeros."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Do nothing."""

    def spawn(self, n: int) -> list[Zeros]:
        """The stream itself ``n`` times, so that the parts of a network share one limit."""
        return [self] * n


def check_sizes(settings: Any, numbers: int) -> None:
    """Raise an error for an integer or a length in the settings that a network of ``numbers`` numbers cannot have.

    >>> check_sizes({"num_res_blocks": 10**9}, 8)
    Traceback (most recent call last):
        ...
    scorekit.errors.CheckpointError: its settings contain 1000000000, the file has 8 numbers
    """
    most = max(_COUNT, numbers)
    nested = isinstance(settings, (Mapping, list))
    value = len(settings) if nested else settings
    if isinstance(value, int) and abs(value) > most:
        raise CheckpointError(f"its settings contain {value}, the file has {numbers} numbers")
    if nested:
        for part in settings.values() if isinstance(settings, Mapping) else settings:
            check_sizes(part, numbers)
