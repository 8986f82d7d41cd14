"""NumPy's draws as tensors, so that two backends can be compared number by number."""

from __future__ import annotations

import numpy as np

import scorekit as sk


class TensorRng:
    """The draws of another Rng, handed out as tensors; by default those of NumPy's stream of the same seed."""

    def __init__(self, source=0):
        self.source = sk.rng(source) if isinstance(source, int) else source

    def _tensor(self, value, like=None):
        return sk.backend("torch").asarray(np.asarray(value), like=like)

    def normal(self, shape, like=None):
        return self._tensor(self.source.normal(shape), like)

    def uniform(self, shape, like=None):
        return self._tensor(self.source.uniform(shape), like)

    def rademacher(self, shape, like=None):
        return self._tensor(self.source.rademacher(shape), like)

    def choice(self, n, shape, p=None, replace=True):
        return self._tensor(self.source.choice(n, shape, p=p, replace=replace))

    def integers(self, low, high, shape):
        return self._tensor(self.source.integers(low, high, shape))

    def state(self):
        return self.source.state()

    def restore(self, state):
        self.source.restore(state)

    def spawn(self, n):
        return [TensorRng(child) for child in self.source.spawn(n)]
