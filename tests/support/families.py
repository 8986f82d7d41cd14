"""Families of smooth score models with a parameter vector, written on the array namespace of their input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import autograd
import numpy as np

import scorekit as sk
from support import bridge

HIDDEN = 3


@dataclass(frozen=True)
class Family:
    """``model(theta, d)`` is the score model with parameters ``theta``, a vector of ``size(d)`` numbers."""

    name: str
    size: Callable[[int], int]
    score: Callable

    def model(self, theta, d):
        def s(x, sigma=None):
            scale = 1.0 if sigma is None else 1.0 / (1.0 + _column(sigma) ** 2)
            return self.score(sk.array_namespace(x), sk.backend_of(x).asarray(theta, like=x), d, x) * scale

        return s

    def __repr__(self):
        return self.name


def _column(sigma):
    return sigma[:, None] if getattr(sigma, "ndim", 0) else sigma


def _linear(xp, theta, d, x):
    """Not symmetric, so that a transposed Jacobian shows."""
    matrix = xp.reshape(theta[: d * d], (d, d))
    return xp.matmul(x, matrix) + theta[d * d :]


def _mlp(xp, theta, d, x):
    a, b, c = np.cumsum([HIDDEN * d, HIDDEN, HIDDEN * d])
    first, bias = xp.reshape(theta[:a], (d, HIDDEN)), theta[a:b]
    second, last = xp.reshape(theta[b:c], (HIDDEN, d)), theta[c:]
    return xp.matmul(xp.tanh(0.3 * (xp.matmul(x, first) + bias)), second) + last


def _mixture(xp, theta, d, x):
    """The score of two unit Gaussians of equal weight."""
    m0, m1 = 0.4 * theta[:d], 0.4 * theta[d:]
    difference = 0.5 * xp.sum((x - m0) ** 2 - (x - m1) ** 2, axis=1)
    r = (1 / (1 + xp.exp(-difference)))[:, None]
    return (1 - r) * (m0 - x) + r * (m1 - x)


def _cubic(xp, theta, d, x):
    mixed = xp.matmul(x * x, xp.reshape(theta[d:], (d, d)))
    return 0.1 * (theta[:d] * x - x**3) + 0.1 * mixed


FAMILIES = [
    Family("linear", lambda d: d * d + d, _linear),
    Family("mlp", lambda d: 2 * HIDDEN * d + HIDDEN + d, _mlp),
    Family("mixture", lambda d: 2 * d, _mixture),
    Family("cubic", lambda d: d + d * d, _cubic),
]


def parameter_gradient(objective, family, theta, x, rng=None, weights=None):
    """The gradient of the objective with respect to theta. ``rng`` is a function that makes a new Rng."""
    d = int(np.prod(x.shape[1:]))
    if bridge.on_tensors():
        return _on_tensors(objective, family, theta, x, rng, weights)
    return autograd.grad(
        lambda t: objective(family.model(t, d), x, rng=None if rng is None else rng(), weights=weights)
    )(theta)


def _on_tensors(objective, family, theta, x, rng, weights):
    objective, draws = bridge.as_tensors(objective, None if rng is None else rng())
    leaf = bridge.tensor(theta).clone().requires_grad_()
    model = family.model(leaf, int(np.prod(x.shape[1:])))
    objective(model, bridge.tensor(x), rng=draws, weights=bridge.tensor(weights)).backward()
    return leaf.grad.numpy()


def flattened(model):
    """The same model for samples of any event shape."""

    def s(x, sigma=None):
        xp = sk.array_namespace(x)
        return xp.reshape(model(xp.reshape(x, (x.shape[0], -1)), sigma), x.shape)

    return s
