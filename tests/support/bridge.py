"""Laws that are written on NumPy arrays, run on another backend: arrays go in and come back at the objective's door."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from unittest import mock

import numpy as np

import scorekit as sk
from scorekit.objectives import ExplicitScoreMatching
from scorekit.objectives._base import ScoreObjective
from support.twins import TensorRng

_LOSSES, _CALL = ScoreObjective.losses, ScoreObjective.__call__
_on_tensors = False


def on_tensors():
    """Are the laws being run on tensors?"""
    return _on_tensors


@contextmanager
def bridged(backend):
    """Every objective that is handed NumPy arrays works on this backend."""
    global _on_tensors
    if backend == "numpy":
        yield
        return
    _on_tensors = True
    try:
        with mock.patch.object(ScoreObjective, "losses", _losses), mock.patch.object(ScoreObjective, "__call__", _call):
            yield
    finally:
        _on_tensors = False


def tensor(x):
    return None if x is None else sk.backend("torch").asarray(x)


def as_tensors(objective, rng):
    """The objective and the randomness for tensors: a target written in NumPy is asked there."""
    if isinstance(objective, ExplicitScoreMatching):
        objective = replace(objective, target=_asked_in_numpy(objective.target))
    return objective, TensorRng(rng) if hasattr(rng, "exhausted") else rng


def _asked_in_numpy(target):
    def ask(x, sigma=None):
        level = sigma.numpy() if hasattr(sigma, "numpy") else sigma
        return tensor(target(x.detach().numpy(), level))

    return ask


def _losses(self, model, x, rng=None, **more):
    if not isinstance(x, np.ndarray):
        return _LOSSES(self, model, x, rng, **more)
    objective, rng = as_tensors(self, rng)
    return _LOSSES(objective, model, tensor(x), rng).detach().numpy()


def _call(self, model, x, rng=None, weights=None, **more):
    if not isinstance(x, np.ndarray):
        return _CALL(self, model, x, rng, weights, **more)
    objective, rng = as_tensors(self, rng)
    return _CALL(objective, model, tensor(x), rng, tensor(weights)).detach().numpy()
