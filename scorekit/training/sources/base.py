"""What a source of batches is, and what all of them need."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from scorekit._conditions import as_condition, check_condition
from scorekit.errors import InvalidTypeError, InvalidValueError, describe
from scorekit.protocols import Array, Backend
from scorekit.registry import array_namespace

__all__ = ["Batch", "Source", "check_classes", "digest", "sample_of", "share", "without_length"]


class Batch(NamedTuple):
    """The samples of one process in one step: the rows ``start`` to ``stop`` of a batch of ``total``.

    ``x``: samples ``(n, *event)``. ``condition``: what a conditional model is told of each, first axis n, or None.
    """

    x: Array
    condition: Array | None
    start: int
    stop: int
    total: int


class Source(ABC):
    """Batches by step. ``first`` is a batch to look at, ``epoch`` the number of batches until the data come again.

    ``condition``: what stands second in the data, for the samples of ``first``; None where nothing does. ``classes``:
    how many classes the network has, so that integers beyond them are refused; None for any condition.
    """

    owner: Backend
    first: Array
    condition: Array | None
    epoch: int
    batch_size: int
    classes: int | None = None

    @abstractmethod
    def batch(self, step: int, rank: int, size: int) -> Batch:
        """The part that process ``rank`` of ``size`` has in the batch of a step."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What a checkpoint must agree with, as plain JSON types."""

    def prepare(self, classes: int | None) -> None:
        """Told how many ``classes`` the network has, look at the conditions that are there."""
        self.classes = classes

    def checked_first(self) -> Array | None:
        """The conditions of ``first``; one sample has one, also where it stands in an item without a batch axis."""
        return self.checked(self.condition, self.first)

    def checked(self, condition: Any, x: Array) -> Array | None:
        """What stands beside the samples ``x``, as a condition for each of them."""
        if condition is None:
            return None
        name = "the second item of the data"
        made = check_condition(as_condition(condition, self.owner, name), x, name)
        if self.classes is not None:
            check_classes(made, self.classes)
        return made


def check_classes(labels: Array, classes: int) -> None:
    """Refuse labels that are no classes of the network."""
    xp = array_namespace(labels)
    if labels.ndim != 1 or not xp.isdtype(labels.dtype, "integral"):
        raise InvalidTypeError(
            f"the second item of the data is a {describe(labels)}, and the network has {classes} classes: expected "
            "integers (n,). For one-hot rows write rows.argmax(1); for vectors make the network with condition_dim=…."
        )
    low, high = int(xp.min(labels)), int(xp.max(labels))
    if low < 0 or high >= classes:
        raise InvalidValueError(
            f"labels go from {low} to {high}: the network has {classes} classes, 0 to {classes - 1}."
        )


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
    """The sample in an item, and its condition, which stands second; None where nothing does."""
    pair = isinstance(item, (tuple, list)) and len(item) > 0
    sample = item[0] if pair else item
    if not hasattr(sample, "shape"):
        raise InvalidTypeError(
            f"{name} is a {describe(item)}: expected an array, or a tuple (array, condition). Give the dataset a "
            "transform that makes floating-point arrays."
        )
    if pair and len(item) > 2:
        raise InvalidTypeError(
            f"{name} has {len(item)} parts: expected an array, or a tuple (array, condition). Drop the rest, or put "
            "them together into one condition."
        )
    return sample, item[1] if pair and len(item) > 1 else None
