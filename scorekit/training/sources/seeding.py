"""Seeding of the global generators that data sets and loaders draw from."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np

from scorekit.learning import seed_sequence
from scorekit.protocols import Seed
from scorekit.registry import offered

__all__ = ["place_of", "seeded"]


def place_of(seed: int, *place: int) -> tuple[str | int, ...]:
    """The seed for random numbers that the data draw at this point of a run."""
    return ("fit", seed, "data", *place)


@contextmanager
def seeded(framework: str | None, place: Seed) -> Iterator[None]:
    """A context that seeds the global generators with ``place`` and restores them at the end.

    These are the generators of ``random``, of ``numpy.random``, and of the framework if its package exports ``seeded``.
    Generators that a data set holds itself are not included.

    >>> with seeded(None, (0, 1)):
    ...     first = random.random()
    >>> with seeded(None, (0, 1)):
    ...     random.random() == first
    True
    """
    seed = [int(word) for word in seed_sequence(place).generate_state(4)]
    more = None if framework is None else offered(framework, "seeded")
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        random.setstate(random.Random(sum(word << (32 * k) for k, word in enumerate(seed))).getstate())
        np.random.set_state(np.random.RandomState(seed).get_state())  # noqa: NPY002
        with nullcontext() if more is None else more(place):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
