"""Seeding of data loaders and data sets that use torch's global generator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from scorekit.protocols import Seed
from scorekit_torch.random import seed_generator

__all__ = ["seeded"]


@contextmanager
def seeded(seed: Seed) -> Iterator[None]:
    """A context manager that seeds torch's global CPU generator and restores its state at the end.

    >>> with seeded((0, 1)):
    ...     first = torch.rand(1)
    >>> with seeded((0, 1)):
    ...     bool(torch.rand(1) == first)
    True
    """
    with torch.random.fork_rng([]):
        seed_generator(torch.default_generator, seed)
        yield
