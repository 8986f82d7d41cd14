"""Seeding of the global generators that data sets and loaders draw from."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np

from scorekit.learning import generators_locked, seed_sequence
from scorekit.protocols import Seed
from scorekit.registry import offered

__all__ = ["GlobalDraws", "place_of", "seeded"]


def place_of(seed: int, *place: int) -> tuple[str | int, ...]:
    """The seed for random numbers that the data draw at this point of a run."""
    return ("fit", seed, "data", *place)


@contextmanager
def seeded(framework: str | None, place: Seed) -> Iterator[None]:
    """A context that seeds the global generators with ``place`` and restores them at the end.

    These are the generators of ``random``, of ``numpy.random``, and of the framework if its package exports ``seeded``.
    Generators that a data set holds itself are not included. Only one thread at a time is in such a context, since all
    threads share these generators.

    >>> with seeded(None, (0, 1)):
    ...     first = random.random()
    >>> with seeded(None, (0, 1)):
    ...     random.random() == first
    True
    """
    seed = [int(word) for word in seed_sequence(place).generate_state(4)]
    more = None if framework is None else offered(framework, "seeded")
    with generators_locked(), _restored():
        random.setstate(random.Random(sum(word << (32 * k) for k, word in enumerate(seed))).getstate())
        np.random.set_state(np.random.RandomState(seed).get_state())  # noqa: NPY002
        with nullcontext() if more is None else more(place):
            yield


@contextmanager
def _restored() -> Iterator[None]:
    """A context that restores the global generators of Python and NumPy at its end."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


class GlobalDraws:
    """Seeds the generators of ``random`` and ``numpy.random`` for models and objectives that draw from them.

    The first step shows whether they do; if not, later steps have no overhead.

    >>> draws = GlobalDraws()
    >>> with draws((0, 1)):
    ...     first = random.random()
    >>> with draws((0, 1)):
    ...     random.random() == first
    True
    """

    def __init__(self) -> None:
        self._used: bool | None = None  # not known yet

    def __call__(self, place: Seed) -> AbstractContextManager[None]:
        """A context for the step with the seed ``place``."""
        return nullcontext() if self._used is False else self._seeded(place)

    @contextmanager
    def _seeded(self, place: Seed) -> Iterator[None]:
        with seeded(None, place):
            before = _positions()
            yield
            if self._used is None:
                self._used = _positions() != before


def _positions() -> tuple[Any, ...]:
    name, words, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    return random.getstate(), name, np.asarray(words).tobytes(), rest
