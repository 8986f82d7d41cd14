"""An Rng whose draws are given in advance, so that a random loss becomes an exact function of its noise."""

from __future__ import annotations

import numpy as np


class ScriptedRng:
    """Each kind of draw takes the next array of its own list and checks that the shape is the one asked for."""

    def __init__(self, normal=(), rademacher=(), uniform=(), choice=()):
        self._left = {
            kind: [np.asarray(a) for a in arrays]
            for kind, arrays in {
                "normal": normal,
                "rademacher": rademacher,
                "uniform": uniform,
                "choice": choice,
            }.items()
        }

    def _next(self, kind, shape):
        assert self._left[kind], f"one {kind} draw more than the script has"
        value = self._left[kind].pop(0)
        assert value.shape == tuple(shape), f"{kind} draw of shape {shape}, the script has {value.shape}"
        return value

    def normal(self, shape, like=None):
        return self._next("normal", shape)

    def rademacher(self, shape, like=None):
        return self._next("rademacher", shape)

    def uniform(self, shape, like=None):
        return self._next("uniform", shape)

    def choice(self, n, shape, p=None, replace=True):
        return self._next("choice", shape)

    @property
    def exhausted(self):
        return not any(self._left.values())
