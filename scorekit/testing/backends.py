"""The conformance suite for backends: every member of the protocol, and the mathematics that uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scorekit.errors import InvalidValueError, ScorekitError
from scorekit.protocols import Array, Backend
from scorekit.testing import differentiation

__all__ = ["check_backend"]


def check_backend(backend: Backend, *, quick: bool = False) -> None:
    """Check a backend; the first fault raises a ``ScorekitError`` that names it.

    Results are compared with closed forms and central differences: conversion of arrays; the derivatives of every
    function that the library differentiates, in reverse mode, twice in reverse mode and in the mode of traces with
    probes; ``vjp``, ``grad`` and ``divergence`` and their derivatives; random streams; the parameter gradient of every
    objective; and the derivative of every built-in score.

    Args:
        backend: the backend.
        quick: check only the members of the protocol, in less than a second, to test an installation.

    Raises:
        ValueError: a member is missing, or a result is wrong.

    >>> import scorekit as sk
    >>> check_backend(sk.backend("numpy"))
    """
    missing = sorted(name for name in MEMBERS if not hasattr(backend, name))
    if missing:
        raise InvalidValueError(
            f"backend is a {type(backend).__name__} without {', '.join(missing)}: expected all members of Backend."
        )
    mathematics = () if quick else (_nested, *differentiation.CHECKS)
    for check in (_arrays, _derivatives, _traces, _streams, _contexts, *mathematics):
        _run(backend, check)


MEMBERS = (
    "name",
    "owns",
    "xp",
    "asarray",
    "to_numpy",
    "readable",
    "rng",
    "vjp",
    "divergence",
    "grad",
    "no_grad",
    "learner",
)


def _run(backend: Backend, check: Callable[[Backend], None]) -> None:
    try:
        check(backend)
    except ScorekitError:
        raise
    except Exception as error:
        what = check.__name__.strip("_").replace("_", " ")
        raise InvalidValueError(f"backend {backend.name!r} fails at {what}: {type(error).__name__}: {error}") from error


def _demand(backend: Backend, true: Any, what: str) -> None:
    if not true:
        raise InvalidValueError(f"backend {backend.name!r}: expected {what}.")


def _close(backend: Backend, got: Array, wanted: Any, what: str, tolerance: float = 1e-9) -> None:
    found = np.asarray(backend.to_numpy(got), dtype=np.float64)
    wanted = np.asarray(wanted, dtype=np.float64)
    _demand(backend, found.shape == wanted.shape, f"{what} of shape {wanted.shape}, got {found.shape}")
    off = float(np.max(np.abs(found - wanted), initial=0.0))
    _demand(backend, off <= tolerance * max(1.0, np.abs(wanted).max(initial=0.0)), f"{what}, off by {off:.2e}")


def _points(backend: Backend, shape: tuple[int, ...] = (4, 3)) -> tuple[Any, Array]:
    values = np.random.default_rng(7).uniform(0.3, 1.2, shape)
    return values, backend.asarray(values)


def _arrays(backend: Backend) -> None:
    values, x = _points(backend)
    _demand(backend, isinstance(backend.name, str) and backend.name, "a name")
    _demand(backend, backend.owns(x), "to own its own arrays")
    _demand(backend, not backend.owns(values.tolist()), "not to own lists")
    _close(backend, x, values, "values that survive asarray and to_numpy", 0.0)
    _demand(backend, backend.readable(x) is True, "readable to be True of an array that is there")
    for dtype in ("float32", "float64"):
        like = backend.xp.asarray(x, dtype=getattr(backend.xp, dtype))
        _demand(backend, backend.asarray(values, like=like).dtype == like.dtype, f"asarray to keep the {dtype} of like")


def _cubic(x: Array) -> Array:
    """f_i = x_i³ + x_0 x_i: a Jacobian that is not symmetric."""
    return x**3 + x[:, :1] * x


def _cubic_jacobian(x: Any) -> Any:
    jacobian = np.einsum("ni,ij->nij", 3 * x**2 + x[:, :1], np.eye(x.shape[1]))
    jacobian[:, :, 0] += x
    return jacobian


def _derivatives(backend: Backend) -> None:
    values, x = _points(backend)
    v_values = np.random.default_rng(8).normal(size=values.shape)
    v, jacobian = backend.asarray(v_values), _cubic_jacobian(values)
    f_values = values**3 + values[:, :1] * values
    y, pulled = backend.vjp(_cubic, x, v)
    _close(backend, y, f_values, "vjp to return f(x)")
    _close(backend, pulled, np.einsum("nij,ni->nj", jacobian, v_values), "vjp to return Jᵀ v")
    value, slope = backend.grad(lambda z: backend.xp.sum(z**3, axis=1), x)
    _close(backend, value, (values**3).sum(1), "grad to return f(x)")
    _close(backend, slope, 3 * values**2, "grad to return the gradient")
    _close(backend, x, values, "derivatives to leave x alone", 0.0)


def _nested(backend: Backend) -> None:
    """Derivatives are differentiable in the variables that f closes over."""
    values, x = _points(backend)
    xp, ones = backend.xp, backend.asarray(np.ones_like(values))
    scale = backend.asarray(np.array([[1.3]]))

    def through(derive: Callable[[Callable[[Array], Array]], Array]) -> Callable[[Array], Array]:
        return lambda a: xp.reshape(xp.sum(derive(lambda z: a[0, 0] ** 2 * z**3)), (1,))

    ways: dict[str, Callable[[Callable[[Array], Array]], Array]] = {
        "vjp": lambda f: backend.vjp(f, x, ones)[1],
        "divergence": lambda f: backend.divergence(f, x)[1],
        "divergence with probes": lambda f: backend.divergence(f, x, xp.stack([ones, ones]))[1],
    }
    for name, way in ways.items():
        slope = backend.grad(through(way), scale)[1]
        _close(
            backend, slope, [[2 * 1.3 * (3 * values**2).sum()]], f"{name} to be differentiable in what f closes over"
        )


def _traces(backend: Backend) -> None:
    values, x = _points(backend)
    trace = np.einsum("nii->n", _cubic_jacobian(values))
    y, got = backend.divergence(_cubic, x)
    _close(backend, y, values**3 + values[:, :1] * values, "divergence to return f(x)")
    _close(backend, got, trace, "divergence to return the trace")
    _, folded = backend.divergence(
        lambda z: backend.xp.reshape(_cubic(backend.xp.reshape(z, (4, 4))), (4, 2, 2)),
        backend.asarray(np.arange(1.0, 17.0).reshape(4, 2, 2) / 16),
    )
    wanted = np.einsum("nii->n", _cubic_jacobian(np.arange(1.0, 17.0).reshape(4, 4) / 16))
    _close(backend, folded, wanted, "divergence of samples with two axes")
    probes = np.random.default_rng(9).normal(size=(2, *values.shape))
    _, estimate = backend.divergence(_cubic, x, backend.asarray(probes))
    wanted = np.einsum("mni,nij,mnj->n", probes, _cubic_jacobian(values), probes) / 2
    _close(backend, estimate, wanted, "divergence with probes to be the mean of vᵀ J v")
    _, zero = backend.divergence(lambda z: 0 * z + 1.0, x)
    _close(backend, zero, np.zeros(4), "the divergence of a constant to be zero")


def _streams(backend: Backend) -> None:
    _, x = _points(backend)

    def draws(stream: Any) -> list[Any]:
        made = [stream.normal((50,), like=x), stream.uniform((50,), like=x), stream.rademacher((50,), like=x)]
        return [
            backend.to_numpy(a) for a in (*made, stream.integers(0, 9, (50,)), stream.choice(9, (9,), replace=False))
        ]

    first, second, third = draws(backend.rng(3)), draws(backend.rng(3)), draws(backend.rng(4))
    same = all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    _demand(backend, same, "equal seeds to give equal draws")
    _demand(backend, not np.array_equal(first[0], third[0]), "different seeds to give different draws")
    _demand(backend, set(first[2].tolist()) == {-1.0, 1.0}, "rademacher draws of -1 and 1")
    _demand(backend, sorted(first[4].tolist()) == list(range(9)), "choice without replacement to be a permutation")
    _demand(backend, first[1].min() >= 0 and first[1].max() < 1, "uniform draws in [0, 1)")
    seeds = (7, (7, 0), (7, 0, 0), ("7",), ("fit", 7), ("fit", 7, 0))
    named = {backend.to_numpy(backend.rng(seed).normal((5,), like=x)).tobytes() for seed in seeds}
    _demand(backend, len(named) == len(seeds), f"the seeds {', '.join(map(repr, seeds))} to give different draws")
    stream = backend.rng((1, 2, 3))
    state, ahead = stream.state(), backend.to_numpy(stream.normal((5,)))
    stream.restore(state)
    _demand(backend, np.array_equal(ahead, backend.to_numpy(stream.normal((5,)))), "restore to continue from state")
    one, two = (backend.to_numpy(s.normal((5,))) for s in backend.rng(0).spawn(2))
    _demand(backend, not np.array_equal(one, two), "spawned streams to differ")
    many = backend.to_numpy(backend.rng(5).normal((200_000,)))
    z = [many.mean() * 200_000**0.5, (many.var() - 1) * (200_000 / 2) ** 0.5, (many**3).mean() * (200_000 / 15) ** 0.5]
    _demand(backend, max(map(abs, z)) < 5.3, f"standard normal moments, got z-scores {np.round(z, 2)}")


def _contexts(backend: Backend) -> None:
    values, x = _points(backend)
    with backend.no_grad():
        _close(backend, x * 2, 2 * values, "no_grad to keep values")
