"""The randomness of loaders and datasets that draw from torch's global generator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["seeded"]


@contextmanager
def seeded(seed: Sequence[int]) -> Iterator[None]:
    """Inside, torch's global generator on the CPU starts from ``seed``; afterwards it is where it was.

    >>> with seeded((0, 1)):
    ...     first = torch.rand(1)
    >>> with seeded((0, 1)):
    ...     bool(torch.rand(1) == first)
    True
    """
    with torch.random.fork_rng([]):
        torch.random.manual_seed(int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> np.uint64(1)))
        yield
