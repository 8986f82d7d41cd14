"""Data loaders as sources of batches. Their randomness depends on the seed of the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scorekit._arrays import check_batch, listed
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.protocols import Seed
from scorekit.registry import backend_of, framework_of, offered
from scorekit.training.sources.base import (
    Batch,
    Source,
    digest,
    faulty,
    only_finite,
    sample_of,
    share,
    without_length,
)
from scorekit.training.sources.seeding import place_of, seeded
from scorekit.training.sources.workers import has_workers, shielded

__all__ = ["Loader"]

_SHOWN = 64  # number of samples whose hash identifies the data set


class Loader(Source):
    """An iterable of batches with a length, such as a ``DataLoader``; one pass is one epoch.

    Its randomness is a function of the seed, the epoch and the batch index. The global generators of Python, NumPy and
    the framework are seeded for each batch and then restored. The attribute ``generator`` of the loader is seeded at
    the start of each epoch. Other generators in its transforms are not controlled.
    """

    def __init__(self, loader: Any, seed: int, *, skip: bool) -> None:
        self._loader, self._seed = loader, seed
        try:
            self.epoch = len(loader)
        except TypeError as error:  # a DataLoader has len() even if its dataset does not
            raise without_length(loader) from error
        if self.epoch == 0:
            raise ShapeError("the loader is empty: expected at least one batch.")
        self._framework = framework_of(loader)
        self.has_workers = has_workers(loader)
        self._sampler = next((s for s in _samplers(loader) if hasattr(s, "set_epoch")), None)
        self._place: tuple[int, int] = (-1, 0)
        self._batches: Iterator[Any] = iter(())
        shown, second = sample_of(self._fetch(0), "a batch of the loader")
        self.first = check_batch(shown, "a batch of the loader", finite=not skip)
        self.owner, self.condition = backend_of(self.first), second
        self.batch_size = self.first.shape[0]
        if skip:
            self.first, self.condition = only_finite(self.first, second, self.owner)
        self._place = (-1, 0)

    def batch(self, step: int, rank: int, size: int) -> Batch:
        """The batch of a step, divided among the processes unless the sampler of the loader does this."""
        x, second = sample_of(self._fetch(step), "a batch of the loader")
        check_batch(x, "a batch of the loader", finite=False)
        n, condition = x.shape[0], self.checked(second, x, finite=False)
        fault = self._fault(step, faulty(x, condition))
        if self._sampler is not None and getattr(self._sampler, "num_replicas", 1) == size:
            return Batch(x, condition, n * rank, n * (rank + 1), n * size, fault)
        start, stop = share(n, rank, size)
        return Batch(x[start:stop], None if condition is None else condition[start:stop], start, stop, n, fault)

    def _fault(self, step: int, bad: list[int]) -> str | None:
        if not bad:
            return None
        epoch, place = divmod(step, self.epoch)
        rows = f"row{'s' if len(bad) > 1 else ''} {listed(bad)}"
        return f"NaN or infinity in {rows} of batch {place} of the loader in epoch {epoch}, all counted from 0"

    def _fetch(self, step: int) -> Any:
        epoch, place = divmod(step, self.epoch)
        if (epoch, place) != self._place:
            self._begin(epoch)
            for passed in range(place):
                self._next(epoch, passed)
        self._place = (epoch, place + 1)
        return self._next(epoch, place)

    def _begin(self, epoch: int) -> None:
        if self._sampler is not None:
            self._sampler.set_epoch(epoch)
        own = getattr(self._loader, "generator", None)
        if own is not None:
            _seed_own(own, ("fit", self._seed, "loader", epoch))
        with seeded(self._framework, place_of(self._seed, epoch)), shielded(self._loader):
            self._batches = iter(self._loader)

    def _next(self, epoch: int, place: int) -> Any:
        try:
            with seeded(self._framework, place_of(self._seed, epoch, place)):
                return next(self._batches)
        except StopIteration:
            raise InvalidValueError(
                f"the loader ended after {place} batches and its length is {self.epoch}: expected len(loader) "
                "batches in each pass. Use a loader that can be iterated repeatedly, not a generator."
            ) from None

    def identity(self) -> dict[str, Any]:
        """The lengths, and a hash of the first samples of the first batch."""
        return {
            "batch_size": self.batch_size,
            "data": type(self._loader).__name__,
            "batches": self.epoch,
            "data shape": list(self.first.shape),
            "data dtype": str(self.first.dtype),
            "data sample": digest(self.owner.to_numpy(self.first)[:_SHOWN]),
            **self.condition_identity(slice(_SHOWN)),
        }


def _seed_own(generator: Any, seed: Seed) -> None:
    framework = framework_of(generator)
    put = None if framework is None else offered(framework, "seed_generator")
    if put is None:
        raise InvalidTypeError(
            f"the loader's generator is a {describe(generator)}, which fit cannot seed: expected a generator of the "
            "framework of the loader, for instance torch.Generator for a DataLoader."
        )
    put(generator, seed)


def _samplers(loader: Any) -> Iterator[Any]:
    for holder in (loader, getattr(loader, "batch_sampler", None)):
        sampler = getattr(holder, "sampler", None)
        if sampler is not None:
            yield sampler
