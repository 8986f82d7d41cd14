"""The base class of sources of batches, and helpers."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import check_finite, nonfinite_rows
from scorekit._conditions import as_condition, check_condition
from scorekit.errors import InvalidTypeError, InvalidValueError, describe
from scorekit.protocols import Array, Backend
from scorekit.registry import array_namespace

__all__ = [
    "Batch",
    "Source",
    "check_classes",
    "digest",
    "faulty",
    "only_finite",
    "sample_of",
    "share",
    "without_length",
]


class Batch(NamedTuple):
    """The samples of one process in one step: rows ``start`` to ``stop`` of a batch of ``total`` samples.

    ``x``: samples ``(n, *event)``. ``condition``: their conditions with first axis n, or None. ``fault``: which of
    these samples or conditions contain NaN or infinity, in words; None if all are finite.
    """

    x: Array
    condition: Array | None
    start: int
    stop: int
    total: int
    fault: str | None = None


class Source(ABC):
    """Batches by step. ``first`` is an example batch, ``epoch`` the number of batches per epoch.

    ``condition``: the conditions of the samples in ``first``; None without conditions. ``classes``: the number of
    classes of the network, for the check of labels; None for other conditions.
    """

    owner: Backend
    first: Array
    condition: Array | None
    epoch: int
    batch_size: int
    classes: int | None = None
    has_workers = False
    """Whether other processes read the data."""

    @abstractmethod
    def batch(self, step: int, rank: int, size: int) -> Batch:
        """The rows of process ``rank`` of ``size`` in the batch of a step."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """The properties that must be equal in a resumed run, as plain JSON types."""

    def prepare(self, classes: int | None) -> None:
        """Set the number of ``classes`` of the network, and check the known conditions."""
        self.classes = classes

    def some(self, most: int) -> Array:  # noqa: ARG002
        """Some samples of the data, about ``most`` if they are in memory, to compare their scale; by default ``first``.

        Others would have to be loaded.
        """
        return self.first

    def checked_first(self) -> Array | None:
        """The checked conditions of ``first``."""
        return self.checked(self.condition, self.first)

    def condition_identity(self, rows: Any = slice(None)) -> dict[str, Any]:
        """A hash of these conditions of :attr:`first`, by name; nothing without conditions."""
        told = self.checked_first()
        return {} if told is None else {"condition": digest(self.owner.to_numpy(told)[rows])}

    def checked(
        self, condition: Any, x: Array, name: str = "the second item of the data", *, finite: bool = True
    ) -> Array | None:
        """The checked conditions of the samples ``x``, one per sample; as many as the first batch has, or none."""
        if (condition is None) != (self.condition is None):
            raise InvalidValueError(
                f"{name} is {'missing' if condition is None else 'there'} in a batch, unlike in the first one: "
                "expected conditions in each batch, or in none."
            )
        if condition is None:
            return None
        made = check_condition(as_condition(condition, self.owner, name, finite=finite), x, name, finite=finite)
        if self.classes is not None:
            check_classes(made, self.classes)
        return made


def faulty(x: Array, condition: Array | None) -> list[int]:
    """The rows in which a sample or its condition contains NaN or infinity."""
    parts = [x, condition] if condition is not None and _is_real(condition) else [x]
    return sorted({row for part in parts for row in nonfinite_rows(part)})


def _is_real(condition: Array) -> bool:
    return bool(array_namespace(condition).isdtype(condition.dtype, "real floating"))


def only_finite(x: Array, second: Any, owner: Backend) -> tuple[Array, Any]:
    """The samples and conditions without NaN and infinity; an error if there are none."""
    condition = None if second is None else as_condition(second, owner, "the second item of the data", finite=False)
    bad = faulty(x, condition)
    if not bad or len(bad) == x.shape[0]:
        return check_finite(x, "the first batch"), second
    rows = owner.asarray(np.setdiff1d(np.arange(x.shape[0]), bad))
    kept = [None if part is None else owner.xp.take(part, rows, axis=0) for part in (x, condition)]
    return kept[0], kept[1]


def check_classes(labels: Array, classes: int) -> None:
    """Raise an error for labels that are not classes of the network."""
    xp = array_namespace(labels)
    if labels.ndim != 1 or not xp.isdtype(labels.dtype, "integral"):
        raise InvalidTypeError(
            f"the second item of the data is a {describe(labels)}, and the network has {classes} classes: expected "
            "integers (n,). For one-hot rows write rows.argmax(1); for vectors make the network with condition_dim=…."
        )
    low, high = int(xp.min(labels)), int(xp.max(labels))
    if low < 0 or high >= classes:
        raise InvalidValueError(
            f"labels are from {low} to {high}: expected 0 to {classes - 1}, the {classes} classes of the network."
        )


def share(total: int, rank: int, size: int) -> tuple[int, int]:
    """The rows of process ``rank`` of ``size`` in a batch of ``total`` samples, from start to stop."""
    if total < size:
        raise InvalidValueError(
            f"a batch of {total} samples cannot be divided among {size} processes: use a larger batch_size, and "
            "drop_last=True in a DataLoader whose last batch is smaller."
        )
    return total * rank // size, total * (rank + 1) // size


def without_length(data: Any) -> InvalidTypeError:
    """The error for data without a length."""
    return InvalidTypeError(
        f"data is a {describe(data)} without a length: expected an array, a dataset with len() and [i], or a "
        "loader of batches with len(). Use a DataLoader of known length, or an array."
    )


def digest(rows: Any) -> str:
    """A short hash of the bytes of rows of a NumPy array."""
    return hashlib.sha256(np.ascontiguousarray(rows).tobytes()).hexdigest()[:16]


def sample_of(item: Any, name: str) -> tuple[Array, Any]:
    """The sample and the condition of an item; None without a condition."""
    pair = isinstance(item, (tuple, list)) and len(item) > 0
    sample = item[0] if pair else item
    if not hasattr(sample, "shape"):
        raise InvalidTypeError(
            f"{name} is a {describe(item)}: expected an array, or a tuple (array, condition). Use a "
            "transform of the dataset that makes floating-point arrays."
        )
    if pair and len(item) > 2:
        raise InvalidTypeError(
            f"{name} has {len(item)} parts: expected an array, or a tuple (array, condition). Drop the others, or "
            "combine them into one condition."
        )
    return sample, item[1] if pair and len(item) > 1 else None
