"""What a source of batches is, and what all of them need."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError
from scorekit.protocols import Array, Backend
from scorekit.registry import describe

__all__ = ["Batch", "Source", "checked_labels", "digest", "sample_of", "share", "without_length"]


class Batch(NamedTuple):
    """The samples of one process in one step: the rows ``start`` to ``stop`` of a batch of ``total``.

    ``content`` is what the learner is given: samples ``(n, *event)``, or a pair of samples and labels.
    """

    content: Any
    start: int
    stop: int
    total: int


class Source(ABC):
    """Batches by step. ``first`` is a batch to look at, ``epoch`` the number of batches until the data come again.

    ``takes_labels``: does the learner want what stands beside the samples? Then it must be labels.
    """

    owner: Backend
    first: Array
    epoch: int
    batch_size: int
    takes_labels: bool = False

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
            f"a batch of {total} samples cannot be cut over {size} processes: take a larger batch_size, and "
            "drop_last=True in a DataLoader whose last batch is smaller."
        )
    return total * rank // size, total * (rank + 1) // size


def without_length(data: Any) -> InvalidTypeError:
    """The error of data that do not say how many they are."""
    return InvalidTypeError(
        f"data is a {describe(data)} without a length: expected an array, a dataset with len() and [i], or a "
        "loader of batches with len(). Put it into a DataLoader of known length, or collect it into an array."
    )


def digest(rows: Any) -> str:
    """A few letters that tell the bytes of these rows of a NumPy array from others."""
    return hashlib.sha256(np.ascontiguousarray(rows).tobytes()).hexdigest()[:16]


def sample_of(item: Any, name: str) -> tuple[Array, Any]:
    """The sample in an item, and what stands second in it, its label perhaps; None where nothing does."""
    pair = isinstance(item, (tuple, list)) and len(item) > 0
    sample = item[0] if pair else item
    if not hasattr(sample, "shape"):
        raise InvalidTypeError(
            f"{name} is a {describe(item)}: expected an array, or a tuple (array, label). Give the dataset a transform "
            "that makes floating-point arrays."
        )
    return sample, item[1] if pair and len(item) > 1 else None


def checked_labels(labels: Any, x: Array, owner: Backend) -> Array:
    """One integer a sample, as an array of ``owner``; also from a list, or from integers of NumPy."""
    try:
        made = labels if owner.owns(labels) else owner.asarray(labels)
    except InvalidTypeError as error:
        raise InvalidTypeError(f"labels are a {describe(labels)}: expected integers ({x.shape[0]},).") from error
    if tuple(made.shape) != (x.shape[0],):
        raise ShapeError(f"labels have shape {tuple(made.shape)} for {x.shape[0]} samples: expected ({x.shape[0]},).")
    if not owner.xp.isdtype(made.dtype, "integral"):
        raise InvalidTypeError(f"labels have dtype {made.dtype}: expected integers.")
    return owner.xp.astype(made, owner.xp.int64, copy=False)  # torch takes indices of 8 bits for a mask
