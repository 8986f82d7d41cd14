"""The driver knows no framework: it runs on the array standard alone, and gives NumPy's numbers."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest

import scorekit as sk
from scorekit.samplers import AnnealedLangevin, ConsistentAnnealed, Inpaint, Langevin, initial

SAMPLERS = [
    Langevin(0.1, 6),
    AnnealedLangevin([2.0, 1.0, 0.5], 2, 0.1),
    ConsistentAnnealed([2.0, 1.0, 0.5]),
]


class StrictRng:
    """NumPy's stream, handing out arrays of the strict namespace."""

    rademacher = None

    def __init__(self, seed):
        self._inner = sk.rng(seed)

    def normal(self, shape, like=None):
        dtype = np.zeros(1, str(like.dtype).rpartition(".")[2]) if like is not None else None
        return array_api_strict.asarray(self._inner.normal(shape, dtype))


def _score(x, sigma=None):
    return (1.0 - x) / (0.5 + (0.0 if sigma is None else sigma**2))


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("shape", [(5, 1), (5, 2), (5, 2, 2), (3, 3, 8, 8), (1, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_chain(sampler, shape, dtype):
    x0 = np.random.default_rng(0).normal(size=shape).astype(dtype)
    expected = sampler.sample(_score, x0, rng=sk.rng(3), keep_every=2)
    strict = sampler.sample(_score, array_api_strict.asarray(x0), rng=StrictRng(3), keep_every=2)
    assert strict.x.__array_namespace__() is not np
    assert np.array_equal(np.asarray(strict.x), expected.x)
    assert np.array_equal(np.asarray(strict.trajectory), expected.trajectory)
    assert np.allclose(strict.stats["score_norm"], expected.stats["score_norm"], rtol=1e-6)
    states = list(sampler.iterate(_score, array_api_strict.asarray(x0), rng=StrictRng(3)))
    assert np.array_equal(np.asarray(states[-1].x), expected.x)


@pytest.mark.parametrize("sampler", [*SAMPLERS, Inpaint(SAMPLERS[1], [True, False], [1.5, np.nan])])
def test_no_array_is_ever_written_to(sampler, monkeypatch):
    """As frameworks of immutable arrays have it: trajectories are collected and stacked, steps make new arrays."""
    x0 = array_api_strict.asarray(np.random.default_rng(0).normal(size=(5, 2)))
    expected = sampler.sample(_score, x0, rng=StrictRng(3), keep_every=2)
    for name in ("__setitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__"):
        monkeypatch.setattr(type(x0), name, lambda *_: pytest.fail("an array was changed"))
    found = sampler.sample(_score, x0, rng=StrictRng(3), keep_every=2)
    assert np.array_equal(np.asarray(found.trajectory), np.asarray(expected.trajectory))


def test_inpainting():
    x0, values = np.zeros((5, 2)), np.array([1.5, np.nan])
    expected = Inpaint(SAMPLERS[1], [True, False], values).sample(_score, x0, rng=sk.rng(3)).x
    mask = array_api_strict.asarray([True, False])
    strict = Inpaint(SAMPLERS[1], mask, array_api_strict.asarray(values))
    x = strict.sample(_score, array_api_strict.asarray(x0), rng=StrictRng(3)).x
    assert np.array_equal(np.asarray(x), expected)


def test_divergence():
    with pytest.raises(sk.DivergedError, match=r"about 1 at the start\): try step_size=0.5"):
        Langevin(12.0, 1000).sample(lambda x: -x, array_api_strict.ones((4, 2)), rng=StrictRng(0))


def test_initial():
    like = array_api_strict.ones((1,), dtype=array_api_strict.float32)
    x = initial([2.0], (5, 2), rng=StrictRng(0), like=like, mean=1.0, std=[0.0, 1.5])
    assert x.dtype == array_api_strict.float32
    expected = initial([2.0], (5, 2), rng=sk.rng(0), like=np.ones(1, np.float32), mean=1.0, std=[0.0, 1.5])
    assert np.allclose(np.asarray(x), expected)


def test_frameworks_do_not_mix():
    with pytest.raises(TypeError, match=r"x0 is a numpy.ndarray.*noise a array_api_strict"):
        Langevin(0.1, 2).sample(_score, np.ones((4, 2)), rng=StrictRng(0))
    with pytest.raises(TypeError, match=r"x is a numpy.ndarray.*score a array_api_strict"):
        Langevin(0.1, 2).sample(lambda x: array_api_strict.ones((4, 2)), np.ones((4, 2)), rng=0)
