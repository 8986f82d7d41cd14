"""Arrays and indexable datasets as sources of batches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from scorekit._arrays import check_batch, listed
from scorekit._checks import check_count
from scorekit.errors import InvalidValueError, ShapeError
from scorekit.protocols import Array, Backend
from scorekit.registry import array_namespace, backend_of, framework_of
from scorekit.training.sources.base import Batch, Source, digest, faulty, only_finite, sample_of, share
from scorekit.training.sources.seeding import place_of, seeded

__all__ = ["Arrays", "Dataset", "Shuffled"]

_DEFAULT_BATCH = 128
_SHOWN = 3  # items of a dataset that are checked before the first step
_LOOKED_AT = 32  # items of a dataset whose scale is compared


class Shuffled(Source):
    """Indexable data. An epoch is a random permutation of the rows; an incomplete last batch is dropped."""

    def __init__(self, owner: Backend, n: int, batch_size: int | None, seed: int) -> None:
        self.owner, self._n, self._seed = owner, n, seed
        self.batch_size = _sizes(batch_size, n)
        self.epoch = n // self.batch_size
        self._drawn, self._order = -1, None

    @abstractmethod
    def _rows(self, order: Any) -> tuple[Array, Array | None]:
        """The samples of these rows, and their conditions."""

    def _tied(self, step: int, start: int) -> AbstractContextManager[None]:
        """A context that seeds the random numbers that items draw themselves."""
        del step, start
        return nullcontext()

    def batch(self, step: int, rank: int, size: int) -> Batch:
        """A slice of the permutation of the step's epoch."""
        epoch, place = divmod(step, self.epoch)
        if epoch != self._drawn:
            rng = self.owner.rng(("fit", self._seed, "order", epoch))
            self._drawn, self._order = epoch, rng.choice(self._n, (self._n,), replace=False)
        start, stop = share(self.batch_size, rank, size)
        begin = place * self.batch_size
        rows = self._order[begin + start : begin + stop]  # type: ignore[index]
        with self._tied(step, start):
            x, condition = self._rows(rows)
        return Batch(x, condition, start, stop, self.batch_size, self._fault(rows, x, condition))

    def _fault(self, rows: Any, x: Array, condition: Array | None) -> str | None:
        """Which of these rows contain NaN or infinity, in words."""
        del rows, x, condition
        return None


