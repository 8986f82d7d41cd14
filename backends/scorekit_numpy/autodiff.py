"""Derivatives by autograd: reverse mode, forward mode and traces, all nestable.

If ``f`` closes over traced values, the derivative is traced as well. A loss that contains it can then be differentiated
with respect to parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from autograd.core import JVPNode, VJPNode, backward_pass, vspace
from autograd.tracer import isbox, new_box, trace_stack

from scorekit.learning import ThreadLock
from scorekit_numpy import namespace as xp

__all__ = ["TRACES", "divergence", "grad", "jvp", "vjp"]

Array: TypeAlias = Any
Function: TypeAlias = Callable[[Array], Array]

TRACES = ThreadLock()
"""Held while autograd traces a function: it numbers the nested traces of all threads in one counter."""


def _traced(root: Any, f: Function, x: Array) -> tuple[Array, Any]:
    """``f(x)`` and its node in the graph; None if it does not depend on ``x``.

    autograd's own function warns in that case. Here it is common: the derivative of a linear score is constant.
    """
    with TRACES, trace_stack.new_trace() as level:
        end = f(new_box(x, level, root))
        if isbox(end) and end._trace == level:
            return end._value, end._node
        return end, None


def _pull_back(f: Function, x: Array) -> tuple[Array, Callable[[Array], Array]]:
    """``f(x)`` and the map v ↦ Jᵀ v."""
    y, end = _traced(VJPNode.new_root(), f, x)
    if end is None:
        return y, lambda v: vspace(x).zeros()
    return y, lambda v: backward_pass(v, end)


def vjp(f: Function, x: Array, v: Array) -> tuple[Array, Array]:
    """``(f(x), Jᵀ v)`` by reverse mode."""
    y, pull_back = _pull_back(f, x)
    return y, pull_back(v)


def jvp(f: Function, x: Array, v: Array) -> tuple[Array, Array]:
    """``(f(x), J v)`` by forward mode."""
    y, end = _traced(JVPNode.new_root(v), f, x)
    return y, vspace(y).zeros() if end is None else end.g


def grad(f: Function, x: Array) -> tuple[Array, Array]:
    """``(f(x), ∇f(x))`` for one value per sample."""
    y, pull_back = _pull_back(f, x)
    return y, pull_back(np.ones(y.shape, dtype=y.dtype))


def divergence(f: Function, x: Array, probes: Array | None = None) -> tuple[Array, Array]:
    """``(f(x), tr J)``, or with ``probes`` ``(f(x), mean of vᵀ J v)``.

    Each probe takes one forward-mode pass, at half the cost of reverse mode. If an operation of autograd's NumPy has no
    forward-mode rule, reverse mode is used. The exact trace pulls the d unit vectors back through one graph, one after
    the other, so memory does not grow with d. The trace of a function that does not depend on ``x`` is zero.
    """
    if probes is not None:
        return _probed(f, x, probes)
    y, pull_back = _pull_back(f, x)
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
        y, pushed = _along(f, x, v)
        total = total + xp.sum(v * pushed, axis=axes)
    return y, total / probes.shape[0]


def _along(f: Function, x: Array, v: Array) -> tuple[Array, Array]:
    """``f(x)`` and J v or Jᵀ v; the inner product of either with ``v`` is vᵀ J v."""
    try:
        return jvp(f, x, v)
    except NotImplementedError:  # autograd has no forward-mode rule
        return vjp(f, x, v)
