"""Every backend passes the conformance suite, and the suite finds faults."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit.testing import check_backend
from scorekit_numpy import NumpyBackend, autodiff


@pytest.mark.parametrize("name", sorted(name for name, installed in sk.backends().items() if installed))
def test_backend(name):
    check_backend(sk.backend(name))


class _Transposed(NumpyBackend):
    def vjp(self, f, x, v):
        return autodiff.jvp(f, x, v)


class _Blind(NumpyBackend):
    def readable(self, x):
        return False


class _HalfTrace(NumpyBackend):
    def divergence(self, f, x, probes=None):
        y, trace = super().divergence(f, x, probes)
        return y, trace if probes is not None else trace / 2


class _SummedProbes(NumpyBackend):
    def divergence(self, f, x, probes=None):
        y, trace = super().divergence(f, x, probes)
        return y, trace if probes is None else trace * len(probes)


class _Cut(NumpyBackend):
    def vjp(self, f, x, v):
        y, pulled = super().vjp(f, x, v)
        return y, self.to_numpy(pulled)


class _NotRandom(NumpyBackend):
    def rng(self, seed=None):
        return super().rng(0)


class _Padded(NumpyBackend):
    def rng(self, seed=None):
        parts = list(seed) if isinstance(seed, tuple) else [seed]
        while len(parts) > 1 and parts[-1] == 0:
            parts.pop()
        return super().rng(parts)


class _WideNoise(NumpyBackend):
    def rng(self, seed=None):
        stream = super().rng(seed)
        normal = stream.normal
        stream.normal = lambda shape, like=None: 1.02 * normal(shape, like)
        return stream


@pytest.mark.parametrize(
    ("faulty", "words"),
    [
        (_Transposed, "vjp to return Jᵀ v"),
        (_Blind, "readable to be True of an array that is there"),
        (_HalfTrace, "divergence to return the trace"),
        (_SummedProbes, "divergence with probes to be the mean"),
        (_Cut, "vjp to be differentiable in what f closes over"),
        (_NotRandom, "different seeds to give different draws"),
        (_Padded, "to give different draws"),
        (_WideNoise, "standard normal moments"),
    ],
    ids=lambda v: getattr(v, "__name__", None),
)
def test_the_suite_finds(faulty, words):
    with pytest.raises(sk.ScorekitError, match=words):
        check_backend(faulty())


def test_what_lacks_a_member_is_no_backend():
    class Bare:
        name = "bare"

    with pytest.raises(ValueError, match="backend is a Bare without asarray, divergence, grad"):
        check_backend(Bare())


def test_an_operation_without_a_gradient_is_named(monkeypatch):
    from scorekit_numpy import namespace

    monkeypatch.setattr(namespace, "flip", lambda x, axis=None: np.flip(np.asarray(NumpyBackend().to_numpy(x)), axis))
    with pytest.raises(sk.ScorekitError, match="derivative of flip"):
        check_backend(NumpyBackend())