class Arrays(Shuffled):
    """An array ``(n, *event)``, and optional conditions with first axis n."""

    def __init__(self, x: Array, condition: Any, batch_size: int | None, seed: int) -> None:
        super().__init__(backend_of(check_batch(x, "data")), x.shape[0], batch_size, seed)
        array_namespace(data=x, condition=condition if hasattr(condition, "shape") else x)
        self._x = self.first = x
        self.condition = condition

    def prepare(self, classes: int | None) -> None:
        """Check the conditions of all samples once."""
        super().prepare(classes)
        self.condition = self.checked(self.condition, self._x)

    def _rows(self, order: Any) -> tuple[Array, Array | None]:
        take = self.owner.xp.take
        return take(self._x, order, axis=0), None if self.condition is None else take(self.condition, order, axis=0)

    def some(self, most: int) -> Array:
        """Evenly spaced rows."""
        return self._x[:: max(1, -(-self._n // most)), ...]

    def identity(self) -> dict[str, Any]:
        """Shape, dtype and a hash of some rows."""
        n = self._x.shape[0]
        rows = np.linspace(0, n - 1, min(n, 4096)).astype(int)
        return self.condition_identity(rows) | {
            "batch_size": self.batch_size,
            "data shape": list(self._x.shape),
            "data dtype": str(self._x.dtype),
            "data sample": digest(self.owner.to_numpy(self._x)[rows]),
        }


class Dataset(Shuffled):
    """An object with ``len()`` and ``[i]`` whose items are samples, or tuples of a sample and its condition.

    Items may be random: the global generators of Python, NumPy and the framework are seeded for the items of each step
    and then restored. Other generators of a data set are not controlled.
    """

    def __init__(self, items: Any, batch_size: int | None, seed: int, *, skip: bool) -> None:
        if len(items) == 0:
            raise ShapeError("the dataset is empty: expected at least one sample.")
        self._items = items
        with seeded(framework_of(items), place_of(seed)):  # finds the backend of the items
            owner = backend_of(sample_of(items[0], "dataset[0]")[0])
        super().__init__(owner, len(items), batch_size, seed)
        with seeded(owner.name, place_of(seed)):
            shown = [sample_of(items[i], f"dataset[{i}]") for i in range(min(_SHOWN, len(items)))]
        samples, second = zip(*shown, strict=True)
        first = check_batch(self._stack(samples, "items"), "the first items of the dataset", finite=not skip)
        self.first, self.condition = first, self._together(second)
        if skip:
            self.first, self.condition = only_finite(first, self.condition, owner)

    def _tied(self, step: int, start: int) -> AbstractContextManager[None]:
        return seeded(self.owner.name, place_of(self._seed, step, start))

    def _rows(self, order: Any) -> tuple[Array, Array | None]:
        places = [int(i) for i in self.owner.to_numpy(order)]
        samples, second = zip(*(sample_of(self._item(i), f"dataset[{i}]") for i in places), strict=True)
        x = self._stack(samples, "items")
        return x, self.checked(self._together(second), x, finite=False)

    def _item(self, i: int) -> Any:
        try:
            return self._items[i]
        except Exception as error:
            error.add_note(f"This error is of dataset[{i}].")
            raise

    def _fault(self, rows: Any, x: Array, condition: Array | None) -> str | None:
        bad = faulty(x, condition)
        if not bad:
            return None
        places = [int(i) for i in self.owner.to_numpy(rows)[bad]]
        return f"NaN or infinity in dataset[{listed(places)}]"

    def some(self, most: int) -> Array:
        """Evenly spaced items without NaN and infinity, at most 32 and no more than a batch."""
        count = min(self._n, self.batch_size, _LOOKED_AT, most)
        with seeded(self.owner.name, place_of(self._seed)):
            items = [self._items[i] for i in range(0, self._n, -(-self._n // count))]
        x = self._stack([sample_of(item, "an item of the dataset")[0] for item in items], "items")
        return only_finite(x, None, self.owner)[0]

    def _together(self, second: Sequence[Any]) -> Any:
        """The second items of a batch: None if no item has one, an array, or a list of what is no array."""
        missing = sum(c is None for c in second)
        if missing == len(second):
            return None
        if missing:
            raise InvalidValueError(
                f"{missing} of {len(second)} items of the dataset have no condition and the others have one: expected "
                "a condition in each item, or in none."
            )
        if all(self.owner.owns(c) for c in second):
            return self._stack(second, "second items")
        return np.stack(second) if all(isinstance(c, (np.ndarray, np.generic)) for c in second) else list(second)

    def _stack(self, arrays: Sequence[Array], what: str) -> Array:
        shapes = {tuple(a.shape) for a in arrays}
        if len(shapes) > 1:
            raise ShapeError(f"{what} of the dataset have shapes {sorted(shapes)}: expected one shape for all.")
        return self.owner.xp.stack(arrays)

    def identity(self) -> dict[str, Any]:
        """The length, and a hash of the first item."""
        return {
            "batch_size": self.batch_size,
            "data": type(self._items).__name__,
            "data shape": [self._n, *self.first.shape[1:]],
            "data dtype": str(self.first.dtype),
            "data sample": digest(self.owner.to_numpy(self.first)),
            **self.condition_identity(),
        }


def _sizes(batch_size: int | None, n: int) -> int:
    if batch_size is None:
        return min(_DEFAULT_BATCH, n)
    size = check_count(batch_size, "batch_size")
    if size > n:
        raise InvalidValueError(f"batch_size must be at most {n}, the number of samples, got {size}.")
    return size
