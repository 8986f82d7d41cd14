"""Derivatives by autograd: reverse mode, forward mode and traces, all of them nestable.

A derivative taken here is itself traced when ``f`` closes over traced values, so that a loss built
from it can be differentiated with respect to parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from autograd.core import make_jvp, make_vjp

from scorekit_numpy import namespace as xp

__all__ = ["divergence", "grad", "jvp", "vjp"]

Array: TypeAlias = Any
Function: TypeAlias = Callable[[Array], Array]


def vjp(f: Function, x: Array, v: Array) -> tuple[Array, Array]:
    """``(f(x), Jᵀ v)`` by reverse mode."""
    pull_back, y = make_vjp(f, x)
    return y, pull_back(v)


def jvp(f: Function, x: Array, v: Array) -> tuple[Array, Array]:
    """``(f(x), J v)`` by forward mode."""
    return make_jvp(f, x)(v)  # type: ignore[no-any-return]


def grad(f: Function, x: Array) -> tuple[Array, Array]:
    """``(f(x), ∇f(x))`` of one value a sample."""
    pull_back, y = make_vjp(f, x)
    return y, pull_back(np.ones(y.shape, dtype=y.dtype))


def divergence(f: Function, x: Array, probes: Array | None = None) -> tuple[Array, Array]:
    """``(f(x), tr J)``, or with ``probes`` ``(f(x), mean of vᵀ J v)``.

    Probes cost a forward-mode pass each, which autograd does at half the price of reverse mode. The
    exact trace pulls the d unit vectors back through one graph, one after the other: memory is that of
    one graph and one pass, whatever d is. A function that ignores ``x`` has a trace of zero.
    """
    if probes is not None:
        return _probed(f, x, probes)
    pull_back, y = make_vjp(f, x)
    flat = (x.shape[0], -1)
    size = int(np.prod(x.shape[1:]))
    total: Array = np.zeros(x.shape[0], dtype=x.dtype)
    for i in range(size):
        unit = np.zeros((x.shape[0], size), dtype=y.dtype)
        unit[:, i] = 1.0
        total = total + xp.reshape(pull_back(unit.reshape(x.shape)), flat)[:, i]
    return y, total


def _probed(f: Function, x: Array, probes: Array) -> tuple[Array, Array]:
    axes = tuple(range(1, x.ndim))
    y, total = None, 0.0
    for v in probes:
        y, pushed = jvp(f, x, v)
        total = total + xp.sum(v * pushed, axis=axes)
    return y, total / probes.shape[0]
