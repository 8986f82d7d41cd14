"""Derivatives on NumPy at zeros, ties and ends: their values, and those of torch, in both modes and at second order."""

from __future__ import annotations

import numpy as np
import pytest
from autograd.test_util import check_grads

import scorekit as sk
from scorekit_numpy import autodiff, corners, namespace

X = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 2.0], [3.0, 3.0, 3.0], [-1.0, 0.0, 0.0], [-2.0, -2.0, 1.0], [-0.5, 1.5, 2.5]])

# what is compared, and whether the second derivative exists at all points of X
FUNCTIONS = {
    "abs": (lambda xp, x: xp.abs(x), True),
    "clip": (lambda xp, x: xp.clip(x, -1.0, 2.0), True),
    "clip below": (lambda xp, x: xp.clip(x, 0.0, None), True),
    "copysign": (lambda xp, x: xp.copysign(x, 0 * x - 1), False),
    "cumulative_prod": (lambda xp, x: xp.cumulative_prod(x, axis=1), True),
    "cumulative_sum": (lambda xp, x: xp.cumulative_sum(x, axis=1), True),
    "expm1": (lambda xp, x: xp.expm1(x), True),
    "floor": (lambda xp, x: xp.floor(x) + x, True),
    "log1p": (lambda xp, x: xp.log1p(x * x), True),
    "logaddexp": (lambda xp, x: xp.logaddexp(x, 2 * x), True),
    "max": (lambda xp, x: xp.max(x, axis=1), True),
    "max of all": (lambda xp, x: xp.max(x), True),
    "maximum": (lambda xp, x: xp.maximum(x, 0 * x), True),
    "min": (lambda xp, x: xp.min(x, axis=1), True),
    "minimum": (lambda xp, x: xp.minimum(x, 0 * x), True),
    "norm": (lambda xp, x: xp.linalg.vector_norm(x, axis=1), False),
    "norm of all": (lambda xp, x: xp.linalg.vector_norm(x), True),
    "norm of order 1": (lambda xp, x: xp.linalg.vector_norm(x, axis=1, ord=1), True),
    "norm of order 3": (lambda xp, x: xp.linalg.vector_norm(x, axis=1, ord=3), True),
    "norm of order inf": (lambda xp, x: xp.linalg.vector_norm(x, axis=1, ord=float("inf")), True),
    "matrix norm": (lambda xp, x: xp.linalg.matrix_norm(x), True),
    "power 0": (lambda xp, x: x**0, True),
    "power 1": (lambda xp, x: x**1, True),
    "power 2": (lambda xp, x: x**2, True),
    "power 3": (lambda xp, x: x**3, True),
    "power with a base of zero": (lambda xp, x: xp.pow(0 * x, x * x + 2), False),
    "prod": (lambda xp, x: xp.prod(x, axis=1), True),
    "prod along the batch": (lambda xp, x: xp.prod(x[1:, ...], axis=0), True),
    "prod of all": (lambda xp, x: xp.prod(x[1:3, 1:]), True),
    "round": (lambda xp, x: xp.round(x) + x, True),
    "sign": (lambda xp, x: xp.sign(x) * x, True),
    "sort": (lambda xp, x: xp.sort(x, axis=1), True),
    "sort downwards": (lambda xp, x: xp.sort(x, axis=0, descending=True), True),
    "square": (lambda xp, x: xp.square(x), True),
    "std": (lambda xp, x: xp.std(x, axis=1), True),
    "std with a correction": (lambda xp, x: xp.std(x, axis=1, correction=1), True),
    "var": (lambda xp, x: xp.var(x, axis=1), True),
    "where": (lambda xp, x: xp.where(x > 0, x * x, -x), True),
    "atan2": (lambda xp, x: xp.atan2(x, 0 * x), False),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_derivatives_are_those_of_torch(name):
    torch = pytest.importorskip("torch")
    f, twice = FUNCTIONS[name]
    rng = np.random.default_rng(0)
    x = torch.tensor(X, requires_grad=True)
    y = f(sk.array_namespace(x), x)
    w, u = rng.normal(size=tuple(y.shape)), rng.normal(size=X.shape)
    (g,) = torch.autograd.grad((y * torch.tensor(w)).sum(), x, create_graph=True)
    np.testing.assert_allclose(f(namespace, X), y.detach().numpy(), rtol=1e-13, atol=1e-13)
    _, reverse = autodiff.vjp(lambda x: f(namespace, x), X, w)
    np.testing.assert_allclose(reverse, g.detach().numpy(), rtol=1e-12, atol=1e-12)
    _, forward = autodiff.jvp(lambda x: f(namespace, x), X, u)
    assert np.sum(w * forward) == pytest.approx(float(np.sum(u * g.detach().numpy())), rel=1e-12, abs=1e-12)
    if twice:
        (h,) = torch.autograd.grad((g * torch.tensor(u)).sum(), x, allow_unused=True) if g.requires_grad else (None,)
        expected = np.zeros_like(X) if h is None else (h + torch.zeros_like(h)).numpy()
        _, second = autodiff.vjp(lambda x: autodiff.vjp(lambda y: f(namespace, y), x, w)[1], X, u)
        np.testing.assert_allclose(second, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("row", [[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
def test_the_derivative_of_a_product_is_the_product_of_the_others(row):
    x = np.array([row])
    others = [[np.prod(np.delete(row, i)) for i in range(3)]]
    np.testing.assert_array_equal(autodiff.grad(lambda x: namespace.prod(x, axis=1), x)[1], others)
    hessian = [[0.0 if i == j else np.prod(np.delete(row, [i, j])) for j in range(3)] for i in range(3)]
    for i, unit in enumerate(np.eye(3)):
        _, column = autodiff.jvp(lambda x: autodiff.grad(lambda y: namespace.prod(y, axis=1), x)[1], x, unit[None])
        np.testing.assert_array_equal(column[0], hessian[i])


@pytest.mark.parametrize("mode", [autodiff.vjp, autodiff.jvp])
def test_norms_and_deviations_of_nothing_have_the_slope_zero(mode):
    zeros, ones = np.zeros((2, 3)), np.ones((2, 3))
    for f in (
        lambda x: namespace.linalg.vector_norm(x, axis=1, keepdims=True) + 0 * x,
        lambda x: namespace.std(x, axis=1, keepdims=True) + 0 * x,
        lambda x: namespace.hypot(x, 0 * x),
        lambda x: namespace.linalg.vector_norm(x, axis=1, ord=3, keepdims=True) + 0 * x,
    ):
        np.testing.assert_array_equal(mode(f, zeros, ones)[1], zeros)


def test_the_second_derivative_of_a_norm_with_a_zero_coordinate():
    """∂²|x|/∂x₂² = 1/|x| at (a, 0): |x|² must not be the square of an absolute value, whose slope at 0 is lost."""
    x, unit = np.array([[2.0, 0.0]]), np.array([[0.0, 1.0]])
    norm = lambda x: namespace.linalg.vector_norm(x, axis=1)  # noqa: E731
    _, column = autodiff.jvp(lambda x: autodiff.grad(norm, x)[1], x, unit)
    np.testing.assert_allclose(column, [[0.0, 0.5]])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: namespace.prod(x, axis=1),
        lambda x: namespace.prod(x, axis=(0, 2), keepdims=True),
        lambda x: namespace.prod(x),
        lambda x: namespace.cumulative_prod(x, axis=1, include_initial=True),
        lambda x: namespace.hypot(x, x[:, ::-1] + 1),
        lambda x: namespace.hypot(x, x[0]),
        lambda x: namespace.atan2(x, x[0] + 3),
        lambda x: namespace.clip(x, -0.5, 0.5),
        lambda x: namespace.clip(x, max=x[0]),
        lambda x: namespace.clip(x, x[:1, :1] - 1, 2.0),
        lambda x: namespace.where(np.arange(4)[:, None, None] > 1, x[0], x[:, :1]),
        lambda x: namespace.where(x > 0, x[0, 0, 0], 2.0),
        lambda x: namespace.sort(x, axis=0, descending=True),
        lambda x: namespace.std(x, axis=1, correction=1),
        lambda x: namespace.linalg.vector_norm(x, axis=(0, 1), ord=4),
        lambda x: namespace.linalg.matrix_norm(x),
    ],
)
def test_elsewhere_they_are_right_by_differences(f):
    x = np.random.default_rng(3).normal(size=(4, 3, 2))
    check_grads(f, modes=["rev", "fwd"], order=1)(x)
    check_grads(f, modes=["rev"], order=2)(x)


def test_values_are_numpys_and_keep_their_type():
    for x in (X, X.astype(np.float32)):
        for name, f in {
            "prod": lambda x: corners.prod(x, axis=1, keepdims=True),
            "std": lambda x: corners.std(x, axis=0),
            "norm": lambda x: corners.vector_norm(x, axis=1),
            "clip": lambda x: corners.clip(x, 0.0, 1.0),
            "cumulative_prod": lambda x: corners.cumulative_prod(x, axis=1),
        }.items():
            plain, traced = f(x), autodiff.vjp(lambda x, f=f: 1 * f(x), x, 1 * f(x))[0]
            assert plain.dtype == traced.dtype == x.dtype, name
            np.testing.assert_allclose(plain, traced, rtol=1e-6)
    np.testing.assert_array_equal(corners.prod(X, axis=1), np.prod(X, axis=1))
    np.testing.assert_array_equal(corners.clip(X, 0.0, 1.0), np.clip(X, 0.0, 1.0))
    np.testing.assert_array_equal(corners.vector_norm(X, axis=1, ord=0), (X != 0).sum(axis=1))
    np.testing.assert_array_equal(namespace.sort(X, axis=1, descending=True), np.sort(X, axis=1)[:, ::-1])
    np.testing.assert_allclose(corners.matrix_norm(X, ord=2), np.linalg.norm(X, ord=2))
    assert corners.prod(np.zeros((3, 0)), axis=1).tolist() == [1.0, 1.0, 1.0]
    assert autodiff.vjp(lambda x: corners.prod(x[:, :0], axis=1), X, np.ones(6))[0].tolist() == [1.0] * 6
    assert corners.vector_norm(np.array([3.0 + 4.0j])) == 5.0
