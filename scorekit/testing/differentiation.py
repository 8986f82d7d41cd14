"""The part of the conformance suite that checks derivatives of operations, objectives, scores and views."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from scorekit import models
from scorekit._catalogue import DENSITIES, OBJECTIVES, examples
from scorekit.errors import InvalidValueError
from scorekit.protocols import Array, Backend

__all__ = ["CHECKS"]

_STEP, _TOLERANCE = 1e-5, 1e-6


def _operations(xp: Any, a: Array) -> dict[str, Callable[[Array], Array]]:
    """The operations that differentiated code may use, as functions of positive ``x`` of shape (4, 3)."""
    return {
        "arithmetic": lambda x: (x * a - a / x + x**2) * (-x),
        "sum": lambda x: xp.sum(x, axis=1, keepdims=True) * x,
        "mean": lambda x: xp.mean(x, axis=0) * x,
        "var": lambda x: xp.var(x, axis=1, correction=1),
        "std": lambda x: xp.std(x, axis=1),
        "prod": lambda x: xp.prod(x, axis=1),
        "max": lambda x: xp.max(x, axis=1),
        "exp": lambda x: xp.exp(-x),
        "log": lambda x: xp.log(x),
        "sqrt": lambda x: xp.sqrt(x),
        "tanh": lambda x: xp.tanh(x),
        "log1p": lambda x: xp.log1p(x),
        "expm1": lambda x: xp.expm1(x),
        "sin": lambda x: xp.sin(x) * xp.cos(x),
        "abs": lambda x: xp.abs(x - 0.7),
        "square": lambda x: xp.square(x),
        "pow": lambda x: xp.pow(x, 1.5),
        "where": lambda x: xp.where(x > 0.7, x**2, x**3),
        "maximum": lambda x: xp.maximum(x, a) + xp.minimum(x, a),
        "clip": lambda x: xp.clip(x, 0.5, 1.0) * x,
        "logaddexp": lambda x: xp.logaddexp(x, a),
        "matmul": lambda x: xp.matmul(x, xp.matrix_transpose(x)),
        "vecdot": lambda x: xp.vecdot(x, x * a),
        "tensordot": lambda x: xp.tensordot(x, a, axes=((1,), (1,))),
        "vector_norm": lambda x: xp.linalg.vector_norm(x, axis=1),
        "stack": lambda x: xp.stack([x, x**2], axis=1),
        "concat": lambda x: xp.concat([x, x**2], axis=1),
        "reshape": lambda x: xp.reshape(x, (2, 6)) ** 2,
        "permute_dims": lambda x: xp.permute_dims(x, (1, 0)) ** 2,
        "matrix_transpose": lambda x: xp.matrix_transpose(x) ** 2,
        "expand_dims": lambda x: xp.squeeze(xp.expand_dims(x, axis=1), axis=1) ** 2,
        "broadcast_to": lambda x: xp.broadcast_to(x, (2, 4, 3)) ** 2,
        "flip": lambda x: xp.flip(x, axis=1) * x,
        "roll": lambda x: xp.roll(x, 1, axis=0) * x,
        "indexing": lambda x: x[:, :2] * x[:, 1:],
        "take": lambda x: xp.take(x, xp.asarray([2, 0, 0]), axis=1) ** 2,
        "cumulative_sum": lambda x: xp.cumulative_sum(x, axis=1) ** 2,
        "astype": lambda x: xp.astype(x, x.dtype) ** 2,
    }


def _every_operation_under_a_derivative(backend: Backend) -> None:
    values = np.random.default_rng(11).uniform(0.3, 1.2, (4, 3))
    x, a = backend.asarray(values), backend.asarray(values[::-1].copy())
    direction = np.random.default_rng(12).normal(size=values.shape)
    u = backend.asarray(direction)
    for name, operation in _operations(backend.xp, a).items():
        _compare_modes(backend, name, operation, x, u)


def _compare_modes(backend: Backend, name: str, f: Callable[[Array], Array], x: Array, u: Array) -> None:
    """Compare reverse mode, the mode of traces with probes, and reverse over reverse with differences along ``u``."""
    numpy = backend.to_numpy
    y = numpy(f(x))
    v = backend.asarray(np.random.default_rng(13).normal(size=y.shape))
    difference = (numpy(f(x + _STEP * u)) - numpy(f(x - _STEP * u))) / (2 * _STEP)

    def pull(z: Array) -> Array:
        return backend.vjp(f, z, v)[1]

    def probed(z: Array) -> Array:
        """``u`` times ``vᵀ f``; its Jacobian has the quadratic form (u·u)(vᵀ J u) along ``u``."""
        return u * backend.xp.sum(v * f(z))

    second = (numpy(pull(x + _STEP * u)) - numpy(pull(x - _STEP * u))) / (2 * _STEP)
    w = backend.asarray(np.random.default_rng(14).normal(size=tuple(x.shape)))
    results = {
        "reverse": ((numpy(pull(x)) * numpy(u)).sum(), (numpy(v) * difference).sum()),
        "probed": (
            numpy(backend.divergence(probed, x, backend.xp.stack([u]))[1]).sum(),
            (numpy(u) ** 2).sum() * (numpy(v) * difference).sum(),
        ),
        "second reverse": ((numpy(backend.vjp(pull, x, w)[1]) * numpy(u)).sum(), (numpy(w) * second).sum()),
    }
    for mode, (got, wanted) in results.items():
        _agree(backend, got, wanted, f"{mode}-mode derivative of {name}")


def _agree(backend: Backend, got: Any, wanted: Any, what: str) -> None:
    scale = max(1.0, float(np.max(np.abs(wanted))))
    if not np.allclose(got, wanted, rtol=0, atol=10 * _TOLERANCE * scale):
        off = float(np.max(np.abs(np.asarray(got) - np.asarray(wanted))))
        raise InvalidValueError(f"backend {backend.name!r}: the {what} is off by {off:.2e} from differences.")


def _smooth_model(xp: Any, theta: Array) -> Callable[..., Array]:
    """A small network with parameters ``theta`` of shape (1, 8); every loss is nonlinear in each of them."""

    def model(x: Array, sigma: Any = None) -> Array:  # noqa: ARG001
        hidden = xp.tanh(xp.matmul(x, xp.reshape(theta[0, :4], (2, 2))))
        return xp.matmul(hidden, xp.reshape(theta[0, 4:], (2, 2))) - x

    return model


def _the_parameter_gradient_of_every_objective(backend: Backend) -> None:
    start = np.random.default_rng(15).uniform(-1, 1, (1, 8))
    x = backend.asarray(np.random.default_rng(16).normal(size=(6, 2)))
    for objective in examples(OBJECTIVES):

        def loss(theta: Array, objective: Any = objective) -> Array:
            return backend.xp.reshape(objective(_smooth_model(backend.xp, theta), x, rng=backend.rng(17)), (1,))

        got = backend.to_numpy(backend.grad(loss, backend.asarray(start))[1])
        steps = _STEP * np.eye(8)[:, None, :]
        ends = [(loss(backend.asarray(start + s)), loss(backend.asarray(start - s))) for s in steps]
        wanted = [[float(backend.to_numpy(a - b)[0]) / (2 * _STEP) for a, b in ends]]
        _agree(backend, got, wanted, f"parameter gradient of {objective!r}")


def _the_derivative_of_every_built_in_score(backend: Backend) -> None:
    u_values = np.random.default_rng(20).normal(size=(5, 2))
    for density in examples(DENSITIES):
        shape = density.sample(5, rng=0).shape
        x = backend.asarray(0.7 * np.random.default_rng(19).normal(size=shape))
        u = backend.asarray(np.resize(u_values, shape))
        for sigma in (0.5, backend.asarray(np.linspace(0.4, 0.8, 5))):
            name = f"score of {type(density).__name__} at sigma"
            _compare_modes(backend, name, partial(_score_at, density, sigma), x, u)


def _score_at(density: Any, sigma: Any, x: Array) -> Array:
    return density.score(x, sigma)


def _views_of_models(backend: Backend) -> None:
    x = backend.asarray(np.random.default_rng(21).normal(size=(4, 2)))
    u = backend.asarray(np.random.default_rng(22).normal(size=(4, 2)))
    xp = backend.xp
    views = {
        "EnergyModel": models.EnergyModel(lambda z: xp.sum(xp.log1p(z**2), axis=1)),
        "DenoiserModel": models.DenoiserModel(lambda z, sigma: xp.tanh(z) / (1 + sigma**2)),
        "Preconditioned": models.Preconditioned(lambda z, sigma: xp.tanh(z), 0.5),
    }
    for name, view in views.items():
        _compare_modes(backend, name, models.at(view, 0.5), x, u)


CHECKS = (
    _every_operation_under_a_derivative,
    _the_parameter_gradient_of_every_objective,
    _the_derivative_of_every_built_in_score,
    _views_of_models,
)
