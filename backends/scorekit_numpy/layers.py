"""A linear layer and an activation as single nodes of autograd's graph.

In a small network most of the time is autograd's overhead of a few microseconds per node. A linear layer and an
activation are therefore one node each, and their derivatives are one node each as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import autograd.numpy as anp
import numpy as np
from autograd.extend import defjvp, defvjp, primitive

from scorekit_numpy import namespace as xp

__all__ = ["gelu", "gelu_slope", "linear"]

Array: TypeAlias = Any

_SLOPE, _CUBIC = float((2 / np.pi) ** 0.5), float((2 / np.pi) ** 0.5 * 0.044715)


@primitive  # type: ignore[untyped-decorator]
def linear(h: Array, weight: Array, bias: Array) -> Array:
    """``h Wᵀ + b`` for h (n, in), W (out, in) and b (out,)."""
    return np.matmul(h, weight.T) + bias


defvjp(
    linear,
    lambda ans, h, weight, bias: lambda g: anp.matmul(g, weight),
    lambda ans, h, weight, bias: lambda g: anp.matmul(g.T, h),
    lambda ans, h, weight, bias: lambda g: anp.sum(g, axis=0),
)
defjvp(
    linear,
    lambda g, ans, h, weight, bias: anp.matmul(g, weight.T),
    lambda g, ans, h, weight, bias: anp.matmul(h, g.T),
    lambda g, ans, h, weight, bias: 0 * ans + g,
)


def _inside(tanh: Callable[[Array], Array], x: Array) -> tuple[Array, Array, Array]:
    """The triple t = tanh u, s = 1 − t² and u′, for u = a x + b x³."""
    square = x * x
    t = tanh(x * (_SLOPE + _CUBIC * square))
    return t, 1 - t * t, _SLOPE + 3 * _CUBIC * square


@primitive  # type: ignore[untyped-decorator]
def gelu(x: Array) -> Array:
    """The activation x Φ(x) in the tanh approximation ½ x (1 + tanh u) (Hendrycks, Gimpel, 2016, arXiv:1606.08415)."""
    t, _, _ = _inside(np.tanh, x)
    return 0.5 * x * (1 + t)


@primitive  # type: ignore[untyped-decorator]
def gelu_slope(x: Array) -> Array:
    """The first derivative: ½ (1 + t) + ½ x s u′."""
    t, s, du = _inside(np.tanh, x)
    return 0.5 * (1 + t + x * s * du)


@primitive  # type: ignore[untyped-decorator]
def _gelu_bend(x: Array) -> Array:
    """The second derivative: s u′ + ½ x s q, with q = u″ − 2 t u′²."""
    t, s, du = _inside(np.tanh, x)
    return s * (du + 0.5 * x * (6 * _CUBIC * x - 2 * t * du * du))


def _gelu_third(x: Array) -> Array:
    """The third derivative, ½ s (3 q + x (q′ − 2 t u′ q)), from operations that are differentiable at any order."""
    t, s, du = _inside(xp.tanh, x)
    ddu = 6 * _CUBIC * x
    q = ddu - 2 * t * du * du
    dq = 6 * _CUBIC - 2 * s * du**3 - 4 * t * du * ddu
    return 0.5 * s * (3 * q + x * (dq - 2 * t * du * q))


for _f, _derivative in ((gelu, gelu_slope), (gelu_slope, _gelu_bend), (_gelu_bend, _gelu_third)):
    defvjp(_f, lambda ans, x, _d=_derivative: lambda g: g * _d(x))
    defjvp(_f, lambda g, ans, x, _d=_derivative: g * _d(x))
