"""What a source of batches is, and what all of them need."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from scorekit.errors import InvalidTypeError, InvalidValueError
from scorekit.protocols import Array, Backend
from scorekit.registry import describe

__all__ = ["Batch", "Source", "digest", "sample_of", "share"]


class Batch(NamedTuple):
    """The samples of one process in one step: the rows ``start`` to ``stop`` of a batch of ``total``.

    ``content`` is what the learner is given: samples ``(n, *event)``, or a pair of samples and labels.
    """

    content: Any
    start: int
    stop: int
    total: int


class Source(ABC):
    """Batches by step. ``first`` is a batch to look at, ``epoch`` the number of batches until the data come again."""

    owner: Backend
    first: Array
    epoch: int
    batch_size: int

    @abstractmethod
    def batch(self, step: int, rank: int, size: int) -> Batch:
        """The part that process ``rank`` of ``size`` has in the batch of a step."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What a checkpoint must agree with, as plain JSON types."""


def share(total: int, rank: int, size: int) -> tuple[int, int]:
    """The rows that process ``rank`` of ``size`` has in a batch."""
    if total < size:
        raise InvalidValueError(
            f"a batch of {total} samples cannot be cut over {size} processes: take a larger batch_size."
        )
    return total * rank // size, total * (rank + 1) // size


def digest(rows: Any) -> str:
    """A few letters that tell the bytes of these rows of a NumPy array from others."""
    return hashlib.sha256(np.ascontiguousarray(rows).tobytes()).hexdigest()[:16]


def sample_of(item: Any, name: str) -> tuple[Array, bool]:
    """The sample in an item, and whether a label stands beside it."""
    pair = isinstance(item, (tuple, list)) and len(item) > 0
    sample = item[0] if pair else item
    if not hasattr(sample, "shape"):
        raise InvalidTypeError(
            f"{name} is a {describe(item)}: expected an array, or a tuple (array, label). Give the dataset a transform "
            "that makes floating-point arrays."
        )
    return sample, pair and len(item) > 1 and _is_label(item[1])


def _is_label(value: Any) -> bool:
    dtype = str(getattr(value, "dtype", "int" if isinstance(value, int) else ""))
    return "int" in dtype and len(getattr(value, "shape", ())) <= 1
